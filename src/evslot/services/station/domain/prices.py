"""What a slot costs, line by line: gross, whole minor units, each line rounded half-up."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision

from evslot.services.station.domain.walltime import turns
from evslot.services.station.messages import (
    Charger,
    EnergyPrice,
    StationView,
    Tariff,
    TariffElement,
)
from evslot.values import Money, Period, PriceLine

HOUR = timedelta(hours=1) // timedelta(microseconds=1)
DAY = 24 * 60
MINUTE = timedelta(minutes=1)

Dimension = Literal["flat", "per_hour", "per_kwh"]


def tariff_at(station: StationView, charger: Charger) -> Tariff | None:
    """The charger's own prices, or the station's."""
    return charger.tariff or station.tariff


def price_lines(tariff: Tariff, period: Period, zone: str) -> tuple[PriceLine, ...]:
    """The booking fee and the time, a line for each element that prices a part of it.

    Lines of nothing are left out. Energy is paid at the bay.
    """
    spent: dict[int | None, tuple[int, timedelta]] = {}
    for part in parts(tariff, period, zone):
        number, per_hour = _priced(tariff, "per_hour", part.start, period.start, zone)
        _, length = spent.get(number, (0, timedelta()))
        spent[number] = per_hour or 0, length + part.length
    flat = _priced(tariff, "flat", period.start, period.start, zone)[1] or 0
    lines = [_line("FLAT", "Booking fee", flat, tariff)]
    for per_hour, length in spent.values():
        text = f"{length // MINUTE} minutes"
        if tariff.elements:
            text += f" at {_in_major_units(per_hour, tariff.currency)} per hour"
        lines.append(_line("TIME", text, _of_time(per_hour, length), tariff))
    return tuple(line for line in lines if line.amount)


def total(tariff: Tariff, lines: tuple[PriceLine, ...]) -> Money:
    """The sum of the lines, to the cent."""
    return Money(sum(line.amount for line in lines), tariff.currency)


def price(tariff: Tariff, period: Period, zone: str) -> Money:
    """What a slot costs altogether."""
    return total(tariff, price_lines(tariff, period, zone))


def cheapest(station: StationView, chargers: Iterable[Charger], period: Period) -> Money | None:
    """What the slot costs at the cheapest of these chargers, None where nothing has a price."""
    tariffs = {
        tariff.version if charger.tariff is None else charger.charger_id: tariff
        for charger in chargers
        if (tariff := tariff_at(station, charger)) is not None
    }
    prices = [price(tariff, period, station.zone) for tariff in tariffs.values()]
    return min(prices, key=lambda money: money.amount, default=None)


def energy_prices(tariff: Tariff, period: Period, zone: str) -> tuple[EnergyPrice, ...]:
    """What a kWh costs in each part of the slot; empty where that is not known throughout."""
    told: list[EnergyPrice] = []
    for part in parts(tariff, period, zone):
        _, per_kwh = _priced(tariff, "per_kwh", part.start, period.start, zone)
        if per_kwh is None:
            return ()
        if told and told[-1].per_kwh == per_kwh:
            part = Period(told.pop().period.start, part.end)
        told.append(EnergyPrice(period=part, per_kwh=per_kwh))
    return tuple(told)


def parts(tariff: Tariff, period: Period, zone: str) -> list[Period]:
    """The slot, cut wherever another element may begin or end to hold."""
    if not tariff.elements:
        return [period]
    # Midnight, for elements of weekdays; the hours; and where the clock itself is changed.
    minutes = {m for e in tariff.elements for m in (e.start, e.end) if m is not None}
    cuts = set(turns(tuple(sorted({0} | {m % DAY for m in minutes})), period, zone))
    lengths = {m for e in tariff.elements for m in (e.min_minutes, e.max_minutes) if m is not None}
    cuts |= {period.start + m * MINUTE for m in lengths}
    edges = sorted({period.start, period.end} | {c for c in cuts if _inside(c, period)})
    return [Period(start, end) for start, end in pairwise(edges)]


def _inside(instant: datetime, period: Period) -> bool:
    return period.start < instant < period.end


def _priced(
    tariff: Tariff, what: Dimension, at: datetime, start: datetime, zone: str
) -> tuple[int | None, int | None]:
    """Which element names the price at an instant (None = the tariff itself), and the price."""
    if tariff.elements:
        wall = at.astimezone(ZoneInfo(zone))
        for number, element in enumerate(tariff.elements):
            amount: int | None = getattr(element, what)
            if amount is not None and _holds(element, wall, at - start):
                return number, amount
    return None, getattr(tariff, what)


def _holds(element: TariffElement, wall: datetime, since: timedelta) -> bool:
    if element.weekdays and wall.isoweekday() not in element.weekdays:
        return False
    if element.min_minutes is not None and since < element.min_minutes * MINUTE:
        return False
    if element.max_minutes is not None and since >= element.max_minutes * MINUTE:
        return False
    if element.start is None or element.end is None:
        return True
    minute = wall.hour * 60 + wall.minute
    if element.start < element.end:
        return element.start <= minute < element.end
    return minute >= element.start or minute < element.end


def _of_time(per_hour: int, length: timedelta) -> int:
    micros = length // timedelta(microseconds=1)
    return (2 * per_hour * micros + HOUR) // (2 * HOUR)


def _in_major_units(amount: int, currency: str) -> str:
    """`EUR 2.40`: cents where the currency has cents."""
    digits = get_currency_precision(currency)
    whole, rest = divmod(amount, 10**digits)
    return f"{currency} {whole}.{rest:0{digits}}" if digits else f"{currency} {whole}"


def _line(kind: Literal["FLAT", "TIME"], text: str, amount: int, tariff: Tariff) -> PriceLine:
    return PriceLine(kind=kind, text=text, amount=amount, vat_basis_points=tariff.vat_basis_points)

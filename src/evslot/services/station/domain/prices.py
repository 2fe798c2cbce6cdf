"""What a slot costs, line by line: gross, whole minor units, each line rounded half-up."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from evslot.services.station.domain.walltime import first_instant, turns
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
    flat, times = _cost(tariff, period, zone)
    lines = [_line("FLAT", "Booking fee", flat, tariff)]
    for (per_hour, length), parts in zip(times, _timed(tariff, period, zone), strict=True):
        text = f"{length // MINUTE} minutes"
        if tariff.elements:
            text += f" at {_in_major_units(per_hour, tariff.currency)} per hour"
        line = _line("TIME", text, _of_time(per_hour, length), tariff)
        told = parts if len(times) > 1 else ()
        lines.append(replace(line, minutes=length // MINUTE, per_hour=per_hour, parts=told))
    return tuple(line for line in lines if line.amount)


def total(tariff: Tariff, lines: tuple[PriceLine, ...]) -> Money:
    """The sum of the lines, to the cent."""
    return Money(sum(line.amount for line in lines), tariff.currency)


def price(tariff: Tariff, period: Period, zone: str) -> Money:
    """What a slot costs altogether: the total of its lines, which are not written."""
    flat, times = _cost(tariff, period, zone)
    amount = flat + sum(_of_time(per_hour, length) for per_hour, length in times)
    return Money(amount, tariff.currency)


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
    for part in _parts(tariff, period, zone):
        _, per_kwh = _priced(tariff, "per_kwh", part, period.start)
        if per_kwh is None:
            return ()
        begin = part.start
        if told and told[-1].per_kwh == per_kwh:
            begin = told.pop().period.start
        told.append(EnergyPrice(period=Period(begin, part.end), per_kwh=per_kwh))
    return tuple(told)


def _cost(tariff: Tariff, period: Period, zone: str) -> tuple[int, list[tuple[int, timedelta]]]:
    """The booking fee; and for each element that prices time, its price and how long it holds."""
    spent: dict[int | None, tuple[int, timedelta]] = {}
    flat: int | None = None
    for part in _parts(tariff, period, zone):
        if flat is None:
            flat = _priced(tariff, "flat", part, period.start)[1] or 0
        number, per_hour = _priced(tariff, "per_hour", part, period.start)
        _, length = spent.get(number, (0, timedelta()))
        spent[number] = per_hour or 0, length + (part.end - part.start)
    return flat or 0, list(spent.values())


def _timed(tariff: Tariff, period: Period, zone: str) -> list[tuple[Period, ...]]:
    """When each of the elements that price time does so; in the order of `_cost`."""
    spent: dict[int | None, list[Period]] = {}
    for part in _parts(tariff, period, zone):
        number, _ = _priced(tariff, "per_hour", part, period.start)
        told = spent.setdefault(number, [])
        begin = told.pop().start if told and told[-1].end == part.start else part.start
        told.append(Period(begin, part.end))
    return [tuple(parts) for parts in spent.values()]


class _Part(NamedTuple):
    """A part of a day throughout which the wall clock lets the same elements hold."""

    start: datetime
    end: datetime
    elements: tuple[int, ...]


def _parts(tariff: Tariff, period: Period, zone: str) -> Iterator[_Part]:
    """The slot, cut wherever another element may begin or end to hold."""
    if not tariff.elements:
        yield _Part(period.start, period.end, ())
        return
    lengths = {m for e in tariff.elements for m in (e.min_minutes, e.max_minutes) if m is not None}
    cuts = sorted(period.start + minutes * MINUTE for minutes in lengths)
    there = ZoneInfo(zone)
    day, last = (instant.astimezone(there).date() for instant in (period.start, period.end))
    while day <= last:
        parts = _day(tariff.elements, day, zone)
        for part in parts[max(0, bisect_right(parts, (period.start,)) - 1) :]:
            start, end = max(part.start, period.start), min(part.end, period.end)
            if start < end:
                edges = [start, *(cut for cut in cuts if start < cut < end), end]
                yield from (_Part(*edge, part.elements) for edge in pairwise(edges))
            elif part.start >= period.end:
                return
        day += timedelta(days=1)


@lru_cache(maxsize=512)
def _day(elements: tuple[TariffElement, ...], day: date, zone: str) -> tuple[_Part, ...]:
    """A local day, cut where the hours of an element begin or end, and where the clock changes."""
    begin, end = first_instant(day, 0, zone), first_instant(day, DAY, zone)
    minutes = {m % DAY for e in elements for m in (e.start, e.end) if m is not None}
    cuts = turns(tuple(sorted(minutes)), Period(begin, end), zone)
    edges = sorted({begin, end} | {cut for cut in cuts if begin < cut < end})
    there = ZoneInfo(zone)
    parts = []
    for start, stop in pairwise(edges):
        wall = start.astimezone(there)
        holding = tuple(n for n, element in enumerate(elements) if _holds(element, wall))
        parts.append(_Part(start, stop, holding))
    return tuple(parts)


def _priced(
    tariff: Tariff, what: Dimension, part: _Part, start: datetime
) -> tuple[int | None, int | None]:
    """Which element names the price of a part (None = the tariff itself), and the price."""
    since = part.start - start
    for number in part.elements:
        element = tariff.elements[number]
        amount: int | None = getattr(element, what)
        if amount is None:
            continue
        if element.min_minutes is not None and since < element.min_minutes * MINUTE:
            continue
        if element.max_minutes is not None and since >= element.max_minutes * MINUTE:
            continue
        return number, amount
    return None, getattr(tariff, what)


def _holds(element: TariffElement, wall: datetime) -> bool:
    """As far as the wall clock goes."""
    if element.weekdays and wall.isoweekday() not in element.weekdays:
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
    return f"{currency} {Money(amount, currency).in_major_units}"


def _line(kind: Literal["FLAT", "TIME"], text: str, amount: int, tariff: Tariff) -> PriceLine:
    return PriceLine(kind=kind, text=text, amount=amount, vat_basis_points=tariff.vat_basis_points)

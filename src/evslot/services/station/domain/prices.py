"""What a slot costs, line by line: gross, whole minor units, each line rounded half-up."""

from datetime import timedelta
from typing import Literal

from evslot.services.station.messages import Tariff
from evslot.values import Money, Period, PriceLine

HOUR = timedelta(hours=1) // timedelta(microseconds=1)


def price_lines(tariff: Tariff, period: Period) -> tuple[PriceLine, ...]:
    """The booking fee and the time; lines of nothing are left out. Energy is paid at the bay."""
    micros = period.length // timedelta(microseconds=1)
    time_amount = (2 * tariff.per_hour * micros + HOUR) // (2 * HOUR)
    minutes = period.length // timedelta(minutes=1)
    lines = (
        _line("FLAT", "Booking fee", tariff.flat, tariff),
        _line("TIME", f"{minutes} minutes", time_amount, tariff),
    )
    return tuple(line for line in lines if line.amount)


def total(tariff: Tariff, lines: tuple[PriceLine, ...]) -> Money:
    """The sum of the lines, to the cent."""
    return Money(sum(line.amount for line in lines), tariff.currency)


def price(tariff: Tariff, period: Period) -> Money:
    """What a slot costs altogether."""
    return total(tariff, price_lines(tariff, period))


def _line(kind: Literal["FLAT", "TIME"], text: str, amount: int, tariff: Tariff) -> PriceLine:
    return PriceLine(kind=kind, text=text, amount=amount, vat_basis_points=tariff.vat_basis_points)

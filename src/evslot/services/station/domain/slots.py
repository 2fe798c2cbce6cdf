"""Which slots there are, and why one cannot be booked."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from evslot.services.station.domain.hours import is_open, open_spans
from evslot.services.station.domain.prices import price
from evslot.services.station.domain.walltime import first_instant, grid_starts, on_grid
from evslot.services.station.messages import (
    Charger,
    ChargerSlots,
    PeriodInvalid,
    SearchInvalid,
    Slot,
    SlotInPast,
    SlotLengthInvalid,
    SlotOffGrid,
    SlotRule,
    SlotTooFar,
    SlotTooSoon,
    StationClosed,
    StationView,
    Tariff,
)
from evslot.values import ChargerId, Period

Reason = Literal["taken", "closed", "past", "too_soon", "too_far", "not_bookable"]


class Occupied(Struct, frozen=True):
    """What takes a charger: a booking with its buffer, or a closure."""

    period: Period
    closure: bool = False


Busy = Mapping[ChargerId, Sequence[Occupied]]
"""What occupies each charger."""

DAY = 24 * 60
SLOTS_IN_AN_ANSWER = 1000
"""About 160 bytes each: an answer stays well below the 256 KiB of a record."""
DAYS_TO_LOOK_AT = 400
"""Before and after today: the furthest notice is a year."""


def occupied(period: Period, rule: SlotRule) -> Period:
    """The period with its buffer after: what is claimed on the charger."""
    return Period(period.start, period.end + timedelta(minutes=rule.buffer))


def check_period(period: Period) -> None:
    """Refuses with PeriodInvalid what is no span of time."""
    if period.start.tzinfo is None or period.end.tzinfo is None or period.end <= period.start:
        raise PeriodInvalid


def check_length(length: timedelta, rule: SlotRule) -> None:
    """Refuses with SlotLengthInvalid or SlotOffGrid; the limits are in the details."""
    shortest, longest = timedelta(minutes=rule.shortest), timedelta(minutes=rule.longest)
    if not shortest <= length <= longest:
        raise SlotLengthInvalid(shortest=rule.shortest, longest=rule.longest)
    if length % timedelta(minutes=rule.grid):
        raise SlotOffGrid(grid=rule.grid)


def check_slot(station: StationView, period: Period, now: datetime) -> None:
    """Refuses a slot that the station's rules do not allow; whether it is taken is not asked.

    Far-off times are refused before anything is reckoned with them: year 9999 has no next day.
    """
    check_period(period)
    rule = station.rule
    reason = notice(rule, period.start, now)
    if reason == "past":
        raise SlotInPast
    if reason == "too_far":
        raise SlotTooFar(earliest_notice_days=rule.earliest_notice_days)
    check_length(period.length, rule)
    if not on_grid(period.start, rule.grid, ZoneInfo(station.zone)):
        raise SlotOffGrid(grid=rule.grid)
    if reason == "too_soon":
        raise SlotTooSoon(latest_notice=rule.latest_notice)
    if not opens_for(station, period):
        raise StationClosed


def check_now(station: StationView, period: Period, now: datetime) -> None:
    """The same for a slot that has just begun: only its end lies on the grid, no notice is due.

    The first piece up to the grid may be short of a whole one, so some end always fits.
    """
    check_period(period)
    rule = station.rule
    if period.end <= now:
        raise SlotInPast
    if period.length > timedelta(minutes=rule.longest):
        raise SlotLengthInvalid(shortest=rule.shortest, longest=rule.longest)
    if not on_grid(period.end, rule.grid, ZoneInfo(station.zone)):
        raise SlotOffGrid(grid=rule.grid)
    if period.length <= timedelta(minutes=rule.shortest - rule.grid):
        raise SlotLengthInvalid(shortest=rule.shortest, longest=rule.longest)
    if not opens_for(station, period):
        raise StationClosed


def notice(
    rule: SlotRule, start: datetime, now: datetime
) -> Literal["past", "too_soon", "too_far"] | None:
    """Why a start cannot be booked at this moment, None if it can."""
    if start <= now:
        return "past"
    ahead = start - now
    if ahead < timedelta(minutes=rule.latest_notice):
        return "too_soon"
    if ahead > timedelta(days=rule.earliest_notice_days):
        return "too_far"
    return None


def opens_for(station: StationView, period: Period) -> bool:
    """Whether the station is open for the whole period."""
    if station.hours.always and not station.hours.exceptions:
        return True
    zone = ZoneInfo(station.zone)
    first, last = period.start.astimezone(zone).date(), period.end.astimezone(zone).date()
    return is_open(open_spans(station.hours, station.zone, first, last), period)


def bookable_in(station: StationView, window: Period, now: datetime) -> bool:
    """Whether a search may call chargers free for a window.

    Grid and shortest length do not count: the driver will pick the slot that covers the window.
    """
    return (
        notice(station.rule, window.start, now) is None
        and window.length <= timedelta(minutes=station.rule.longest)
        and opens_for(station, window)
    )


def claimed_span(station: StationView, day: date, minutes: int, now: datetime) -> Period:
    """All that slots of a local day can claim: the last ones reach into the next day.

    Refuses lengths that the station does not let, and days that nobody can book or remembers.
    """
    if abs((day - now.date()).days) > DAYS_TO_LOOK_AT:
        raise SearchInvalid(f"the day must lie within {DAYS_TO_LOOK_AT} days of today")
    length = timedelta(minutes=minutes) if 0 < minutes <= DAY else timedelta()
    check_length(length, station.rule)
    begin, end = (first_instant(day, minute, station.zone) for minute in (0, DAY))
    return occupied(Period(begin, end + length), station.rule)


def day_slots(
    station: StationView,
    day: date,
    minutes: int,
    chargers: Sequence[Charger],
    busy: Busy,
    now: datetime,
) -> list[ChargerSlots]:
    """Every grid start of the day at these chargers, with price and why a grey one is grey."""
    length = timedelta(minutes=minutes)
    spans = open_spans(station.hours, station.zone, day, day + timedelta(days=2))
    starts = grid_starts(day, station.zone, station.rule.grid)
    offers = [_offer(station, Period(start, start + length), spans, now) for start in starts]
    priced: dict[Tariff | None, list[Slot]] = {}
    found = []
    for charger in chargers:
        tariff = charger.tariff or station.tariff
        prices = replace(tariff, version=0) if tariff else None
        if prices not in priced:
            priced[prices] = _priced(offers, tariff, station.zone)
        taken = busy.get(charger.charger_id, ())
        found.append(
            ChargerSlots(
                charger_id=charger.charger_id,
                label=charger.label,
                slots=[_at_charger(slot, station.rule, taken) for slot in priced[prices]],
            )
        )
    return found


def chargers_per_answer(station: StationView) -> int:
    """How many chargers' days fit into one record; 25 hours in the longest day."""
    return max(1, SLOTS_IN_AN_ANSWER // (25 * 60 // station.rule.grid))


def _offer(station: StationView, period: Period, spans: Sequence[Period], now: datetime) -> Slot:
    """The slot as it is where no charger is taken, still without a price."""
    reason: Reason | None = notice(station.rule, period.start, now)
    if reason != "past" and station.status != "bookable":
        reason = "not_bookable"
    if reason is None and not is_open(spans, period):
        reason = "closed"
    return Slot(period=period, free=reason is None, price=None, reason=reason)


def _priced(slots: Sequence[Slot], tariff: Tariff | None, zone: str) -> list[Slot]:
    return [
        replace(slot, price=price(tariff, slot.period, zone) if tariff else None) for slot in slots
    ]


def _at_charger(slot: Slot, rule: SlotRule, taken: Sequence[Occupied]) -> Slot:
    if not slot.free or not taken:
        return slot
    claimed = occupied(slot.period, rule)
    met = [one.closure for one in taken if claimed.overlaps(one.period)]
    if not met:
        return slot
    return replace(slot, free=False, reason="closed" if all(met) else "taken")

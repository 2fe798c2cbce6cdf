"""What a search makes of a station: can it be booked, from when, what does it cost.

Texts of hours, rules and tariffs are read once and remembered: many stations share them.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from evslot.services.station.domain.hours import is_open, open_spans
from evslot.services.station.domain.prices import price
from evslot.services.station.domain.search import Rank, judges, metres_of, picks_chargers
from evslot.services.station.domain.slots import notice, occupied
from evslot.services.station.domain.walltime import grid_starts
from evslot.services.station.messages import (
    FindStations,
    FoundStation,
    Hours,
    Position,
    SlotRule,
    StationStatus,
    Tariff,
)
from evslot.values import ChargerId, Money, Period, StationId

MINUTE = timedelta(minutes=1)
AHEAD = timedelta(hours=24)
"""How far a search looks for the next free slot, and for the end of what is free now."""
REMEMBERED = 8192
UNRANKED = 9e15
"""Without a price or a start: last."""


class Near(Struct, frozen=True, kw_only=True):
    """A station near the place, before anything of its chargers is known."""

    station_id: StationId
    chord: float
    name: str
    address: str
    city: str
    district: str
    latitude: float
    longitude: float
    zone: str
    status: StationStatus
    most_watts: int
    """Of its strongest plug, 0 where that is not known."""
    hours: str
    rule: str
    tariff: str | None
    """JSON."""
    own_prices: bool
    """Whether a charger of it has prices of its own."""


class Bays(Struct, frozen=True, kw_only=True):
    """Those chargers of a station that have what is wanted, in sum."""

    total: int = 0
    free: int = 0
    """Can be booked, and nothing occupies them in the claimed time."""
    watts: int | None = None
    """The strongest plug, where some chargers were picked."""
    accessible: bool = False
    tariffs: tuple[str | None, ...] = ()
    """Of the free ones, else of all; None = the station's."""
    charger_ids: tuple[ChargerId, ...] = ()
    """Where none is free."""
    taken_from: datetime | None = None
    """When the free one that is free longest is taken; None = not within a day."""


class Judged(Struct, frozen=True, kw_only=True):
    """A station with what a search says of it."""

    near: Near
    bays: Bays
    price: Money | None


def claim_of(search: FindStations, near: Near, now: datetime) -> Period | None:
    """The window, or from this minute to the first end on the grid, with the buffer after it.

    None where it cannot be booked: not here, not then, or not open. Of a window grid and shortest
    length do not count: the driver will pick the slot that covers it.
    """
    if near.status != "bookable":
        return None
    rule = rule_of(near.rule)
    if search.window is None:
        period = soonest(rule, near.zone, now)
    elif notice(rule, search.window.start, now) or _too_long(search.window, rule):
        return None
    else:
        period = search.window
    return occupied(period, rule) if is_open_for(near.hours, near.zone, period) else None


def soonest(rule: SlotRule, zone: str, now: datetime) -> Period:
    """The shortest slot that can be booked from this minute on; it ends on the grid."""
    start = now.replace(second=0, microsecond=0)
    wall = start.astimezone(ZoneInfo(zone))
    missing = rule.grid - (wall.hour * 60 + wall.minute) % rule.grid
    return Period(start, start + (missing + rule.shortest - rule.grid) * MINUTE)


def judged(search: FindStations, near: Near, bays: Bays) -> Judged:
    """With the price of the window at the cheapest charger."""
    cost = None
    if search.window is not None:
        prices = [
            price_of(text, near.zone, search.window)
            for tariff in bays.tariffs
            if (text := tariff or near.tariff) is not None
        ]
        cost = min(prices, key=lambda money: money.amount, default=None)
    return Judged(near=near, bays=bays, price=cost)


def may_be_wanted(search: FindStations, near: Near, now: datetime) -> bool:
    """What can be said before chargers are known."""
    if search.open_now and not is_open_at(near.hours, near.zone, now):
        return False
    if search.max_price is None or near.own_prices:
        return True
    cost = _usual_price(search, near)
    return cost is not None and cost.amount <= search.max_price


def is_priced(search: FindStations, near: Near) -> bool:
    """Whether its place in an order by price is known before its chargers are."""
    return search.sort == "price" and not (judges(search) or near.own_prices)


def is_wanted(search: FindStations, found: Judged) -> bool:
    """What only can be said when chargers and prices are known."""
    if found.bays.total == 0 and picks_chargers(search):
        return False
    if search.free and not found.bays.free:
        return False
    if search.max_price is None:
        return True
    return found.price is not None and found.price.amount <= search.max_price


def is_full(found: Judged) -> bool:
    """Whether it is worth to look for a later start."""
    return found.near.status == "bookable" and not found.bays.free


def rank_of(search: FindStations, found: Judged, later: Period | None) -> Rank:
    """By price or by start, ties by distance."""
    if search.sort == "price":
        rank = UNRANKED if found.price is None else float(found.price.amount)
    elif search.window is not None and found.bays.free:
        rank = search.window.start.timestamp()
    else:
        rank = UNRANKED if later is None else later.start.timestamp()
    return (rank, found.near.chord, found.near.station_id)


def line_of(
    search: FindStations, found: Judged, next_free: Period | None, now: datetime
) -> FoundStation:
    """As the answer says it."""
    near, bays = found.near, found.bays
    free = bays.free if near.status == "bookable" else None
    by_window = search.window is not None
    return FoundStation(
        station_id=near.station_id,
        name=near.name,
        address=near.address,
        city=near.city,
        district=near.district,
        position=Position(near.latitude, near.longitude),
        zone=near.zone,
        status=near.status,
        distance_metres=round(metres_of(near.chord)),
        chargers_total=bays.total,
        chargers_free=free if by_window else None,
        chargers_free_now=None if by_window else free,
        free_until=None if by_window or not free else _free_until(found, now),
        next_free=next_free,
        max_watts=bays.watts if picks_chargers(search) else near.most_watts or None,
        accessible=bays.accessible,
        price=found.price,
        open_now=is_open_at(near.hours, near.zone, now),
    )


def next_free(
    near: Near, length: timedelta, after: datetime, now: datetime, taken: Sequence[Sequence[Period]]
) -> Period | None:
    """The first slot of that length (or the next one that can be booked) within a day.

    `taken`: of each charger what occupies it, sorted.
    """
    rule = rule_of(near.rule)
    minutes = max(rule.shortest, -(-length // MINUTE // rule.grid) * rule.grid)
    if minutes > rule.longest:
        return None
    length = minutes * MINUTE
    starts = _open_starts(near.hours, near.zone, rule.grid, after, length)
    soonest_start = max(now + timedelta.resolution, now + rule.latest_notice * MINUTE)
    furthest = now + timedelta(days=rule.earliest_notice_days)
    place = bisect_left(starts, soonest_start)
    found: datetime | None = None
    for periods in taken:
        found = _first(starts, place, length + rule.buffer * MINUTE, periods, found)
    if found is None or found > furthest:
        return None
    return Period(found, found + length)


# --- remembered ---------------------------------------------------------------------------------


@lru_cache(maxsize=REMEMBERED)
def rule_of(text: str) -> SlotRule:
    """The slot rule in a text of JSON."""
    return msgspec.json.decode(text, type=SlotRule)


@lru_cache(maxsize=REMEMBERED)
def _hours_of(text: str) -> Hours:
    return msgspec.json.decode(text, type=Hours)


@lru_cache(maxsize=REMEMBERED)
def _tariff_of(text: str) -> Tariff:
    return msgspec.json.decode(text, type=Tariff)


@lru_cache(maxsize=REMEMBERED)
def price_of(tariff: str, zone: str, period: Period) -> Money:
    """What a period costs, by the same rules as a slot and a quote."""
    return price(_tariff_of(tariff), period, zone)


@lru_cache(maxsize=REMEMBERED)
def is_open_for(hours: str, zone: str, period: Period) -> bool:
    """Whether it is open for the whole period."""
    known = _hours_of(hours)
    if known.always and not known.exceptions:
        return True
    first, last = (at.astimezone(ZoneInfo(zone)).date() for at in (period.start, period.end))
    return is_open(open_spans(known, zone, first, last), period)


def is_open_at(hours: str, zone: str, now: datetime) -> bool:
    """Whether it is open in this minute."""
    minute = now.replace(second=0, microsecond=0)
    return is_open_for(hours, zone, Period(minute, minute + MINUTE))


@lru_cache(maxsize=REMEMBERED)
def _spans(hours: str, zone: str, day: date) -> list[Period]:
    """Around a day in UTC: local days begin and end half a day earlier or later."""
    return open_spans(_hours_of(hours), zone, day - timedelta(days=1), day + timedelta(days=3))


@lru_cache(maxsize=REMEMBERED)
def _open_starts(
    hours: str, zone: str, grid: int, after: datetime, length: timedelta
) -> tuple[datetime, ...]:
    """The starts of a day from `after` on at which it is open for the whole length."""
    spans = _spans(hours, zone, after.date())
    first = after.astimezone(ZoneInfo(zone)).date()
    days = (first + timedelta(days=number) for number in range(3))
    return tuple(
        start
        for day in days
        for start in grid_starts(day, zone, grid)
        if after <= start < after + AHEAD and is_open(spans, Period(start, start + length))
    )


# --- in detail ----------------------------------------------------------------------------------


def _usual_price(search: FindStations, near: Near) -> Money | None:
    if near.tariff is None or search.window is None:
        return None
    return price_of(near.tariff, near.zone, search.window)


def _too_long(window: Period, rule: SlotRule) -> bool:
    return window.length > rule.longest * MINUTE


def _free_until(found: Judged, now: datetime) -> datetime:
    """Until the next occupant less the buffer, the end of the opening, or a day from now."""
    near = found.near
    ends = [now + AHEAD]
    if found.bays.taken_from is not None:
        ends.append(found.bays.taken_from - rule_of(near.rule).buffer * MINUTE)
    spans = _spans(near.hours, near.zone, now.date())
    ends += [span.end for span in spans if span.start <= now < span.end]
    return min(ends)


def _first(
    starts: Sequence[datetime],
    place: int,
    claimed: timedelta,
    taken: Sequence[Period],
    best: datetime | None,
) -> datetime | None:
    """The first start at one charger, if it is before the best of the others."""
    while place < len(starts):
        start = starts[place]
        if best is not None and start >= best:
            return best
        end = start + claimed
        until = max((p.end for p in taken if p.start < end and start < p.end), default=None)
        if until is None:
            return start
        place = bisect_left(starts, until)
    return best

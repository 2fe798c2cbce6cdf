"""What can be had at a charger from this minute on, for somebody who stands before it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from evslot.services.station.domain.finding import AHEAD, soonest
from evslot.services.station.domain.hours import is_open, open_spans
from evslot.services.station.domain.prices import price, tariff_at
from evslot.services.station.domain.slots import Occupied, day_slots, occupied
from evslot.services.station.domain.walltime import on_grid
from evslot.services.station.messages import (
    Charger,
    NotNow,
    StartOffer,
    StationView,
    StickerUnknown,
    StickerView,
)
from evslot.values import Period

USUAL_MINUTES = (30, 60, 120)
LOOKED_AT = timedelta(days=3)
"""Holds today and tomorrow of every zone, with the longest slot that begins then."""
LONGEST_CODE = 20
LETTERS = frozenset("23456789CDFGHJKMNPQRTVWXY")
"""As the schema's `sticker_code` draws them."""
BROKEN = ("BLOCKED", "INOPERATIVE", "OUTOFORDER")
MINUTE = timedelta(minutes=1)


def read_code(text: str) -> str:
    """As it is stored, however somebody typed it; raises StickerUnknown where it cannot be one."""
    code = "".join(text[:LONGEST_CODE].upper().replace("-", " ").split())
    if not LETTERS.issuperset(code):
        raise StickerUnknown
    return code


def sticker_view(
    code: str,
    station: StationView,
    charger: Charger,
    taken: Sequence[Occupied],
    now: datetime,
) -> StickerView:
    """`taken`: what occupies the charger from now on for `LOOKED_AT`, sorted."""
    reason, busy = _obstacle(station, charger, taken, now)
    until = _free_until(station, taken, now) if reason is None else None
    return StickerView(
        code=code,
        station_id=station.station_id,
        station_name=station.name,
        address=station.address,
        city=station.city,
        zone=station.zone,
        how_to_find=station.how_to_find,
        station_status=station.status,
        charger=charger,
        as_of=now,
        free_now=reason is None,
        reason=reason,
        free_until=until,
        busy=busy,
        next_free=None if reason is None else _next_free(station, charger, taken, now),
        offers=_offers(station, charger, until, now) if until else [],
    )


def _obstacle(
    station: StationView, charger: Charger, taken: Sequence[Occupied], now: datetime
) -> tuple[NotNow | None, Period | None]:
    """Why the shortest slot cannot begin this minute; and what takes it, where something does."""
    if station.status != "bookable" or tariff_at(station, charger) is None:
        return "not_bookable", None
    wanted = soonest(station.rule, station.zone, now)
    claimed = occupied(wanted, station.rule)
    met = [one for one in taken if one.period.overlaps(claimed)]
    if not is_open(_spans(station, now), wanted) or (met and all(one.closure for one in met)):
        return "closed", None
    if charger.state in BROKEN:
        return "out_of_order", None
    if met:
        return "taken", _run(met[0].period, taken)
    return ("in_use", None) if charger.state == "CHARGING" else (None, None)


def _run(first: Period, taken: Iterable[Occupied]) -> Period:
    """With all that follows without a gap."""
    end = first.end
    for one in taken:
        if one.period.start <= end:
            end = max(end, one.period.end)
    return Period(first.start, end)


def _free_until(station: StationView, taken: Sequence[Occupied], now: datetime) -> datetime:
    """As a search says it: the next occupant less the buffer, the end of the opening, or a day."""
    ends = [now + AHEAD]
    ends += [one.period.start - station.rule.buffer * MINUTE for one in taken[:1]]
    ends += [span.end for span in _spans(station, now) if span.start <= now < span.end]
    return min(ends)


def _offers(
    station: StationView, charger: Charger, until: datetime, now: datetime
) -> list[StartOffer]:
    """Ends lie on the station's grid: each is the first that lets the wanted length be had."""
    tariff = tariff_at(station, charger)
    ends = _ends(station, until, now)
    if tariff is None or not ends:
        return []
    start = now.replace(second=0, microsecond=0)
    usual = (
        next((end for end in ends if end - start >= minutes * MINUTE), None)
        for minutes in USUAL_MINUTES
    )
    chosen = dict.fromkeys([*(end for end in usual if end is not None), ends[-1]])
    return [
        StartOffer(
            period=Period(start, end),
            minutes=(end - start) // MINUTE,
            price=price(tariff, Period(start, end), station.zone),
            longest=end == ends[-1],
        )
        for end in chosen
    ]


def _ends(station: StationView, until: datetime, now: datetime) -> list[datetime]:
    """On the grid, from the shortest slot to the longest that ends in time; 288 at most."""
    first = soonest(station.rule, station.zone, now)
    last = min(until, first.start + station.rule.longest * MINUTE)
    grid, zone = station.rule.grid, ZoneInfo(station.zone)
    steps = range((last - first.end) // (grid * MINUTE) + 1)
    ends = (first.end + step * grid * MINUTE for step in steps)
    return [end for end in ends if on_grid(end, grid, zone)]


def _next_free(
    station: StationView, charger: Charger, taken: Sequence[Occupied], now: datetime
) -> Period | None:
    """The first start of the grid at which the shortest slot can be booked."""
    if station.status != "bookable":
        return None
    today = now.astimezone(ZoneInfo(station.zone)).date()
    busy = {charger.charger_id: taken}
    for day in (today, today + timedelta(days=1)):
        (found,) = day_slots(station, day, station.rule.shortest, [charger], busy, now)
        for slot in found.slots:
            if slot.free:
                return slot.period
    return None


def _spans(station: StationView, now: datetime) -> list[Period]:
    day = now.astimezone(ZoneInfo(station.zone)).date()
    return open_spans(station.hours, station.zone, day, day + timedelta(days=2))

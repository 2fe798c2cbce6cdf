"""One station: its details, the slots of a day, quotes."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import uuid4

from evslot.services.station import store
from evslot.services.station.domain import slots as slotting
from evslot.services.station.domain.quotes import Wish, check_wish, make_quote, wish_of
from evslot.services.station.domain.slots import Occupied
from evslot.services.station.domain.states import with_known_states
from evslot.services.station.messages import (
    Charger,
    ChargerNotFound,
    DaySlots,
    GetKnownVersion,
    GetQuote,
    GetSlots,
    GetStation,
    KnownVersion,
    SignedQuote,
    StationNotFound,
    StationView,
    pack_quote,
)
from evslot.spine.handling import Queries
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reading
from evslot.values import ChargerId, Period, StationId

queries = Queries()


@queries.on(GetStation)
async def get_station(query: GetStation, reading: Reading) -> StationView:
    station = await known_station(reading, query.station_id)
    return with_known_states(station, reading.now)


@queries.on(GetSlots)
async def get_slots(query: GetSlots, reading: Reading) -> DaySlots:
    station = await known_station(reading, query.station_id)
    span = slotting.claimed_span(station, query.day, query.minutes, reading.now)
    chargers, next_after = _asked_chargers(station, query)
    busy = await busy_in(reading, chargers, span)
    return DaySlots(
        station_id=station.station_id,
        day=query.day,
        zone=station.zone,
        minutes=query.minutes,
        chargers=slotting.day_slots(station, query.day, query.minutes, chargers, busy, reading.now),
        as_of=reading.now,
        next_after=next_after,
    )


@queries.on(GetQuote)
async def get_quote(query: GetQuote, reading: Reading) -> SignedQuote:
    """Whether the slot is taken is not looked at: only the reservation service knows."""
    if not query.now:
        slotting.check_period(query.period)
    station = await known_station(reading, query.station_id)
    wish = wish_of(query, station, reading.now)
    check_wish(station, wish, reading.now)
    taken = await _taken(reading, station, wish) if wish.kind else frozenset()
    quote = make_quote(station, wish, reading.now, uuid4(), taken)
    keys = reading.resource(Keys)
    return SignedQuote(
        quote=quote, token=pack_quote(quote, lambda signed: keys.mac("reservation", signed))
    )


@queries.on(GetKnownVersion)
async def get_known_version(query: GetKnownVersion, reading: Reading) -> KnownVersion:
    """As far as what is taken counts it."""
    reading.caller.require_system()
    version = await reading.fetch_value(
        "select version from busy where ref = $1", query.reservation_id
    )
    return KnownVersion(version=version or 0)


async def _taken(reading: Reading, station: StationView, wish: Wish) -> frozenset[ChargerId]:
    """Which of the chargers seem taken: what is quoted should be had."""
    busy = await busy_in(reading, wish.chargers, slotting.occupied(wish.period, station.rule))
    return frozenset(busy)


async def known_station(reading: Reading, station_id: StationId) -> StationView:
    """Raises StationNotFound."""
    station = (await store.select_stations(reading, [station_id])).get(station_id)
    if station is None:
        raise StationNotFound
    return station


async def busy_in(
    reading: Reading, chargers: Sequence[Charger], span: Period
) -> dict[ChargerId, list[Occupied]]:
    """What occupies them then, as far as it was heard; lapsed holds do not count."""
    rows = await reading.fetch(
        """select charger_id, lower(occupied) as start, upper(occupied) as until,
             kind = 'closure' as closure
           from busy
           where charger_id = any($1::uuid[]) and occupies and occupied && tstzrange($2, $3)
             and (held_until is null or held_until > $4)""",
        [charger.charger_id for charger in chargers],
        span.start,
        span.end,
        reading.now,
    )
    found: dict[ChargerId, list[Occupied]] = defaultdict(list)
    for row in rows:
        period = Period(row["start"], row["until"])
        found[ChargerId(row["charger_id"])].append(Occupied(period, row["closure"]))
    return found


def _asked_chargers(
    station: StationView, query: GetSlots
) -> tuple[list[Charger], ChargerId | None]:
    """The chargers of this answer, and the last of them where more follow."""
    if query.charger_id is not None:
        wanted = [c for c in station.chargers if c.charger_id == query.charger_id]
        if not wanted:
            raise ChargerNotFound
        return wanted, None
    ids = [charger.charger_id for charger in station.chargers]
    if query.after is not None and query.after not in ids:
        raise ChargerNotFound
    begin = ids.index(query.after) + 1 if query.after else 0
    end = begin + slotting.chargers_per_answer(station)
    return station.chargers[begin:end], ids[end - 1] if end < len(ids) else None

"""What the station service answers: search, stations, slots of a day, quotes."""

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from uuid import uuid4

from evslot.services.station import store
from evslot.services.station.domain import search as searching
from evslot.services.station.domain import slots as slotting
from evslot.services.station.domain.prices import price
from evslot.services.station.domain.quotes import make_quote
from evslot.services.station.domain.states import with_known_states
from evslot.services.station.messages import (
    Charger,
    ChargerNotFound,
    DaySlots,
    FindStations,
    FoundStation,
    FoundStations,
    GetQuote,
    GetSlots,
    GetStation,
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
    station = await _station(reading, query.station_id)
    return with_known_states(station, reading.now)


@queries.on(FindStations)
async def find_stations(query: FindStations, reading: Reading) -> FoundStations:
    searching.check_search(query)
    keys = reading.resource(Keys)
    last = searching.unpack_cursor(query, keys.fingerprint)
    near = await _near(reading, query, last)
    page = near[: query.limit]
    views = await store.select_stations(reading, [found.station_id for found in page])
    able = _bookable(query.window, views.values(), reading.now)
    taken = await _taken_chargers(reading, query.window, able.values())
    more = len(near) > len(page)
    return FoundStations(
        stations=[
            _found(query, views[found.station_id], found.chord, able, taken) for found in page
        ],
        as_of=reading.now,
        next_cursor=searching.pack_cursor(query, page[-1], keys.fingerprint) if more else None,
    )


@queries.on(GetSlots)
async def get_slots(query: GetSlots, reading: Reading) -> DaySlots:
    station = await _station(reading, query.station_id)
    span = slotting.claimed_span(station, query.day, query.minutes, reading.now)
    chargers, next_after = _asked_chargers(station, query)
    busy = await _busy(reading, chargers, span)
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
    slotting.check_period(query.period)
    station = await _station(reading, query.station_id)
    charger = next((c for c in station.chargers if c.charger_id == query.charger_id), None)
    if charger is None:
        raise ChargerNotFound
    quote = make_quote(station, charger, query.period, reading.now, uuid4())
    keys = reading.resource(Keys)
    return SignedQuote(
        quote=quote, token=pack_quote(quote, lambda signed: keys.mac("reservation", signed))
    )


async def _station(reading: Reading, station_id: StationId) -> StationView:
    station = (await store.select_stations(reading, [station_id])).get(station_id)
    if station is None:
        raise StationNotFound
    return station


async def _near(
    reading: Reading, search: FindStations, last: searching.Last
) -> list[searching.Last]:
    """One more than a page, so that it is known whether there is another."""
    rows = await reading.fetch(
        """with here as materialized (select on_globe($1, $2) as place)
           select s.station_id, s.chord from here, lateral (
             select s.station_id, s.place <-> here.place as chord
             from station s
             where s.status <> 'retired' and (s.status = 'bookable' or not $4::boolean)
               and s.place <@ cube_enlarge(here.place, $3, 3)
               and s.place <-> here.place <= $3
               and (s.place <-> here.place, s.station_id) > ($5::float8, $6::uuid)
               and ($7::text is null or s.standards @> array[$7])
               and ($8::integer is null or s.most_watts >= $8)
               and ($7 is null or $8 is null or exists (
                 select from charger c join connector k using (charger_id)
                 where c.station_id = s.station_id and not c.retired
                   and k.standard = $7 and k.max_watts >= $8))
             order by s.place <-> here.place, s.station_id
             limit $9) s
           order by s.chord, s.station_id""",
        search.position.latitude,
        search.position.longitude,
        searching.chord_of(search.radius_metres),
        search.bookable_only,
        last.chord,
        last.station_id,
        search.connector,
        search.min_watts,
        search.limit + 1,
    )
    return [searching.Last(row["chord"], StationId(row["station_id"])) for row in rows]


def _bookable(
    window: Period | None, stations: Iterable[StationView], now: datetime
) -> dict[StationId, StationView]:
    """Those whose rules let somebody book the window."""
    return {
        station.station_id: station
        for station in stations
        if window is not None
        and station.status == "bookable"
        and slotting.bookable_in(station, window, now)
    }


async def _taken_chargers(
    reading: Reading, window: Period | None, stations: Iterable[StationView]
) -> set[ChargerId]:
    """Which chargers something occupies in the window and the buffer after it."""
    ends = [
        (charger.charger_id, slotting.occupied(window, station.rule).end)
        for station in stations
        for charger in station.chargers
        if window is not None
    ]
    if window is None or not ends:
        return set()
    rows = await reading.fetch(
        """select w.charger_id from unnest($1::uuid[], $2::timestamptz[]) as w (charger_id, until)
           where exists (
             select from busy b
             where b.charger_id = w.charger_id and b.occupies
               and b.occupied && tstzrange($3, w.until)
               and (b.held_until is null or b.held_until > $4))""",
        [charger_id for charger_id, _ in ends],
        [end for _, end in ends],
        window.start,
        reading.now,
    )
    return {ChargerId(row["charger_id"]) for row in rows}


async def _busy(
    reading: Reading, chargers: Sequence[Charger], span: Period
) -> dict[ChargerId, list[Period]]:
    rows = await reading.fetch(
        """select charger_id, lower(occupied) as start, upper(occupied) as until
           from busy
           where charger_id = any($1::uuid[]) and occupies and occupied && tstzrange($2, $3)
             and (held_until is null or held_until > $4)""",
        [charger.charger_id for charger in chargers],
        span.start,
        span.end,
        reading.now,
    )
    found: dict[ChargerId, list[Period]] = defaultdict(list)
    for row in rows:
        found[ChargerId(row["charger_id"])].append(Period(row["start"], row["until"]))
    return found


def _found(
    search: FindStations,
    station: StationView,
    chord: float,
    able: Container[StationId],
    taken: Container[ChargerId],
) -> FoundStation:
    wanted = [c for c in station.chargers if searching.fits(search, c)]
    watts = [k.max_watts for charger in wanted for k in charger.connectors if k.max_watts]
    window, free = search.window, None
    if window is not None and station.status == "bookable":
        free = sum(c.charger_id not in taken for c in wanted)
        free = free if station.station_id in able else 0
    return FoundStation(
        station_id=station.station_id,
        name=station.name,
        address=station.address,
        position=station.position,
        zone=station.zone,
        status=station.status,
        distance_metres=round(searching.metres_of(chord)),
        chargers_total=len(wanted),
        chargers_free=free,
        max_watts=max(watts, default=None),
        price=price(station.tariff, window) if window and station.tariff else None,
    )


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

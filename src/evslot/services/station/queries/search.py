"""Search: what is near, with what is free there and what it costs."""

from collections.abc import Container, Iterable
from datetime import datetime

from evslot.services.station import store
from evslot.services.station.domain import search as searching
from evslot.services.station.domain import slots as slotting
from evslot.services.station.domain.prices import cheapest
from evslot.services.station.messages import (
    FindStations,
    FoundStation,
    FoundStations,
    StationView,
)
from evslot.spine.handling import Queries
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reading
from evslot.values import ChargerId, Period, StationId

queries = Queries()


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
        price=cheapest(station, wanted, window) if window else None,
    )

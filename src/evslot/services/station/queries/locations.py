"""All stations as OCPI Locations: open data, page by page."""

from typing import Any

import msgspec

from evslot.services.station import store
from evslot.services.station.domain.locations import MOST_BYTES, location_of
from evslot.services.station.domain.search import Last, pack_cursor, unpack_cursor
from evslot.services.station.domain.states import with_known_states
from evslot.services.station.messages import ListLocations, Locations
from evslot.spine.handling import Queries
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reading
from evslot.values import StationId

queries = Queries()

PAGE_LIMIT = 100

PAGE = """
select s.station_id, greatest(s.changed_at, c.said_at) as changed_at
from station s left join lateral (
  select max(c.state_at) as said_at from charger c
  where c.station_id = s.station_id and c.state_source <> 'import') c on true
where s.station_id > $1
  and ($2::timestamptz is null or s.changed_at >= $2 or c.said_at >= $2)
order by s.station_id
limit $3"""


@queries.on(ListLocations)
async def list_locations(query: ListLocations, reading: Reading) -> Locations:
    seal = reading.resource(Keys).fingerprint
    last = unpack_cursor(query, seal)
    limit = max(1, min(query.limit, PAGE_LIMIT))
    rows = await reading.fetch(PAGE, last.station_id, query.changed_from, limit + 1)
    changed = {StationId(row["station_id"]): row["changed_at"] for row in rows[:limit]}
    views = await store.select_stations(reading, list(changed))
    locations: list[Any] = []
    size = 0
    for station_id, changed_at in changed.items():
        location = location_of(with_known_states(views[station_id], reading.now), changed_at)
        size += len(msgspec.json.encode(location))
        if locations and size > MOST_BYTES:
            break
        locations.append(location)
    more = len(rows) > len(locations)
    end = Last(0.0, StationId(rows[len(locations) - 1]["station_id"])) if more else None
    return Locations(
        locations=locations,
        as_of=reading.now,
        next_cursor=pack_cursor(query, end, seal) if end else None,
    )

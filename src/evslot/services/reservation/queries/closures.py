"""Closures of a station, and the bookings they touch."""

from evslot.services.reservation import store
from evslot.services.reservation.messages import (
    ClosureDetails,
    ClosureNotFound,
    Closures,
    GetClosure,
    ListClosures,
)
from evslot.services.reservation.queries.paging import Place, fitting, pack, page_size, unpack
from evslot.services.reservation.queries.parties import check_member_of_station
from evslot.spine.handling import Queries
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reading

queries = Queries()

CLOSURE = """
select * from closure where closure_id = $1 and station_id = $2"""


@queries.on(GetClosure)
async def get_closure(query: GetClosure, reading: Reading) -> ClosureDetails:
    """A closure, with what has become of each booking that it touched."""
    await check_member_of_station(reading, query.station_id)
    row = await reading.fetch_row(CLOSURE, query.closure_id, query.station_id)
    if row is None:
        raise ClosureNotFound()
    touched, total = await store.find_touched(reading, query.closure_id)
    return ClosureDetails(closure=store.closure_of(row), touched=touched, touched_total=total)


PAGE = """
select * from closure
where station_id = $1
  and ($2::timestamptz is null or (lower(during), closure_id) < ($2, $3))
order by lower(during) desc, closure_id desc
limit $4"""


@queries.on(ListClosures)
async def list_closures(query: ListClosures, reading: Reading) -> Closures:
    """Standing and lifted ones, latest start first."""
    await check_member_of_station(reading, query.station_id)
    keys, about = reading.resource(Keys), f"closures:{query.station_id}"
    after = unpack(query.cursor, about, keys)
    limit = page_size(query.limit)
    rows = await reading.fetch(
        PAGE,
        query.station_id,
        after.start if after else None,
        after.id if after else None,
        limit + 1,
    )
    closures = fitting([store.closure_of(row) for row in rows[:limit]])
    if len(closures) == len(rows):
        return Closures(closures=closures)
    last = Place(closures[-1].period.start, closures[-1].closure_id)
    return Closures(closures=closures, next_cursor=pack(last, about, keys))

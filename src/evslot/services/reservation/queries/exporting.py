"""The table of an organisation's bookings as CSV, part after part."""

from datetime import timedelta

from evslot.services.reservation import store
from evslot.services.reservation.domain import table
from evslot.services.reservation.messages import (
    BookingsExport,
    GetBookingsExport,
    PeriodInvalid,
)
from evslot.services.reservation.queries.paging import Place, pack, unpack
from evslot.services.reservation.queries.parties import check_member
from evslot.spine.handling import Queries
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reading

queries = Queries()

ROWS = 400
"""Of a part, which has at most `table.PART_BYTES`."""
LONGEST = timedelta(days=366)

PART = """
select * from reservation
where organisation_id = $1 and lower(period) >= $2 and lower(period) < $3
  and ($4::timestamptz is null or (lower(period), reservation_id) > ($4, $5))
order by lower(period), reservation_id
limit $6"""


@queries.on(GetBookingsExport)
async def get_bookings_export(query: GetBookingsExport, reading: Reading) -> BookingsExport:
    """Each booking stands in one part, also when it changes meanwhile: its start does not."""
    check_member(reading.caller, query.organisation_id)
    if not query.since < query.until or query.until - query.since > LONGEST:
        raise PeriodInvalid()
    keys = reading.resource(Keys)
    about = f"export:{query.organisation_id}:{query.since}:{query.until}"
    after = unpack(query.cursor, about, keys)
    rows = await reading.fetch(
        PART,
        query.organisation_id,
        query.since,
        query.until,
        after.start if after else None,
        after.id if after else None,
        ROWS + 1,
    )
    reservations = [store.booking_of(row).reservation for row in rows[:ROWS]]
    text, taken = table.part(reservations, begin=after is None)
    if taken == len(rows):
        return BookingsExport(text=text)
    last = reservations[taken - 1]
    place = Place(last.period.start, last.reservation_id)
    return BookingsExport(text=text, next_cursor=pack(place, about, keys))

"""What is booked at an organisation's stations: a list, and a table for a spreadsheet."""

from collections.abc import AsyncIterator
from typing import Annotated

from litestar import get
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import Meta
from msgspec.structs import replace

from evslot.gateway.description import described
from evslot.gateway.parsing import Instant, Parameters
from evslot.gateway.routes.reservations import ReservationsWish
from evslot.gateway.visitors import Driver, EdgeRequest, SignedInDriver
from evslot.services.reservation import messages as reservation
from evslot.services.reservation.messages import BookingsExport, GetBookingsExport, Reservations
from evslot.services.user import messages as user
from evslot.values import OrganisationId

TAG = "Operators"
MOST_PARTS = 10_000
"""Of some hundred lines each: more bookings than any organisation has in a year."""


class ExportWish(Parameters, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Of which time."""

    from_: Annotated[Instant, Meta(description="Bookings that start at this or later")]
    to: Annotated[Instant, Meta(description="and before this; at most 366 days in all")]


@get(
    "/v1/organisations/{organisation_id:uuid}/reservations",
    opt=described(
        reservation.MembersOnly,
        user.OrganisationNotFound,
        reservation.CursorInvalid,
        parameters=ReservationsWish,
        tag=TAG,
    ),
)
async def list_station_bookings(
    organisation_id: FromPath[OrganisationId], request: EdgeRequest, driver: Driver
) -> Reservations:
    """What is booked at the organisation's stations, or at one; newest start first."""
    wish = request.parameters(ReservationsWish)
    return await driver.ask(
        reservation.ListStationBookings(
            organisation_id=organisation_id,
            station_id=wish.station,
            states=wish.named_states(),
            since=wish.from_,
            until=wish.to,
            limit=wish.limit,
            cursor=wish.cursor,
        )
    )


@get(
    "/v1/organisations/{organisation_id:uuid}/reservations.csv",
    opt=described(
        reservation.MembersOnly,
        user.OrganisationNotFound,
        reservation.PeriodInvalid,
        parameters=ExportWish,
        media=("text/csv",),
        tag=TAG,
    ),
)
async def export_bookings(
    organisation_id: FromPath[OrganisationId], request: EdgeRequest, driver: Driver
) -> Stream:
    """A table of all bookings that start in a span, oldest first, one line each (RFC 4180).

    Times are on the station's clock, with their offset from UTC.
    """
    wish = request.parameters(ExportWish)
    question = GetBookingsExport(organisation_id=organisation_id, since=wish.from_, until=wish.to)
    first = await driver.ask(question)
    return Stream(
        _parts(question, first, driver),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="reservations.csv"'},
    )


async def _parts(
    question: GetBookingsExport, part: BookingsExport, driver: SignedInDriver
) -> AsyncIterator[bytes]:
    """One after the other. Where one fails the connection is cut: half a table is no table."""
    yield part.text.encode()
    for _ in range(MOST_PARTS):
        if part.next_cursor is None:
            return
        part = await driver.ask(replace(question, cursor=part.next_cursor))
        yield part.text.encode()


ROUTES = [list_station_bookings, export_bookings]

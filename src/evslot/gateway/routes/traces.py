"""What just happened: the way of a booking through Kafka and the databases, in development."""

from litestar import get
from litestar.params import FromPath

from evslot.gateway.description import described
from evslot.gateway.problems import Unavailable
from evslot.gateway.tracing import Trace, Tracer
from evslot.gateway.visitors import Driver
from evslot.services.reservation import messages as reservation
from evslot.spine.kafka import BrokerUnavailable
from evslot.spine.message import NotFound
from evslot.values import ReservationId


class TracesOff(NotFound):
    """What happened behind the scenes is shown in development only."""


@get(
    "/v1/reservations/{reservation_id:uuid}/trace",
    opt=described(TracesOff, reservation.ReservationNotFound, tag="Booking"),
)
async def get_trace(
    reservation_id: FromPath[ReservationId], driver: Driver, tracing: Tracer
) -> Trace:
    """What the requests of a booking set off, for its driver: read off the topics themselves.

    In development only. Answers, and so milliseconds, are kept for 10 minutes, records for 7 days.
    """
    if tracing is None:
        raise TracesOff()
    found = await driver.ask(reservation.GetReservation(reservation_id=reservation_id))
    if found.reservation.driver_id != driver.user_id:
        raise reservation.ReservationNotFound()
    try:
        return await tracing.look_back(reservation_id, [line.at for line in found.story])
    except BrokerUnavailable:
        raise Unavailable() from None


ROUTES = [get_trace]

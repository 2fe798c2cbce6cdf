"""What just happened: a booking's way through Kafka and the databases, for its driver alone."""

import pytest

from evslot import system
from evslot.gateway.tracing import Step, Trace
from evslot.services.station.messages import StationView
from tests.journeys.people import Person, Said, Town, eventually, tomorrow

pytestmark = pytest.mark.anyio


def types(trace: Trace) -> set[str]:
    return {step.type for request in trace.requests for step in request.steps}


def step(trace: Trace, kind: str) -> Step:
    return next(s for request in trace.requests for s in request.steps if s.type == kind)


async def test_a_driver_sees_what_their_booking_set_off_and_nobody_else_does(
    town: Town, operator: Person, driver: Person, station: StationView
) -> None:
    booking = await driver.hold(await driver.quote(station, tomorrow()))
    await driver.pay(booking)
    path = f"/v1/reservations/{booking.reservation_id}/trace"
    mailed = "notification.NotificationDelivered"
    told = await eventually(lambda: driver.get(path, Trace), lambda seen: mailed in types(seen))
    assert told.complete
    hold, pay = told.requests
    assert (hold.steps[0].type, pay.steps[0].type) == (
        "reservation.HoldSlot",
        "reservation.PayReservation",
    )
    assert len({hold.trace_id, pay.trace_id}) == 2
    for kind, service in (
        ("reservation.HoldSlot", "reservation"),
        ("payment.AuthorizePayment", "payment"),
        ("user.GetContact", "user"),
    ):
        seen = step(told, kind)
        assert (seen.kind, seen.service, seen.topic) == ("asked", service, f"{service}-service")
        assert seen.database == system.part(service).database
        assert seen.milliseconds is not None
        assert 0 <= seen.milliseconds < 60_000
    fact = step(told, "reservation.ReservationConfirmed")
    assert (fact.kind, fact.topic, fact.service) == ("told", "reservation-events", None)
    instants = [one.at for one in pay.steps]
    assert instants == sorted(instants)
    for other in (operator, town.made_up()):
        with pytest.raises(Said) as hidden:
            await other.get(path, Trace)
        assert (hidden.value.status, hidden.value.code) == (404, "reservation_not_found")

"""Random lives of bookings: whatever happens in whatever order, the books agree in the end."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.harness import Harness, Sent, driver
from tests.services.reservation.acting import lapse, paid, soon, wanting

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment import messages as payment
from evslot.services.reservation.messages import (
    CancelReservation,
    PayReservation,
    Reservation,
    ReservationEvent,
)
from evslot.services.reservation.service import SERVICE
from evslot.spine.message import Secret

pytestmark = pytest.mark.anyio

EXPECTED = {
    None,
    "slot_taken",
    "too_many_holds",
    "hold_paused",
    "hold_over",
    "not_payable",
    "not_cancellable",
    "payment_running",
}
"""What a driver may be told here; anything else is a fault."""


class Purse:
    """A payment service that decides at random, and remembers."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.states: dict[UUID, payment.PaymentState] = {}

    def answer(self, sent: Sent) -> Any:
        command: Any = sent.command
        match command:
            case payment.AuthorizePayment():
                return self._decided(sent, ["authorised", "authorised", "challenge", "declined"])
            case payment.AwaitChallenge() if self.states[command.payment_id] == "voided":
                return payment.PaymentDeclined(reason="voided")
            case payment.AwaitChallenge():
                return self._decided(sent, ["authorised", "declined"])
            case payment.VoidPayment():
                before = self.states[command.payment_id]
                assert before in ("authorised", "challenge", "voided", "declined")
                return self._now(sent, before if before == "declined" else "voided")
            case payment.CapturePayment():
                assert self.states[command.payment_id] == "authorised"
                return self._now(sent, "captured")
        raise AssertionError(f"nobody expected {command}")

    def _decided(self, sent: Sent, choices: list[payment.PaymentState]) -> Any:
        state = self.dice.choice(choices)
        answer = self._now(sent, state)
        return payment.PaymentDeclined() if state == "declined" else answer

    def _now(self, sent: Sent, state: payment.PaymentState) -> payment.Payment:
        self.states[sent.command.payment_id] = state  # type: ignore[attr-defined]
        return paid(sent, state)


class Life:
    """One database, three drivers, a few slots, and time."""

    def __init__(self, h: Harness, seed: int) -> None:
        self.h = h
        self.dice = random.Random(seed)
        self.drivers = [driver() for _ in range(3)]
        self.purse = Purse(self.dice)
        self.answered = 0

    def known(self) -> dict[UUID, Reservation]:
        """The newest of each booking, by the events."""
        newest: dict[UUID, Reservation] = {}
        for event in self.h.events:
            assert isinstance(event, ReservationEvent)
            newest[event.reservation.reservation_id] = event.reservation
        return newest

    async def step(self) -> None:
        acts = [self.hold, self.pay, self.pay, self.cancel, self.lapse, self.sweep]
        await self.dice.choice([*acts, self.hear, self.hear, self.hear])()

    async def hold(self) -> None:
        start = soon(30) + self.dice.randrange(8) * timedelta(minutes=15)
        command = wanting(start, minutes=15 * self.dice.randint(1, 3))
        await self.told(command, self.dice.choice(self.drivers))

    async def pay(self) -> None:
        booking = self.any_booking()
        if booking is not None:
            method = Secret("made_up")
            command = PayReservation(reservation_id=booking.reservation_id, method=method)
            await self.told(command, self.driver_of(booking))

    async def cancel(self) -> None:
        booking = self.any_booking()
        if booking is not None:
            command = CancelReservation(reservation_id=booking.reservation_id)
            await self.told(command, self.driver_of(booking))

    async def lapse(self) -> None:
        held = [booking for booking in self.known().values() if booking.state == "held"]
        if held:
            await lapse(self.h, self.dice.choice(held))

    async def sweep(self) -> None:
        await self.h.run_periodic()

    async def hear(self) -> None:
        """The next answer of the payment service, sometimes twice."""
        if self.answered < len(self.h.sent):
            sent = self.h.sent[self.answered]
            self.answered += 1
            answer = self.purse.answer(sent)
            if sent.answer_to is None:
                return
            for _ in range(self.dice.randint(1, 2)):
                await self.h.answer_asked(sent, answer)

    async def told(self, command: Any, caller: Any) -> None:
        answer = await self.h.submit(command, caller=caller, command_id=uuid4())
        assert answer is None or answer.code in EXPECTED, answer

    def any_booking(self) -> Reservation | None:
        known = list(self.known().values())
        return self.dice.choice(known) if known else None

    def driver_of(self, booking: Reservation) -> Any:
        return next(d for d in self.drivers if d.user_id == booking.driver_id)


@pytest.mark.parametrize("seed", range(10))
async def test_however_bookings_live_the_books_agree_in_the_end(
    postgres_server: PostgresServer, seed: int
) -> None:
    patient = {"EVSLOT_RESERVATION_LAPSED_HOLDS": "50"}
    async with Harness(SERVICE, postgres_server, patient) as h:
        life = Life(h, seed)
        for _ in range(70):
            await life.step()
        while life.answered < len(h.sent):
            await life.hear()
        await h.run_periodic()
        assert h.dead == []
        await events_are_stories(h)
        await claims_are_what_lives(h)
        await money_is_where_it_belongs(h, life.purse)


async def events_are_stories(h: Harness) -> None:
    """Versions 1 to n without gap or repeat, one event and one line of the story each."""
    told: dict[UUID, list[int]] = {}
    for event in h.events:
        assert isinstance(event, ReservationEvent)
        told.setdefault(event.reservation.reservation_id, []).append(event.version)
    rows = await h.fetch(
        "select r.reservation_id, r.version, array_agg(s.version order by s.version) as lines"
        " from reservation r join story s using (reservation_id) group by 1, 2"
    )
    assert len(rows) == len(told)
    for row in rows:
        versions = list(range(1, row["version"] + 1))
        assert told[row["reservation_id"]] == row["lines"] == versions


async def claims_are_what_lives(h: Harness) -> None:
    """A charger is occupied if and only if a booking that lives says so."""
    wrong = await h.fetch(
        "select * from reservation r full join occupancy o on o.ref = r.reservation_id"
        " where (o.ref is null) = (r.state in ('held', 'confirmed'))"
        "    or o.kind is distinct from"
        "       (case r.state when 'held' then 'hold' when 'confirmed' then 'booking' end)"
        "    or not r.occupied @> o.during"
        "    or (o.kind = 'hold' and o.held_until <> r.held_until)"
    )
    assert wrong == []
    uncovered = await h.fetch(
        "select r.reservation_id from reservation r"
        " join (select ref, range_agg(during) as held from occupancy group by ref) o"
        "   on o.ref = r.reservation_id"
        " where not o.held @> r.period"
    )
    assert uncovered == []


async def money_is_where_it_belongs(h: Harness, purse: Purse) -> None:
    """Nothing stays promised but for what is confirmed; no saga is left under way."""
    states = {row["payment_id"]: row["state"] for row in await h.fetch("select * from reservation")}
    for payment_id, state in purse.states.items():
        assert (state == "authorised") == (states.get(payment_id) == "confirmed"), state
    left = await h.fetch("select name, state from saga where state not in ('done', 'failed')")
    assert left == []

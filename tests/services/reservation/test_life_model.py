"""Whatever happens to a booking, in whatever order and whenever: it is as the model says."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.harness import Harness, driver
from tests.services.reservation.acting import hold, paid
from tests.services.reservation.life_model import OCCUPYING, Model
from tests.services.reservation.made_up import ORGANISATION

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment import messages as payment
from evslot.services.reservation.messages import (
    CancelReservation,
    CheckIn,
    CompleteReservation,
    PayReservation,
    ProlongHold,
)
from evslot.services.reservation.service import SERVICE
from evslot.spine.callers import Caller
from evslot.spine.message import Command, Secret
from evslot.values import ChargerId, new_id

T = TypeVar("T")

MINUTE = timedelta(minutes=1)
TICK = 0.0001
"""Minutes that an act takes at least: what was to happen exactly now has happened after it."""
LATER = """
update reservation set
  period = tstzrange(lower(period) - by, upper(period) - by),
  occupied = tstzrange(lower(occupied) - by, upper(occupied) - by),
  held_until = held_until - by, confirmed_at = confirmed_at - by
from (select $2::interval as by) where reservation_id = $1"""
PIECES = """
select during from occupancy where ref = $1 order by during"""
PIECE_LATER = """
update occupancy set
  during = tstzrange(lower(during) - by, upper(during) - by), held_until = held_until - by
from (select $2::interval as by) where ref = $1 and during = $3"""
BOOKING = """
select r.state, r.payment_state, r.fee_amount, r.version,
  (select count(*) from occupancy o where o.ref = r.reservation_id) as claims,
  (select range_agg(o.during) @> r.period from occupancy o where o.ref = r.reservation_id) as whole,
  (select array_agg(s.version order by s.version) from story s
   where s.reservation_id = r.reservation_id) as story
from reservation r where r.reservation_id = $1"""

ASKED: dict[type[Any], str] = {
    payment.CapturePayment: "capture",
    payment.VoidPayment: "void",
    payment.RefundPayment: "refund",
}
MOMENTS = (-61, -59, -16, -14, -6, -4, 1, 14, 16, 58, 61, 64, 66)
"""Around the steps of the ladder, the early minutes, the grace, the end, and the buffer's end."""
ACTORS = st.sampled_from(["driver"] * 3 + ["operator"] * 2 + ["stranger"])


class Life(RuleBasedStateMachine):
    """One booking on a charger of its own, in a database that all lives share."""

    h: Harness
    runner: asyncio.Runner

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        self.model.clock += TICK
        return self.runner.run(work)

    @initialize(
        minutes=st.sampled_from([3, 40, 90, 24 * 60, 8 * 24 * 60]),
        moment=st.sampled_from([None, None, -16, -4, -4, 1, 14, 61]),
    )
    def begin(self, minutes: int, moment: int | None) -> None:
        """Half a minute off, so that nothing happens exactly at a limit of the terms."""
        start = datetime.now(UTC) + (minutes + 0.5) * MINUTE
        self.model = Model(start=minutes + 0.5)
        self.people = {"driver": driver(), "stranger": driver()}
        self.people["operator"] = driver(organisations={ORGANISATION: "owner"})
        self.seen = len(self.h.sent)
        held = self.run(hold(self.h, start, self.people["driver"], charger=ChargerId(new_id())))
        self.booking = held
        if moment is not None:
            self.pay()
            self.provider_answers(agrees=True)
            self.its_time_comes_nearer(moment)

    def told(self, command: Command[Any], caller: Caller, expected: str | None) -> None:
        answer = self.run(self.h.submit(command, caller=caller))
        assert (answer.code if answer else None) == expected

    @rule(moment=st.sampled_from(MOMENTS))
    def its_time_comes_nearer(self, moment: int) -> None:
        """To some minutes before or after the start; never back."""
        minutes = int(self.model.start + moment - self.model.clock)
        if minutes > 0:
            self.time_passes(minutes)

    @rule(minutes=st.sampled_from([1, 5, 6, 10, 11]))
    def time_passes(self, minutes: int) -> None:
        by = minutes * MINUTE
        self.run(self.h.execute(LATER, self.key, by))
        for piece in self.run(self.h.fetch(PIECES, self.key)):  # first things first: no overlap
            self.run(self.h.execute(PIECE_LATER, self.key, by, piece["during"]))
        self.model.clock += minutes

    @rule()
    def sweep(self) -> None:
        self.run(self.h.run_periodic())
        self.model.sweep()

    @rule(who=ACTORS)
    def prolong(self, who: str) -> None:
        expected = self.model.prolong() if who == "driver" else "reservation_not_found"
        self.told(ProlongHold(reservation_id=self.key), self.people[who], expected)

    @precondition(lambda self: self.model.state in ("held", "expired"))
    @rule()
    def pay(self) -> None:
        command = PayReservation(reservation_id=self.key, method=Secret("sim_ok"))
        self.told(command, self.people["driver"], self.model.pay())

    @precondition(lambda self: self.model.asked)
    @rule(agrees=st.sampled_from([True, True, True, False]))
    def provider_answers(self, agrees: bool) -> None:
        asked = self.h.sent[self.seen]
        what, amount = self.model.asked[0]
        command: Any = asked.command
        if isinstance(command, payment.AuthorizePayment):
            assert what == ("take" if command.capture else "authorise")
        else:
            assert what == ASKED[type(command)]
        assert amount is None or command.amount.amount == amount
        self.seen += 1
        self.model.provider_answers(agrees)
        refused = self.model.paid == "declined"
        state: Any = {"take": "captured", "authorise": "authorised"}.get(what, self.model.paid)
        outcome = payment.PaymentDeclined() if refused else paid(asked, state)
        self.run(self.h.answer_asked(asked, outcome))

    @rule(who=ACTORS)
    def check_in(self, who: str) -> None:
        code = self.booking.code if who == "operator" else None
        expected = "reservation_not_found" if who == "stranger" else self.model.check_in()
        self.told(CheckIn(reservation_id=self.key, code=code), self.people[who], expected)

    @rule(who=ACTORS)
    def complete(self, who: str) -> None:
        expected = "reservation_not_found" if who == "stranger" else self.model.complete()
        self.told(CompleteReservation(reservation_id=self.key), self.people[who], expected)

    @rule(who=ACTORS)
    def cancel(self, who: str) -> None:
        expected = "reservation_not_found" if who == "stranger" else self.model.cancel(who)
        self.told(CancelReservation(reservation_id=self.key), self.people[who], expected)

    def teardown(self) -> None:
        """Nothing of it is swept in another's life."""
        self.runner.run(self.h.execute("delete from occupancy"))
        self.runner.run(self.h.execute("update reservation set state = 'released'"))

    @property
    def key(self) -> Any:
        return self.booking.reservation_id

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        (row,) = self.run(self.h.fetch(BOOKING, self.key))
        model = self.model
        assert (row["state"], row["payment_state"]) == (model.state, model.paid)
        assert row["fee_amount"] == model.fee
        assert (row["claims"] > 0) == (model.state in OCCUPYING)
        assert row["whole"] in (None, True)
        assert row["story"] == list(range(1, row["version"] + 1))
        assert len(self.h.sent) - self.seen == len(model.asked)
        assert self.h.dead == []


def live(server: PostgresServer, lives: int, acts: int) -> None:
    """So many lives, each with so many acts at most."""
    with asyncio.Runner() as runner:
        h = Harness(SERVICE, server)
        runner.run(h.__aenter__())
        try:
            machine = type("Machine", (Life,), {"h": h, "runner": runner})
            bounds = settings(max_examples=lives, stateful_step_count=acts, derandomize=True)
            run_state_machine_as_test(machine, settings=bounds)
        finally:
            runner.run(h.__aexit__())


def test_a_booking_lives_as_the_model_says(postgres_server: PostgresServer) -> None:
    live(postgres_server, lives=30, acts=15)


@pytest.mark.prove
def test_four_hundred_bookings_live_as_the_model_says(postgres_server: PostgresServer) -> None:
    live(postgres_server, lives=400, acts=40)

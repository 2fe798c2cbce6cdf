"""Sagas: forward step by step, back where a step says no, each answer counted once."""

from uuid import UUID, uuid4, uuid5

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment import messages as payment
from evslot.services.payment.messages import Payment
from evslot.services.reservation import messages
from evslot.services.reservation.messages import Cancellation, CancelReservation
from evslot.spine.handling import Handlers, Queries
from evslot.spine.message import Personal, Refusal
from evslot.spine.saga import Abandon, Act, Ask, Failure, Saga, Step
from evslot.spine.service import Service
from evslot.spine.transaction import LATER, Later, Transaction
from evslot.values import Money, OrganisationId, PaymentId, ReservationId, UserId
from tests.harness import Harness, driver

pytestmark = pytest.mark.anyio

EURO = Money(100, "EUR")


class Trip(Struct, frozen=True, kw_only=True):
    """What the made-up saga knows."""

    payment_id: PaymentId
    plan: str
    trail: tuple[str, ...] = ()


class Broken(Refusal):
    """What a service answers whose handler broke."""

    status = 500


def walked(trip: Trip, step: str) -> Trip:
    return replace(trip, trail=(*trip.trail, step))


async def took_first(trip: Trip, _: Payment, tx: Transaction) -> Trip:
    return walked(trip, "first")


async def took_third(trip: Trip, _: Payment, tx: Transaction) -> Trip:
    return walked(trip, "third")


async def undid(trip: Trip, paid: Payment, tx: Transaction) -> Trip:
    return walked(trip, f"undone {paid.state}")


async def act(trip: Trip, tx: Transaction) -> Trip:
    if trip.plan == "abandon":
        raise Abandon("changed_my_mind")
    return walked(trip, "second")


async def turned_back(trip: Trip, why: Failure, tx: Transaction) -> Trip | None:
    if trip.plan == "unheard":
        return None
    return walked(trip, f"back: {why.reason}")


STEPS: tuple[Step[Trip], ...] = (
    Ask(
        "first",
        Payment,
        ask=lambda trip: payment.CapturePayment(payment_id=trip.payment_id, amount=EURO),
        done=took_first,
        undo=lambda trip: payment.VoidPayment(payment_id=trip.payment_id),
        undone=undid,
    ),
    Act("second", act),
    Ask(
        "third",
        Payment,
        ask=lambda trip: (
            None if trip.plan == "skip" else payment.AwaitChallenge(payment_id=trip.payment_id)
        ),
        done=took_third,
        undo=lambda trip: payment.RefundPayment(
            payment_id=trip.payment_id, refund_id=trip.payment_id, amount=EURO, reason="undo"
        ),
        undone=undid,
    ),
)
TRIP = Saga("trip", Trip, STEPS, failed=turned_back)
ONE_WAY = Saga("one_way", Trip, STEPS)

handlers = Handlers()


@handlers.on(CancelReservation)
async def set_out(command: CancelReservation, tx: Transaction) -> Cancellation | Later:
    """Any command will do to begin: its reason is the plan, its reservation the saga's id."""
    plan = command.reason.value if command.reason else ""
    saga = ONE_WAY if plan == "one way" else TRIP
    trip = Trip(payment_id=PaymentId(command.reservation_id), plan=plan)
    await saga.start(tx, command.reservation_id, subject=command.reservation_id, data=trip)
    return LATER


SERVICE = Service(
    name="reservation",
    messages=messages,
    handlers=handlers,
    queries=Queries(),
    sagas=(TRIP, ONE_WAY),
)


class Journey:
    """One saga on its way."""

    def __init__(self, h: Harness) -> None:
        self.h = h
        self.id = uuid4()

    async def begin(self, plan: str = "") -> None:
        command = CancelReservation(reservation_id=ReservationId(self.id), reason=Personal(plan))
        await self.h.submit(command, caller=driver())

    async def hears(self, outcome: object, place: int = -1) -> None:
        await self.h.answer_asked(self.h.sent[place], outcome)

    @property
    def asked(self) -> list[str]:
        return [type(sent.command).__name__ for sent in self.h.sent]

    async def stands(self) -> tuple[str, str, str | None, tuple[str, ...]]:
        """Step, state, reason and trail."""
        (row,) = await self.h.fetch("select * from saga where id = $1", self.id)
        trip = msgspec.json.decode(row["data"], type=Trip)
        return row["step"], row["state"], row["reason"], trip.trail


def paid(state: payment.PaymentState = "captured") -> Payment:
    return Payment(
        payment_id=PaymentId(UUID(int=1)),
        version=1,
        state=state,
        reservation_id=ReservationId(UUID(int=2)),
        organisation_id=OrganisationId(UUID(int=3)),
        payer_id=UserId(UUID(int=4)),
        amount=EURO,
        captured=EURO,
        refunded=Money(0, "EUR"),
        challenge_url=None,
        valid_until=None,
    )


async def test_steps_are_taken_in_order_each_with_its_own_stable_id(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        trip = Journey(h)
        await trip.begin()
        assert await trip.stands() == ("first", "running", None, ())
        assert h.sent[0].command_id == uuid5(trip.id, "trip.first/0")
        await trip.hears(paid())
        assert await trip.stands() == ("third", "running", None, ("first", "second"))
        await trip.hears(paid())
        assert await trip.stands() == ("third", "done", None, ("first", "second", "third"))
        assert trip.asked == ["CapturePayment", "AwaitChallenge"]


async def test_a_step_with_nothing_to_ask_is_passed_over(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        trip = Journey(h)
        await trip.begin("skip")
        await trip.hears(paid())
        assert await trip.stands() == ("third", "done", None, ("first", "second"))


async def test_refused_at_a_later_step_it_undoes_the_earlier_ones(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        trip = Journey(h)
        await trip.begin()
        await trip.hears(paid())
        await trip.hears(payment.PaymentDeclined())
        trail = ("first", "second", "back: payment_declined")
        assert await trip.stands() == ("first", "compensating", "payment_declined", trail)
        assert trip.asked[-1] == "VoidPayment"
        await trip.hears(paid("voided"))
        ended = ("first", "failed", "payment_declined", (*trail, "undone voided"))
        assert await trip.stands() == ended


async def test_a_failure_leaves_open_whether_it_happened_so_that_step_is_undone_too(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        trip = Journey(h)
        await trip.begin()
        await trip.hears(paid())
        await trip.hears(Broken())
        await trip.hears(paid("refunded"))
        await trip.hears(paid("voided"))
        assert trip.asked[2:] == ["RefundPayment", "VoidPayment"]
        assert (await trip.stands())[3][-2:] == ("undone refunded", "undone voided")


async def test_a_step_of_ours_can_abandon(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        trip = Journey(h)
        await trip.begin("abandon")
        await trip.hears(paid())
        await trip.hears(paid("voided"))
        trail = ("first", "back: changed_my_mind", "undone voided")
        assert await trip.stands() == ("first", "failed", "changed_my_mind", trail)


async def test_refused_at_the_first_step_there_is_nothing_to_undo(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        trip = Journey(h)
        await trip.begin()
        await trip.hears(payment.NotCapturable())
        trail = ("back: not_capturable",)
        assert await trip.stands() == ("first", "failed", "not_capturable", trail)
        assert trip.asked == ["CapturePayment"]


async def test_answers_that_come_again_or_late_change_nothing(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        trip = Journey(h)
        await trip.begin()
        await trip.hears(paid())
        await h.execute("update ask set answered_at = null")
        await trip.hears(payment.NotCapturable(), place=0)
        assert await trip.stands() == ("third", "running", None, ("first", "second"))
        await trip.hears(paid())
        await h.execute("update ask set answered_at = null")
        await trip.hears(payment.PaymentDeclined(), place=1)
        assert (await trip.stands())[1] == "done"


async def test_a_refused_compensation_waits_for_a_person(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        trip = Journey(h)
        await trip.begin("abandon")
        await trip.hears(paid())
        await trip.hears(payment.NotVoidable())
        assert (await trip.stands())[:3] == ("first", "stuck", "not_voidable")


async def test_a_saga_that_never_turns_back_gets_stuck_instead(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        trip = Journey(h)
        await trip.begin("one way")
        await trip.hears(payment.NotCapturable())
        assert await trip.stands() == ("first", "stuck", "not_capturable", ())
        assert trip.asked == ["CapturePayment"]


async def test_a_saga_that_cannot_say_what_a_refusal_means_gets_stuck(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        trip = Journey(h)
        await trip.begin("unheard")
        await trip.hears(payment.NotCapturable())
        assert await trip.stands() == ("first", "stuck", "not_capturable", ())

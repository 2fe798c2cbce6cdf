"""Two sagas: paying a hold until it stands, and settling the money of what was begun or ended."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from evslot.services.payment import messages as payment
from evslot.services.reservation import store
from evslot.services.reservation.domain import cancelling, paying, telling
from evslot.services.reservation.domain.booking import Booking, Told
from evslot.services.reservation.messages import (
    HoldOver,
    PaymentOutcome,
    PaymentRefused,
)
from evslot.spine.message import Command
from evslot.spine.saga import Abandon, Act, Ask, Failure, Saga
from evslot.spine.transaction import Transaction
from evslot.values import Money, PaymentId, ReservationId

HOLD_OVER = "hold_over"


class Paying(Struct, frozen=True, kw_only=True):
    """Where the payment of a hold stands; the method went to the payment service alone."""

    reservation_id: ReservationId
    payment_id: PaymentId
    pay_command: UUID
    amount: Money
    state: payment.PaymentState = "authorising"
    challenge_url: str | None = None


async def note_authorised(run: Paying, paid: payment.Payment, tx: Transaction) -> Paying:
    """The provider promised or took the money, or wants the customer first."""
    return replace(run, state=paid.state, challenge_url=paid.challenge_url)


async def tell_challenge(run: Paying, tx: Transaction) -> Paying:
    """Where the provider wants the customer, who pays is told where to go."""
    if run.state != "challenge":
        return run
    booking = await _locked(run.reservation_id, tx)
    if not booking.is_held(tx.now):
        # The customer may have answered meanwhile: what has become of the money is waited for.
        tx.send(payment.VoidPayment(payment_id=run.payment_id))
        await tx.answer(run.pay_command, HoldOver())
        return run
    challenged = paying.note(booking, "challenge", tx.now)
    await _write(challenged, Told(what="payment_challenged", by="payment"), tx)
    outcome = PaymentOutcome(reservation=challenged.reservation, challenge_url=run.challenge_url)
    await tx.answer(run.pay_command, outcome)
    return run


def await_challenge(run: Paying) -> Command[payment.Payment] | None:
    if run.state != "challenge":
        return None
    return payment.AwaitChallenge(payment_id=run.payment_id)


async def confirm(run: Paying, tx: Transaction) -> Paying:
    """The money stands: so does the booking, unless its hold is over."""
    if run.state not in ("authorised", "captured"):
        raise Abandon(payment.PaymentDeclined().code)
    booking = paying.confirm(await _locked(run.reservation_id, tx), run.state, tx.now)
    told = Told(what="confirmed", by="payment")
    if not await store.confirm_reservation(tx, booking, told):
        raise Abandon(HOLD_OVER)
    tx.emit(telling.event(booking, told))
    await tx.answer(run.pay_command, PaymentOutcome(reservation=booking.reservation))
    return run


async def payment_failed(run: Paying, why: Failure, tx: Transaction) -> Paying:
    """Declined, or too late: the driver is told; a hold that stands may be paid again."""
    reason = why.reason
    never_begun = why.known and run.state == "authorising"
    if reason == payment.PaymentDeclined().code or never_begun:
        run = replace(run, state="declined")
    booking = paying.note(await _locked(run.reservation_id, tx), run.state, tx.now)
    await _write(booking, Told(what="payment_failed", by="payment", reason=reason), tx)
    refusal = HoldOver() if reason == HOLD_OVER else PaymentRefused(reason=reason)
    await tx.answer(run.pay_command, refusal)
    return run


def let_go(run: Paying) -> Command[payment.Payment] | None:
    """Puts an authorisation back, whatever has become of it."""
    if run.state == "declined":
        return None
    if run.state != "captured":
        return payment.VoidPayment(payment_id=run.payment_id)
    return payment.RefundPayment(
        payment_id=run.payment_id,
        refund_id=run.payment_id,  # a payment is refunded once, in whole
        amount=run.amount,
        reason=HOLD_OVER,
    )


async def note_let_go(run: Paying, paid: payment.Payment, tx: Transaction) -> Paying:
    await _settled(run.reservation_id, paid.state, tx)
    return replace(run, state=paid.state)


BOOKING = Saga(
    "booking",
    Paying,
    steps=(
        Ask(
            "authorise",
            payment.Payment,
            ask=lambda run: None,  # asked at the start: the question holds the card's token
            done=note_authorised,
            undo=let_go,
            undone=note_let_go,
        ),
        Act("tell", tell_challenge),
        Ask("challenge", payment.Payment, ask=await_challenge, done=note_authorised),
        Act("confirm", confirm),
    ),
    failed=payment_failed,
)


class Settling(Struct, frozen=True, kw_only=True):
    """What is to happen with the money of a booking that was begun, cancelled or ended."""

    reservation_id: ReservationId
    payment_id: PaymentId
    state: str
    """Of the payment."""
    how: cancelling.Settling
    fee: Money
    refund: Money


def settle(run: Settling) -> Command[payment.Payment] | None:
    """Let it go, take the fee, or give the rest back, as the terms want it."""
    match run.how:
        case "void":
            return payment.VoidPayment(payment_id=run.payment_id)
        case "capture":
            return payment.CapturePayment(payment_id=run.payment_id, amount=run.fee)
        case "refund":
            return payment.RefundPayment(
                payment_id=run.payment_id,
                refund_id=run.reservation_id,  # a booking is cancelled once
                amount=run.refund,
                reason="cancelled",
            )
        case "nothing":
            return None


async def note_settled(run: Settling, paid: payment.Payment, tx: Transaction) -> Settling:
    return replace(run, state=paid.state)


async def close(run: Settling, tx: Transaction) -> Settling:
    """The money is where the terms want it."""
    await _settled(run.reservation_id, run.state, tx)
    return run


async def not_settled(run: Settling, why: Failure, tx: Transaction) -> Settling | None:
    """A promise that lapsed is told, and its price is owed; anything else a person looks at."""
    if run.how != "capture" or why.reason != payment.NotCapturable().code:
        return None
    booking = paying.note(await _locked(run.reservation_id, tx), "voided", tx.now)
    await _write(booking, Told(what="capture_refused", by="payment", reason=why.reason), tx)
    return replace(run, state="voided")


SETTLEMENT = Saga(
    "settlement",
    Settling,
    steps=(Ask("settle", payment.Payment, ask=settle, done=note_settled), Act("close", close)),
    failed=not_settled,
)


async def _settled(reservation_id: ReservationId, state: str, tx: Transaction) -> None:
    booking = paying.note(await _locked(reservation_id, tx), state, tx.now)
    await _write(booking, Told(what="settled", by="payment"), tx)


async def _write(booking: Booking, told: Told, tx: Transaction) -> None:
    await store.update_reservation(tx, booking, told)
    tx.emit(telling.event(booking, told))


async def _locked(reservation_id: ReservationId, tx: Transaction) -> Booking:
    booking = await store.lock_reservation(tx, reservation_id)
    if booking is None:
        raise LookupError(f"no reservation {reservation_id}: none is ever deleted")
    return booking

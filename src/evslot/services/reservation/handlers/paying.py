"""Paying holds: the saga is started here and does the rest."""

from evslot.services.payment import messages as payment
from evslot.services.reservation import store
from evslot.services.reservation.domain import paying, telling
from evslot.services.reservation.domain.booking import Booking, Rules, Told
from evslot.services.reservation.handlers.holding import prolong
from evslot.services.reservation.handlers.parties import own_booking
from evslot.services.reservation.messages import (
    HoldOver,
    PaymentOutcome,
    PayReservation,
    Reservation,
)
from evslot.services.reservation.saga import BOOKING, Paying
from evslot.spine.handling import Handlers
from evslot.spine.transaction import LATER, Later, Transaction
from evslot.values import PaymentId, new_id

handlers = Handlers()


@handlers.on(PayReservation)
async def pay_reservation(command: PayReservation, tx: Transaction) -> PaymentOutcome | Later:
    """Start the payment of a hold; the booking saga answers. What costs nothing stands at once."""
    booking = await own_booking(command.reservation_id, tx)
    paying.check_payable(booking, tx.now)
    if booking.reservation.total.amount == 0:
        return await _confirm_free(booking, tx)
    prolonged = Told(what="hold_prolonged", by="system")
    booking = await prolong(booking, prolonged, tx) or booking
    payment_id = PaymentId(new_id())
    booking = paying.start(booking, payment_id, tx.now)
    told = Told(what="payment_started", by="driver", user_id=tx.caller.user_id)
    await store.update_reservation(tx, booking, told)
    tx.emit(telling.event(booking, told))
    reservation = booking.reservation
    await BOOKING.start(
        tx,
        payment_id,
        subject=reservation.reservation_id,
        data=Paying(
            reservation_id=reservation.reservation_id,
            payment_id=payment_id,
            pay_command=tx.command_id,
            amount=reservation.total,
        ),
        first=_authorize(command, booking, payment_id, tx),
    )
    return LATER


async def _confirm_free(booking: Booking, tx: Transaction) -> PaymentOutcome:
    confirmed = paying.confirm(booking, None, tx.now)
    told = Told(what="confirmed", by="driver", user_id=tx.caller.user_id)
    if not await store.confirm_reservation(tx, confirmed, told):
        raise HoldOver()
    tx.emit(telling.event(confirmed, told))
    return PaymentOutcome(reservation=confirmed.reservation)


def _authorize(
    command: PayReservation, booking: Booking, payment_id: PaymentId, tx: Transaction
) -> payment.AuthorizePayment:
    reservation = booking.reservation
    return payment.AuthorizePayment(
        payment_id=payment_id,
        reservation_id=reservation.reservation_id,
        organisation_id=reservation.organisation_id,
        payer_id=booking.payer_id,
        amount=reservation.total,
        method=command.method,
        capture=paying.is_prepaid(booking, tx.resource(Rules), tx.now),
        bought=_bought(reservation),
        method_id=command.method_id,
        save_method=command.save_method,
    )


def _bought(reservation: Reservation) -> payment.Bought:
    """What the receipt names."""
    return payment.Bought(
        station_name=reservation.station_name,
        charger_label=reservation.charger_label,
        zone=reservation.zone,
        period=reservation.period,
        code=reservation.code,
        lines=reservation.lines,
    )

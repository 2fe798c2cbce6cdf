"""What is heard of money that a driver must know of: refunds."""

from evslot.services.notification.domain import telling
from evslot.services.notification.handlers import receipts
from evslot.services.notification.handlers.telling import tell
from evslot.services.notification.store import bookings
from evslot.services.payment import messages as payment
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

handlers = Handlers()
handlers.include(receipts.handlers)


@handlers.heard(payment.PaymentRefunded)
async def payment_refunded(event: payment.PaymentRefunded, tx: Transaction) -> None:
    """Tell the payer that money is on its way back."""
    booking = await bookings.find_booking(tx, event.payment.reservation_id)
    await tell(telling.told_refunded(event, booking, tx.now), tx)

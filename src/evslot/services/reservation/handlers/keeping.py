"""Housekeeping: what nobody paid, what has to be told again, what has to be forgotten."""

from uuid import UUID

from evslot.services.reservation import store
from evslot.services.reservation.domain import telling
from evslot.services.reservation.handlers.holding import EXPIRED
from evslot.services.user import messages as user
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

handlers = Handlers()

SWEPT_AT_ONCE = 500
REPUBLISHED_AT_ONCE = 500


@handlers.every(seconds=1.0)
async def sweep(tx: Transaction) -> None:
    """Free what nobody paid; a full sweep goes on a second later."""
    for booking in await store.expire_lapsed(tx, SWEPT_AT_ONCE):
        tx.emit(telling.event(booking, EXPIRED))


@handlers.republish
async def republish_bookings(tx: Transaction, after: UUID | None) -> UUID | None:
    """The last event of each booking that is not over, as it was: views compare versions."""
    page = await store.find_last_told(tx, after, REPUBLISHED_AT_ONCE)
    for booking, told in page:
        tx.emit(telling.event(booking, told))
    return page[-1][0].reservation.reservation_id if page else None


@handlers.heard(user.UserErased)
async def user_erased(event: user.UserErased, tx: Transaction) -> None:
    """Bookings keep their ids and numbers; what the person wrote is gone."""
    await store.forget_reasons(tx, event.user_id)

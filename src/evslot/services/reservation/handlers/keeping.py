"""Housekeeping: what nobody paid, what has to be told again, what has to be forgotten."""

from uuid import UUID

from evslot.services.reservation import store
from evslot.services.reservation.domain import telling
from evslot.services.reservation.handlers.ending import give_up_all
from evslot.services.reservation.handlers.lapsing import tell_expired
from evslot.services.user import messages as user
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

handlers = Handlers()

SWEPT_AT_ONCE = 500
REPUBLISHED_AT_ONCE = 500
"""Bookings looked at in one transaction; most of them are over."""


@handlers.every(seconds=1.0)
async def sweep(tx: Transaction) -> None:
    """Free what nobody paid; a full sweep goes on a second later."""
    tell_expired(await store.expire_lapsed(tx, SWEPT_AT_ONCE), tx)


@handlers.republish
async def republish_bookings(tx: Transaction, after: UUID | None) -> UUID | None:
    """How each booking stands whose time is not over, as it was told: views compare versions."""
    page, last = await store.find_last_told(tx, after, REPUBLISHED_AT_ONCE)
    for booking, told in page:
        tx.emit(telling.event(booking, told))
    return last


@handlers.heard(user.UserErased)
async def user_erased(event: user.UserErased, tx: Transaction) -> None:
    """Bookings keep their ids and numbers; what the person wrote is gone, and nobody will come."""
    await give_up_all(event.user_id, tx)
    await store.forget_reasons(tx, event.user_id)

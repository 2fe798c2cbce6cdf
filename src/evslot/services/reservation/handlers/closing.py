"""Closures: an operator takes chargers out of use and puts them back."""

from uuid import UUID

from evslot.services.reservation import store
from evslot.services.reservation.domain import closing
from evslot.services.reservation.handlers.lapsing import tell_expired
from evslot.services.reservation.handlers.parties import own_station
from evslot.services.reservation.messages import (
    Closure,
    ClosureChanged,
    ClosureDetails,
    ClosureExists,
    ClosureNotFound,
    LiftClosure,
    SetClosure,
    StationInMotion,
)
from evslot.services.station import messages as station
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction
from evslot.values import ReservationId

handlers = Handlers()

LOOKS = 30
"""Each finds what was booked or freed since the last; holds come in batches, so two or three do."""
SWEPT_AT_ONCE = 500
REPUBLISHED_AT_ONCE = 500


@handlers.on(SetClosure)
async def set_closure(command: SetClosure, tx: Transaction) -> ClosureDetails:
    """Take the gaps at once; what is booked is listed, and taken as soon as it gets free."""
    own = await own_station(command.station_id, tx)
    assert own.organisation_id is not None
    closure = closing.close(command, own.organisation_id, own.charger_ids, tx.now)
    if not await store.insert_closure(tx, closure, tx.caller.require_user()):
        raise ClosureExists()
    tell_expired(await store.expire_lapsed_on(tx, closure.charger_ids), tx)
    booked = await take_gaps(closure, tx)
    await store.insert_touched(tx, closure, booked)
    tx.emit(ClosureChanged(closure=closure, version=closure.version))
    touched, total = await store.find_touched(tx, closure.closure_id)
    return ClosureDetails(closure=closure, touched=touched, touched_total=total)


async def take_gaps(closure: Closure, tx: Transaction) -> set[ReservationId]:
    """Look and take until a look finds no gap, and only bookings that are locked already.

    A hold that commits in between makes the constraint pass a gap over, and the next look finds
    what is left of it. A booking that is locked cannot get free before the closure is seen.
    """
    locked: set[ReservationId] = set()
    for _ in range(LOOKS):
        locked |= await store.lock_bookings(tx, closure.charger_ids, closure.period)
        gaps = await store.take_gaps(tx, closure)
        if gaps.count == 0 and gaps.booked <= locked:
            return gaps.booked
    raise StationInMotion()


@handlers.on(LiftClosure)
async def lift_closure(command: LiftClosure, tx: Transaction) -> Closure:
    await own_station(command.station_id, tx)
    closure = await store.lock_closure(tx, command.station_id, command.closure_id)
    if closure is None:
        raise ClosureNotFound()
    lifted = closing.lift(closure, tx.now)
    if lifted is not closure:
        await store.update_closure(tx, lifted)
        await store.free_closure(tx, lifted.closure_id)
        tx.emit(ClosureChanged(closure=lifted, version=lifted.version))
    return lifted


@handlers.heard(station.StationPublished)
async def station_published(event: station.StationPublished, tx: Transaction) -> None:
    """Whose a station is, and which chargers it has."""
    view = event.station
    known = store.Station(
        station_id=view.station_id,
        organisation_id=view.organisation_id,
        charger_ids=tuple(charger.charger_id for charger in view.chargers),
    )
    await store.upsert_station(tx, known, event.version)


@handlers.every(seconds=60.0)
async def forget_closed_pieces(tx: Transaction) -> None:
    await store.forget_closed_pieces(tx, SWEPT_AT_ONCE)


@handlers.republish
async def republish_closures(tx: Transaction, after: UUID | None) -> UUID | None:
    """Closures whose time is not over, as they are."""
    page = await store.find_closures_after(tx, after, REPUBLISHED_AT_ONCE)
    for closure in page:
        tx.emit(ClosureChanged(closure=closure, version=closure.version))
    return page[-1].closure_id if page else None

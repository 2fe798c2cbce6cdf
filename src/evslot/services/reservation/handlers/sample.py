"""Filling the sample of a development system: bookings of past weeks and of soon, closures.

All of it lands in the ordinary tables. What lies ahead is told as anything is; what is over is
told to nobody, as `evslot republish` tells only of what is not.
"""

from collections.abc import Iterator, Sequence
from uuid import uuid5

import msgspec

from evslot.services.payment import messages as payment
from evslot.services.reservation import store
from evslot.services.reservation.domain import sample, telling
from evslot.services.reservation.domain.booking import Rules
from evslot.services.reservation.domain.sample import Life
from evslot.services.reservation.handlers.closing import take_gaps
from evslot.services.reservation.handlers.holding import CODE_LETTERS
from evslot.services.reservation.messages import (
    Closure,
    ClosureChanged,
    EnsureSampleBookings,
    EnsureSampleClosures,
    EnsureSampleHistory,
    SampleClosure,
    SampleCount,
    SampleHistory,
)
from evslot.services.reservation.store import sample as sample_store
from evslot.services.user import messages as user
from evslot.spine.config import SharedSettings
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction
from evslot.values import ChargerId, OrganisationId, Period, ReservationId

handlers = Handlers()

PART_BYTES = 100_000
"""JSON of the payments of one command: well below the largest record of a topic."""


@handlers.on(EnsureSampleBookings)
async def ensure_sample_bookings(command: EnsureSampleBookings, tx: Transaction) -> SampleCount:
    """Write those that are not there; their money follows them with this commit."""
    _check(tx)
    rules = tx.resource(Rules)
    lives = [
        sample.life(visit, command.sites[visit.site], CODE_LETTERS, rules, tx.now)
        for visit in command.visits
    ]
    known = await sample_store.find_known(tx, [_id(life) for life in lives])
    fresh = [life for life in lives if _id(life) not in known]
    possible = await _without_rivals(fresh, tx)
    kept = await sample_store.insert_lives(
        tx, [sample_store.Written(booking=life.booking, story=life.versions) for life in possible]
    )
    written = [life for life in possible if _id(life) in kept]
    for life in written:
        if life.occupies:
            tx.emit(telling.event(life.booking, life.told))
    for part in _parts([life.paid for life in written if life.paid is not None]):
        tx.send(payment.EnsureSamplePayments(payments=part))
    return SampleCount(written=len(written), known=len(known), refused=len(fresh) - len(written))


@handlers.on(EnsureSampleClosures)
async def ensure_sample_closures(command: EnsureSampleClosures, tx: Transaction) -> SampleCount:
    """Write those that are not there; what is not over takes the gaps of its chargers."""
    _check(tx)
    written = known = refused = 0
    for wished in command.closures:
        own = await store.lock_station(tx, wished.station_id)
        if own is None or own.organisation_id is None:
            refused += 1
            continue
        closure = _closure(wished, own.organisation_id)
        if await store.insert_closure(tx, closure, command.operator_id):
            written += 1
            await _occupy(closure, tx)
        else:
            known += 1
    return SampleCount(written=written, known=known, refused=refused)


@handlers.on(EnsureSampleHistory)
async def ensure_sample_history(command: EnsureSampleHistory, tx: Transaction) -> SampleHistory:
    """The next filling goes on from here."""
    _check(tx)
    until = await sample_store.note_history(tx, command.written_until)
    return SampleHistory(written_until=until)


def _check(tx: Transaction) -> None:
    tx.caller.require_system()
    if not tx.resource(SharedSettings).in_development:
        raise user.SampleAccountsOff()


async def _without_rivals(lives: Sequence[Life], tx: Transaction) -> list[Life]:
    """Of what was kept and is over, only what nobody else had the charger for.

    What is not over is judged by the constraint; what was given up had nothing.
    """
    over = [life for life in lives if _was_kept(life)]
    if not over:
        return list(lives)
    booked = [life.booking.reservation for life in over]
    span = Period(min(b.occupied.start for b in booked), max(b.occupied.end for b in booked))
    claimed = await sample_store.find_claimed(
        tx, {b.organisation_id for b in booked}, {b.charger_id for b in booked}, span
    )
    return [life for life in lives if not (_was_kept(life) and _meets(life, claimed))]


def _was_kept(life: Life) -> bool:
    return life.booking.reservation.state in ("completed", "no_show")


def _meets(life: Life, claimed: dict[ChargerId, list[Period]]) -> bool:
    reservation = life.booking.reservation
    rivals = claimed.get(reservation.charger_id, ())
    return any(reservation.occupied.overlaps(rival) for rival in rivals)


def _id(life: Life) -> ReservationId:
    return life.booking.reservation.reservation_id


def _parts(
    payments: Sequence[payment.SamplePayment],
) -> Iterator[tuple[payment.SamplePayment, ...]]:
    """As many as fit a record, in order."""
    part: list[payment.SamplePayment] = []
    size = 0
    for one in payments:
        length = len(msgspec.json.encode(one))
        if part and size + length > PART_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(one)
        size += length
    if part:
        yield tuple(part)


def _closure(wished: SampleClosure, organisation_id: OrganisationId) -> Closure:
    return Closure(
        closure_id=uuid5(wished.station_id, f"sample/{wished.period.start.isoformat()}"),
        version=1,
        station_id=wished.station_id,
        organisation_id=organisation_id,
        charger_ids=tuple(sorted(wished.charger_ids)),
        period=wished.period,
        reason=wished.reason,
        state="standing",
        created_at=wished.set_at,
        changed_at=wished.set_at,
    )


async def _occupy(closure: Closure, tx: Transaction) -> None:
    if closure.period.end <= tx.now:
        return
    booked = await take_gaps(closure, tx)
    await store.insert_touched(tx, closure, booked)
    tx.emit(ClosureChanged(closure=closure, version=closure.version))

"""Bugs in services: charges without a key, sagas that do not turn back, views that go back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.faults.seeded_bugs import bug

STALE = timedelta(seconds=30)


@bug("payment")
def charge_without_key() -> None:
    """Each try at the provider has a key of its own, so that a repeat charges again."""
    from evslot.services.payment.adapters.simulated import SimulatedProvider

    authorise, refund = SimulatedProvider.authorise, SimulatedProvider.refund

    async def authorise_anew(self: Any, key: UUID, **wish: Any) -> Any:
        return await authorise(self, uuid4(), **wish)

    async def refund_anew(self: Any, key: UUID, **wish: Any) -> Any:
        return await refund(self, uuid4(), **wish)

    SimulatedProvider.authorise = authorise_anew  # type: ignore[method-assign]
    SimulatedProvider.refund = refund_anew  # type: ignore[method-assign]


@bug("reservation")
def compensation_skipped() -> None:
    """A saga that turns back does not put back what its steps have done."""
    from evslot.spine.saga import Ask

    make = Ask.__init__

    def without_undo(self: Any, *words: Any, **named: Any) -> None:
        make(self, *words, **{**named, "undo": None})

    Ask.__init__ = without_undo  # type: ignore[method-assign]


@bug("payment")
def webhook_not_deduped() -> None:
    """An event of the provider is applied each time it comes, whatever is known of its call."""
    from evslot.services.payment.store import events, payments

    lock = "from provider_call where call_id = $1 and state = 'open' for update"

    async def never_taken(*_: Any) -> bool:
        return False

    async def insert_event(tx: Any, provider: str, event_id: str, outcome: str) -> None:
        await tx.execute(
            """
            insert into provider_event (provider, event_id, outcome, taken_at)
            values ($1, $2, $3, $4) on conflict do nothing
            """,
            provider,
            event_id,
            outcome,
            tx.now,
        )

    class Blind:
        """A transaction that finds closed calls open."""

        def __init__(self, tx: Any) -> None:
            self._tx = tx

        def __getattr__(self, name: str) -> Any:
            return getattr(self._tx, name)

        async def fetch_row(self, statement: str, *values: Any) -> Any:
            assert lock in statement, statement
            return await self._tx.fetch_row(statement.replace(" and state = 'open'", ""), *values)

    lock_call = payments.lock_call

    async def lock_any_call(tx: Any, call_id: UUID) -> Any:
        return await lock_call(Blind(tx), call_id)  # type: ignore[arg-type]

    events.is_taken = never_taken  # type: ignore[assignment]
    events.insert_event = insert_event
    payments.lock_call = lock_any_call


@bug("reservation")
def stale_decision() -> None:
    """Who asks is refused by what a process remembers of the last half minute."""
    from evslot.services.reservation import store

    insert_holds = store.insert_holds
    granted: list[tuple[datetime, Any]] = []

    async def by_memory(tx: Any, holds: Sequence[Any]) -> Any:
        fresh = [booking for at, booking in granted if tx.now - at < STALE]
        wanted = [hold for hold in holds if not any(_meet(hold, one) for one in fresh)]
        held = await insert_holds(tx, wanted)
        for hold in wanted:
            if hold.booking.reservation.reservation_id in held:
                granted.append((tx.now, hold.booking.reservation))
        return held

    store.insert_holds = by_memory


def _meet(hold: Any, other: Any) -> bool:
    wished = hold.booking.reservation
    return bool(wished.charger_id == other.charger_id and wished.occupied.overlaps(other.occupied))


@bug("station")
def late_writer_not_fenced() -> None:
    """The view takes what it hears as the latest, whatever it knows already."""
    from evslot.services.station import store

    upsert_busy = store.upsert_busy

    async def whatever_comes(tx: Any, reservation: Any, version: int) -> None:
        number = reservation.reservation_id
        await tx.execute("update busy set version = -1 where ref = $1", number)
        await upsert_busy(tx, reservation, version)

    store.upsert_busy = whatever_comes

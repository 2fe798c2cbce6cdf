"""SQL of provider events that were taken."""

from uuid import UUID

from evslot.spine.transaction import Transaction
from evslot.values import PaymentId


async def is_taken(tx: Transaction, provider: str, event_id: str) -> bool:
    return bool(
        await tx.fetch_value(
            """
            select exists (select from provider_event where provider = $1 and event_id = $2)
            """,
            provider,
            event_id,
        )
    )


async def insert_event(tx: Transaction, provider: str, event_id: str, outcome: str) -> None:
    """The same event in two transactions at once: the second waits, fails, and finds it taken."""
    await tx.execute(
        """
        insert into provider_event (provider, event_id, outcome, taken_at)
        values ($1, $2, $3, $4)
        """,
        provider,
        event_id,
        outcome,
        tx.now,
    )


async def payment_of_call(tx: Transaction, call_id: UUID) -> PaymentId | None:
    """None where the call is not ours."""
    found: PaymentId | None = await tx.fetch_value(
        "select payment_id from provider_call where call_id = $1", call_id
    )
    return found


async def delete_old_events(tx: Transaction, limit: int) -> None:
    """No provider repeats an event after a month."""
    await tx.execute(
        """
        delete from provider_event where (provider, event_id) in (
          select provider, event_id from provider_event
          where taken_at < now() - interval '30 days' order by taken_at limit $1)
        """,
        limit,
    )

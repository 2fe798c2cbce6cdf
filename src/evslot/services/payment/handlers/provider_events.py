"""Events a provider sends by itself: late, twice or out of order, each changes things once."""

from evslot.services.payment.adapters.webhooks import SIMULATED, WebhookKey
from evslot.services.payment.domain import webhooks as rules
from evslot.services.payment.handlers.payments import take_answer
from evslot.services.payment.messages import (
    ProviderEventTaken,
    ProviderNotFound,
    TakeProviderEvent,
)
from evslot.services.payment.store import events as store
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

handlers = Handlers()

OLD_EVENTS = 1000


@handlers.on(TakeProviderEvent)
async def take_provider_event(command: TakeProviderEvent, tx: Transaction) -> ProviderEventTaken:
    """The event is the answer to one call of ours; a call is answered once, by whatever way.

    So what is late finds its call closed, what comes twice its id taken, and what is out of order
    concerns another call. Amounts are those of our call, never the event's.
    """
    if command.provider != SIMULATED:
        raise ProviderNotFound()
    rules.verify(
        tx.resource(WebhookKey).value,
        command.event_id,
        command.timestamp,
        command.body.value,
        command.signature.value,
        tx.now,
    )
    event = rules.read(command.body.value)
    if await store.is_taken(tx, command.provider, command.event_id):
        return ProviderEventTaken(event_id=command.event_id, outcome="known")
    call_id = event.data.idempotency_key
    payment_id = await store.payment_of_call(tx, call_id)
    applied = payment_id is not None and (
        await take_answer(tx, payment_id, call_id, event.data.answer) is not None
    )
    taken = ProviderEventTaken(
        event_id=command.event_id, outcome="applied" if applied else "nothing"
    )
    await store.insert_event(tx, command.provider, taken.event_id, taken.outcome)
    return taken


@handlers.every(seconds=600.0)
async def forget_old_events(tx: Transaction) -> None:
    await store.delete_old_events(tx, OLD_EVENTS)

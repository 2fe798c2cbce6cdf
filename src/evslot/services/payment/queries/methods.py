"""Questions about saved methods of payment."""

from evslot.services.payment.messages import ListMethods, MethodNotFound, SavedMethods
from evslot.services.payment.store import methods as store
from evslot.spine.handling import Queries
from evslot.spine.transaction import Reading

queries = Queries()


@queries.on(ListMethods)
async def list_methods(query: ListMethods, reading: Reading) -> SavedMethods:
    """The caller's own."""
    if reading.caller.require_user() != query.user_id:
        raise MethodNotFound()
    return SavedMethods(methods=await store.list_methods(reading, query.user_id))

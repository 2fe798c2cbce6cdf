"""Questions about the payment provider itself."""

from evslot.services.payment.messages import GetProvider, ProviderView
from evslot.spine.handling import Queries
from evslot.spine.transaction import Reading

queries = Queries()


@queries.on(GetProvider)
async def get_provider(query: GetProvider, reading: Reading) -> ProviderView:
    """Public: it names nobody and nothing secret."""
    return reading.resource(ProviderView)

"""How far the sample of a development system is filled."""

from evslot.services.reservation.messages import GetSampleHistory, SampleHistory
from evslot.spine.handling import Queries
from evslot.spine.transaction import Reading

queries = Queries()

WRITTEN_UNTIL = """
select written_until from sample_history"""


@queries.on(GetSampleHistory)
async def get_sample_history(query: GetSampleHistory, reading: Reading) -> SampleHistory:
    """Nothing where nobody filled it."""
    reading.caller.require_system()
    return SampleHistory(written_until=await reading.fetch_value(WRITTEN_UNTIL))

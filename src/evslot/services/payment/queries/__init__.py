"""Questions about money, and whether the books agree."""

from evslot.services.payment.queries import methods, payments, provider, receipts, statements
from evslot.services.payment.queries.books import Discrepancy, broken_link, discrepancies
from evslot.spine.handling import Queries

__all__ = ["Discrepancy", "broken_link", "discrepancies", "queries"]

queries = Queries()
for part in (payments, receipts, statements, methods, provider):
    queries.include(part.queries)

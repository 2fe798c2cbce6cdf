"""What the reservation service answers without changing anything."""

from evslot.services.reservation.queries import bookings, closures, exporting
from evslot.spine.handling import Queries

queries = Queries()
for part in (bookings, closures, exporting):
    queries.include(part.queries)

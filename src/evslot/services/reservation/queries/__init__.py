"""What the reservation service answers without changing anything."""

from evslot.services.reservation.queries import bookings, closures, exporting, sample
from evslot.spine.handling import Queries

queries = Queries()
for part in (bookings, closures, exporting, sample):
    queries.include(part.queries)

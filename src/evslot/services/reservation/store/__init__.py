"""SQL of the write side: bookings, their stories, what they claim on the chargers, closures.

Locks are taken in one order everywhere: drivers, stations, reservations, closures, occupancy;
each sorted.
"""

from evslot.services.reservation.store.bookings import (
    InTheWay,
    claim_early,
    confirm_reservation,
    end_due,
    find_last_told,
    forget_reasons,
    lock_reservation,
    lock_waiting,
    prolong_occupancy,
    update_reservation,
)
from evslot.services.reservation.store.closures import (
    Gaps,
    Station,
    closure_of,
    find_closures_after,
    find_touched,
    forget_closed_pieces,
    insert_closure,
    insert_touched,
    lock_bookings,
    lock_closure,
    lock_station,
    station_of,
    take_gaps,
    update_closure,
    upsert_station,
)
from evslot.services.reservation.store.freeing import (
    free_claims,
    free_closure,
    give_back_buffers,
)
from evslot.services.reservation.store.holds import (
    Around,
    crowd,
    cut_buffers,
    expire,
    expire_lapsed,
    expire_lapsed_on,
    insert_holds,
    lock_drivers,
    look_around,
)
from evslot.services.reservation.store.rows import (
    booking_of,
    json_of,
    range_of,
)

__all__ = [
    "Around",
    "Gaps",
    "InTheWay",
    "Station",
    "booking_of",
    "claim_early",
    "closure_of",
    "confirm_reservation",
    "crowd",
    "cut_buffers",
    "end_due",
    "expire",
    "expire_lapsed",
    "expire_lapsed_on",
    "find_closures_after",
    "find_last_told",
    "find_touched",
    "forget_closed_pieces",
    "forget_reasons",
    "free_claims",
    "free_closure",
    "give_back_buffers",
    "insert_closure",
    "insert_holds",
    "insert_touched",
    "json_of",
    "lock_bookings",
    "lock_closure",
    "lock_drivers",
    "lock_reservation",
    "lock_station",
    "lock_waiting",
    "look_around",
    "prolong_occupancy",
    "range_of",
    "station_of",
    "take_gaps",
    "update_closure",
    "update_reservation",
    "upsert_station",
]

"""Which messages keep their order: those about bookings of one station."""

from evslot.values import ReservationId, bucket_key, bucket_of


class OfReservation:
    """About one booking, whose id holds the bucket of its station."""

    __slots__ = ()
    reservation_id: ReservationId

    def key(self) -> str:
        return bucket_key(bucket_of(self.reservation_id))

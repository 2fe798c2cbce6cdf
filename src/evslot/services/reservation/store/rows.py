"""Rows of the table of bookings and what they are in memory."""

from collections.abc import Mapping
from typing import Any

import msgspec

from evslot.services.reservation.domain.booking import Booking, Own
from evslot.services.reservation.domain.holding import Hold
from evslot.services.reservation.messages import KindWish, Reservation
from evslot.values import Money, Period, PriceLine, Terms


def booking_of(row: Mapping[str, Any]) -> Booking:
    """A row of `reservation`."""
    fee, kind = row["fee_amount"], row["kind_of"]
    reservation = Reservation(
        reservation_id=row["reservation_id"],
        version=row["version"],
        state=row["state"],
        station_id=row["station_id"],
        organisation_id=row["organisation_id"],
        charger_id=row["charger_id"],
        charger_label=row["charger_label"],
        station_name=row["station_name"],
        zone=row["zone"],
        driver_id=row["driver_id"],
        vehicle_id=row["vehicle_id"],
        period=Period(row["period"].lower, row["period"].upper),
        occupied=Period(row["occupied"].lower, row["occupied"].upper),
        held_until=row["held_until"],
        total=Money(row["total_amount"], row["currency"]),
        lines=msgspec.json.decode(row["lines"], type=tuple[PriceLine, ...]),
        terms=msgspec.json.decode(row["terms"], type=Terms),
        tariff_version=row["tariff_version"],
        code=row["code"],
        payment_id=row["payment_id"],
        payment_state=row["payment_state"],
        fee=None if fee is None else Money(fee, row["currency"]),
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        checked_in_at=row["checked_in_at"],
        completed_at=row["completed_at"],
        kind_of=msgspec.json.decode(kind, type=KindWish) if kind else None,
    )
    return Booking(
        reservation=reservation,
        payer_id=row["payer_id"],
        created_by=row["created_by"],
        quote_id=row["quote_id"],
        prolonged=row["prolonged"],
        confirmed_at=row["confirmed_at"],
    )


def own_of(row: Mapping[str, Any]) -> Own:
    """A row of those columns of `reservation` that it has."""
    return Own(
        reservation_id=row["reservation_id"],
        state=row["state"],
        charger_id=row["charger_id"],
        vehicle_id=row["vehicle_id"],
        period=Period(row["period"].lower, row["period"].upper),
        occupied=Period(row["occupied"].lower, row["occupied"].upper),
        held_until=row["held_until"],
    )


def row_of(booking: Booking) -> dict[str, Any]:
    """A fresh hold as a row of `reservation`."""
    reservation = booking.reservation
    row = msgspec.structs.asdict(reservation)
    total: Money = row.pop("total")
    return row | {
        "payer_id": booking.payer_id,
        "created_by": booking.created_by,
        "quote_id": booking.quote_id,
        "prolonged": booking.prolonged,
        "kind": "fitting" if reservation.kind_of else "charger",
        "period": range_of(reservation.period),
        "occupied": range_of(reservation.occupied),
        "total_amount": total.amount,
        "currency": total.currency,
        "terms_version": reservation.terms.version,
    }


def claim_row(hold: Hold) -> dict[str, Any]:
    reservation = hold.booking.reservation
    return {
        "station_id": reservation.station_id,
        "charger_id": reservation.charger_id,
        "during": range_of(hold.claim),
        "kind": "hold",
        "ref": reservation.reservation_id,
        "held_until": reservation.held_until,
    }


def range_of(period: Period) -> str:
    """As a literal of tstzrange."""
    return f"[{period.start.isoformat()},{period.end.isoformat()})"


def json_of(rows: Any) -> str:
    """As a parameter that is cast to jsonb."""
    return msgspec.json.encode(rows).decode()

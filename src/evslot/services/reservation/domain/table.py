"""Bookings as lines of a CSV text (RFC 4180), for people with a spreadsheet."""

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from evslot.services.reservation.messages import Reservation

PART_BYTES = 120_000
"""UTF-8; a record of a topic holds a little more."""

COLUMNS: dict[str, Callable[[Reservation], str]] = {
    "reservation_id": lambda one: str(one.reservation_id),
    "code": lambda one: one.code,
    "state": lambda one: one.state,
    "station_id": lambda one: str(one.station_id),
    "station": lambda one: one.station_name,
    "charger": lambda one: one.charger_label,
    "start": lambda one: _local(one.period.start, one),
    "end": lambda one: _local(one.period.end, one),
    "zone": lambda one: one.zone,
    "currency": lambda one: one.total.currency,
    "price": lambda one: str(one.total.in_major_units),
    "cancellation_fee": lambda one: str(one.fee.in_major_units) if one.fee else "",
    "payment": lambda one: one.payment_state or "",
    "checked_in": lambda one: _local(one.checked_in_at, one),
    "completed": lambda one: _local(one.completed_at, one),
    "booked": lambda one: _local(one.created_at, one),
}


def part(reservations: Sequence[Reservation], *, begin: bool) -> tuple[str, int]:
    """Lines of as many bookings as fit, at least one; answers the text and their number."""
    lines = [_line(COLUMNS)] if begin else []
    size = taken = 0
    for reservation in reservations:
        line = _line([text_of(reservation) for text_of in COLUMNS.values()])
        size += len(line.encode())
        if taken and size > PART_BYTES:
            break
        lines.append(line)
        taken += 1
    return "".join(lines), taken


def _line(cells: Sequence[str] | dict[str, Callable[[Reservation], str]]) -> str:
    return ",".join(_cell(text) for text in cells) + "\r\n"


def _cell(text: str) -> str:
    """Quoted where it has to be; what a spreadsheet would run as a formula gets a quote mark."""
    if text[:1] in ("=", "+", "-", "@", "\t", "\r"):
        text = f"'{text}"
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _local(instant: datetime | None, reservation: Reservation) -> str:
    """RFC 3339, on the station's clock."""
    if instant is None:
        return ""
    return instant.astimezone(ZoneInfo(reservation.zone)).isoformat(timespec="seconds")

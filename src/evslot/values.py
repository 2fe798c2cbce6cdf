"""Shared nouns without behaviour of any one service: ids, money, periods, price lines, terms."""

import hashlib
import os
import time
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NewType
from uuid import UUID

from msgspec import Struct

UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)
OrganisationId = NewType("OrganisationId", UUID)
VehicleId = NewType("VehicleId", UUID)
StationId = NewType("StationId", UUID)
ChargerId = NewType("ChargerId", UUID)
ReservationId = NewType("ReservationId", UUID)
PaymentId = NewType("PaymentId", UUID)
NotificationId = NewType("NotificationId", UUID)

USUAL_DIGITS = 2
UNUSUAL_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Digits of a currency's minor unit after ISO 4217, which payment providers go by.

CLDR, and with it Babel and browsers, says how many digits people usually write, which is another
thing: none of a dinar of Serbia or Iraq.
"""


def new_id(bucket: int | None = None) -> UUID:
    """A UUIDv8 (RFC 9562): 48 bits of milliseconds, 12 random, 16-bit bucket, 46 random.

    Ids of all that belongs to a station carry the station's bucket, so that the record key can
    be read off the id; others take a random one. Ids made later sort later.
    """
    millis = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    if bucket is None:
        bucket = (random >> 64) & 0xFFFF
    value = (millis & 0xFFFF_FFFF_FFFF) << 80
    value |= 8 << 76
    value |= (random >> 46 & 0xFFF) << 64
    value |= 0b10 << 62
    value |= (bucket & 0xFFFF) << 46
    value |= random & 0x3FFF_FFFF_FFFF
    return UUID(int=value)


def station_bucket(station_id: StationId) -> int:
    """The first 16 bits of SHA-256 of the station id: 0 to 65,535."""
    return int.from_bytes(hashlib.sha256(station_id.bytes).digest()[:2], "big")


def bucket_of(station_bound_id: UUID) -> int:
    """The station bucket inside an id made by `new_id(bucket)`: 0 to 65,535."""
    return (station_bound_id.int >> 46) & 0xFFFF


def bucket_key(bucket: int) -> str:
    """The record key of a station's bucket: four hexadecimal digits."""
    return f"{bucket:04x}"


class Money(Struct, frozen=True):
    """An amount in minor units (cents, pence, paise) of an ISO 4217 currency; never a float."""

    amount: int
    currency: str

    @property
    def in_major_units(self) -> Decimal:
        """`6.40` of 640 cents: as many digits as the currency has, also where they are zeros."""
        return Decimal(self.amount).scaleb(-minor_digits(self.currency))


def minor_digits(currency: str) -> int:
    """How many decimal digits the minor unit of a currency is: 2 of EUR, 0 of JPY."""
    return UNUSUAL_DIGITS.get(currency, USUAL_DIGITS)


class Period(Struct, frozen=True):
    """A half-open span of time [start, end), both aware, end after start."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def overlaps(self, other: "Period") -> bool:
        return self.start < other.end and other.start < self.end


class PriceLine(Struct, frozen=True, kw_only=True):
    """One line that explains a part of a price; lines add up to the total to the cent."""

    kind: Literal["FLAT", "TIME", "ENERGY", "PARKING_TIME", "FEE"]
    text: str
    amount: int
    """Gross, minor units of the price's currency; already rounded half-up."""
    vat_basis_points: int
    """1900 = 19 %."""
    minutes: int | None = None
    """Of a line for time: how long."""
    per_hour: int | None = None
    """Of a line for time: its price an hour, gross, minor units."""
    parts: tuple[Period, ...] = ()
    """Of a line for time, where the price changes during the slot: when this price holds."""


class LadderStep(Struct, frozen=True, kw_only=True):
    """Cancelling later than `until_minutes` before the start keeps `kept_percent` of the price."""

    until_minutes: int
    kept_percent: int


class Terms(Struct, frozen=True, kw_only=True):
    """The rules of a booking, frozen when quoted.

    `ladder` is sorted from far to near: its first step has the largest `until_minutes`. A cancel
    at least `ladder[i].until_minutes` before the start keeps `ladder[i].kept_percent`; nearer than
    the last step keeps `last_percent`. Exactly N minutes before is in time.
    """

    name: str
    version: int
    ladder: tuple[LadderStep, ...]
    last_percent: int
    grace_minutes: int
    no_show_percent: int
    early_minutes: int
    compensation_percent: int = 0

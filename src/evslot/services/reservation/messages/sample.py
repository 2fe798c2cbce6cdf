"""What fills the sample of a development system: bookings and closures, past and soon."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from evslot.spine.message import Command, Query
from evslot.values import (
    ChargerId,
    OrganisationId,
    Period,
    PriceLine,
    StationId,
    Terms,
    UserId,
)

ONE_PARTITION = "sample"
"""The key of all that fills the sample: written in the order in which it is sent."""

VisitEnd = Literal["stays", "no_show", "cancelled", "released", "lapsed"]


class SampleSite(Struct, frozen=True, kw_only=True):
    """A station, as a quote of it says."""

    station_id: StationId
    organisation_id: OrganisationId
    station_name: str
    zone: str
    currency: str
    tariff_version: int
    terms: Terms


class SampleVisit(Struct, frozen=True, kw_only=True):
    """A made-up booking with its whole life; what lies ahead of now has not happened yet."""

    site: int
    """Which of the command's sites, from 0."""
    charger_id: ChargerId
    charger_label: str
    driver_id: UserId
    period: Period
    occupied: Period
    """With the buffer."""
    lines: tuple[PriceLine, ...]
    booked_at: datetime
    end: VisitEnd = "stays"
    came_at: datetime | None = None
    left_at: datetime | None = None
    """None: it ends with its time."""
    ended_at: datetime | None = None
    """When it was cancelled, or noted as a no-show."""
    by: Literal["driver", "operator"] = "driver"
    """Who cancelled."""


class SampleClosure(Struct, frozen=True, kw_only=True):
    """Chargers that were, or are, out of use."""

    station_id: StationId
    charger_ids: tuple[ChargerId, ...]
    period: Period
    reason: str
    set_at: datetime


class SampleCount(Struct, frozen=True, kw_only=True):
    """What became of a part of the sample."""

    written: int
    known: int
    """Were there before."""
    refused: int
    """Somebody else has the charger then."""


class SampleHistory(Struct, frozen=True, kw_only=True):
    """How far the sample is filled."""

    written_until: datetime | None
    """All that was booked before this is there; None where nothing is."""


class EnsureSampleBookings(Command[SampleCount], frozen=True, kw_only=True):
    """Write made-up bookings with their stories; only the system may, in development only."""

    sites: tuple[SampleSite, ...]
    visits: tuple[SampleVisit, ...]

    def key(self) -> str:
        return ONE_PARTITION


class EnsureSampleClosures(Command[SampleCount], frozen=True, kw_only=True):
    """Write made-up closures; only the system may, in development only."""

    operator_id: UserId
    """Who set them."""
    closures: tuple[SampleClosure, ...]

    def key(self) -> str:
        return ONE_PARTITION


class EnsureSampleHistory(Command[SampleHistory], frozen=True, kw_only=True):
    """Note that the sample is filled up to here; only the system may, in development only."""

    written_until: datetime

    def key(self) -> str:
        return ONE_PARTITION


class GetSampleHistory(Query[SampleHistory], frozen=True, kw_only=True):
    """How far the sample is filled; only the system may ask."""

    def key(self) -> str:
        return ONE_PARTITION

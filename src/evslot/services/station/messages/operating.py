"""What operators do with their stations: change, price, retire them, say how chargers are."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from evslot.services.station.messages.supply import (
    Charger,
    ChargerInput,
    ChargerStateValue,
    Connector,
    Current,
    Hours,
    Position,
    SlotRule,
    StationStatus,
    StationView,
    Tariff,
)
from evslot.spine.message import Command, Conflict, Event, Query
from evslot.values import ChargerId, OrganisationId, StationId, bucket_key, station_bucket

TermsName = Literal["relaxed", "usual", "strict"]


class StationPublished(Event, frozen=True, kw_only=True):
    """A station is on line, or was changed: its full public state."""

    station: StationView
    version: int

    def key(self) -> str:
        return bucket_key(station_bucket(self.station.station_id))


class ChargerStateChanged(Event, frozen=True, kw_only=True):
    """Somebody said how a charger is: free, in use, broken."""

    station_id: StationId
    organisation_id: OrganisationId | None
    charger: Charger
    version: int
    """Of the charger's state alone; the station's version does not change with it."""

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class ChangeStation(Command[StationPublished], frozen=True, kw_only=True):
    """Change what a station says of itself; what is left out stays as it is."""

    station_id: StationId
    version: int | None = None
    """Refused with StationChanged unless this is the station's version now."""
    name: str | None = None
    address: str | None = None
    city: str | None = None
    postcode: str | None = None
    country: str | None = None
    position: Position | None = None
    zone: str | None = None
    how_to_find: str | None = None
    hours: Hours | None = None
    rule: SlotRule | None = None
    status: Literal["listed", "bookable"] | None = None

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class RetireStation(Command[StationPublished], frozen=True, kw_only=True):
    """Take a station off line for good; its bookings and their history stay."""

    station_id: StationId

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class AddCharger(Command[StationPublished], frozen=True, kw_only=True):
    """Put one more charger on line at a station."""

    station_id: StationId
    charger_id: ChargerId
    """Made by the edge from the command id."""
    charger: ChargerInput

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class ChangeCharger(Command[StationPublished], frozen=True, kw_only=True):
    """Change a charger; what is left out stays, `connectors` are replaced as a whole."""

    station_id: StationId
    charger_id: ChargerId
    version: int | None = None
    """Refused with StationChanged unless this is the station's version now."""
    label: str | None = None
    connectors: list[Connector] | None = None
    current: Current | None = None
    accessible: bool | None = None

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class RetireCharger(Command[StationPublished], frozen=True, kw_only=True):
    """Take a charger off line for good; its bookings and their history stay."""

    station_id: StationId
    charger_id: ChargerId

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class SetTariff(Command[StationPublished], frozen=True, kw_only=True):
    """Name the prices of new quotes: of a station, or of one charger that differs from it."""

    station_id: StationId
    charger_id: ChargerId | None = None
    """None = the whole station; chargers with a tariff of their own keep it."""
    tariff: Tariff | None
    """None = the charger costs what the station costs, again."""
    version: int | None = None
    """Refused with StationChanged unless this is the station's version now."""

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class SetTerms(Command[StationPublished], frozen=True, kw_only=True):
    """Name the rules of new bookings; a booking keeps those it was made under."""

    station_id: StationId
    terms: TermsName
    version: int | None = None
    """Refused with StationChanged unless this is the station's version now."""

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class SetChargerState(Command[ChargerStateChanged], frozen=True, kw_only=True):
    """Say how a charger is, as the operator sees it; it is believed for a day."""

    station_id: StationId
    charger_id: ChargerId
    state: ChargerStateValue

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class OwnStation(Struct, frozen=True, kw_only=True):
    """A line of an operator's list: retired stations too."""

    station_id: StationId
    version: int
    name: str
    address: str
    city: str
    zone: str
    status: StationStatus
    chargers: int
    """Without the retired ones."""
    chargers_broken: int
    """Of these known to be out of order, inoperative or blocked."""
    terms: str | None
    currency: str | None
    changed_at: datetime


class OwnStations(Struct, frozen=True, kw_only=True):
    """By name."""

    stations: list[OwnStation]
    next_cursor: str | None = None


class ListStations(Query[OwnStations], frozen=True, kw_only=True):
    """The stations of an organisation, for its members: listed, bookable and retired."""

    organisation_id: OrganisationId
    status: StationStatus | None = None
    limit: int = 50
    cursor: str | None = None

    def key(self) -> None:
        return None


class StationRetired(Conflict):
    """This station is off line for good."""


class ChargerExists(Conflict):
    """This charger id is taken."""


class LastCharger(Conflict):
    """A station needs a charger: retire the station instead."""


class TariffMissing(Conflict):
    """Name a tariff and terms first: without them nothing can be booked."""

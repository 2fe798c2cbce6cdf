"""What is asked of all stations: search, suggestions of places, the open data of OCPI."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from evslot.services.station.messages.operating import TermsName
from evslot.services.station.messages.supply import (
    Current,
    ImportReport,
    Position,
    SlotRule,
    StationStatus,
    Tariff,
)
from evslot.spine.message import Command, Query
from evslot.values import (
    Money,
    OrganisationId,
    Period,
    ReservationId,
    StationId,
    bucket_key,
    bucket_of,
)

SortedBy = Literal["distance", "price", "start"]
PlaceKind = Literal["city", "district", "postcode", "station"]
ImportFormat = Literal["openchargemap", "ocpi"]


class Box(Struct, frozen=True, kw_only=True):
    """Part of a map in degrees; with `west` greater than `east` it lies over the date line."""

    south: float
    west: float
    north: float
    east: float


class FoundStation(Struct, frozen=True, kw_only=True):
    """A line of a search: what is free for the wanted window, or now, and what it costs."""

    station_id: StationId
    name: str
    address: str
    position: Position
    zone: str
    status: StationStatus
    distance_metres: int
    chargers_total: int
    """Chargers that have what is wanted: plug, power, current, access."""
    chargers_free: int | None
    """Of these free for the whole window; None without a window or where not bookable."""
    max_watts: int | None
    price: Money | None
    """Of the window, gross, at the cheapest of these; None without a window or a tariff."""
    city: str = ""
    district: str = ""
    open_now: bool = True
    accessible: bool = False
    """Whether one of the chargers that have what is wanted is accessible."""
    chargers_free_now: int | None = None
    """Without a window: of these, bookable from this minute on, and not known to be in use."""
    free_until: datetime | None = None
    """Without a window: the last moment until which one of them can be had, a day ahead at most."""
    next_free: Period | None = None
    """Where all are taken: the first slot of the window's length that starts within 24 hours."""


class FoundStations(Struct, frozen=True, kw_only=True):
    """In the order that was asked for; ties go by distance."""

    stations: list[FoundStation]
    as_of: datetime
    next_cursor: str | None = None
    """A page may be shorter than asked for and yet go on: much was looked at, little fitted."""
    sorted_by: SortedBy = "distance"


class FindStations(Query[FoundStations], frozen=True, kw_only=True):
    """Stations around a place, with what is free in a window, or now until when."""

    position: Position
    radius_metres: int = 3000
    connector: str | None = None
    """OCPI ConnectorType."""
    min_watts: int | None = None
    window: Period | None = None
    bookable_only: bool = False
    limit: int = 50
    cursor: str | None = None
    box: Box | None = None
    """Instead of the radius; distances are still from `position`."""
    current: Current | None = None
    accessible: bool = False
    """Only with an accessible charger."""
    open_now: bool = False
    """Only stations that are open at this moment."""
    free: bool = False
    """Only with a charger that is free: in the window, without one now."""
    max_price: int | None = None
    """Minor units of the station's currency, of the window, gross."""
    sort: SortedBy = "distance"
    """By price or start only with a window, among the nearest few hundred that fit."""

    def key(self) -> None:
        return None


class Place(Struct, frozen=True, kw_only=True):
    """Something one can search around."""

    kind: PlaceKind
    name: str
    detail: str
    """Where it is: the city of a district, the address of a station, a postcode of a town of which
    there are several."""
    country: str
    position: Position
    """The middle of the stations there."""
    radius_metres: int
    """Holds all of them."""
    stations: int
    station_id: StationId | None = None


class Places(Struct, frozen=True, kw_only=True):
    """The best first: what begins with the words, then what is alike."""

    places: list[Place]


class FindPlaces(Query[Places], frozen=True, kw_only=True):
    """Suggestions while somebody types: cities, districts, postcodes, stations; slips forgiven."""

    text: str
    near: Position | None = None
    """Of equally good ones the nearer first."""
    limit: int = 8

    def key(self) -> None:
        return None


class Locations(Struct, frozen=True, kw_only=True):
    """A page of OCPI 2.3 Location objects, as JSON values."""

    locations: list[Any]
    as_of: datetime
    next_cursor: str | None = None


class ListLocations(Query[Locations], frozen=True, kw_only=True):
    """All that is shown, as OCPI Locations, by station id; retired ones as removed."""

    limit: int = 50
    cursor: str | None = None
    changed_from: datetime | None = None
    """Only what changed at or after this instant."""

    def key(self) -> None:
        return None


class KnownVersion(Struct, frozen=True, kw_only=True):
    """How far a view has come with a booking; 0 where it has not heard of it."""

    version: int


class GetKnownVersion(Query[KnownVersion], frozen=True, kw_only=True):
    """Up to which version of a booking its events were heard here; only the edge asks."""

    reservation_id: ReservationId

    def key(self) -> str:
        return bucket_key(bucket_of(self.reservation_id))


class ImportStations(Command[ImportReport], frozen=True, kw_only=True):
    """One numbered part of an import (domain rule 1.9)."""

    import_id: UUID
    part: int
    records: list[Any]
    bookable_as: OrganisationId | None = None
    tariff: Tariff | None = None
    terms: TermsName = "usual"
    rule: SlotRule = SlotRule()
    format: ImportFormat = "openchargemap"
    source: str = ""
    """Whose data these are, where the records do not say it; with their `licence`."""
    licence: str = ""

    def key(self) -> str:
        return str(self.import_id)

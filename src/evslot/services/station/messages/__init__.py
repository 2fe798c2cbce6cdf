"""What the station service can be asked, and what it tells."""

from datetime import date

from evslot.services.station.messages.finding import (
    Box,
    FindPlaces,
    FindStations,
    FoundStation,
    FoundStations,
    GetKnownVersion,
    ImportFormat,
    ImportStations,
    KnownVersion,
    ListLocations,
    Locations,
    Place,
    PlaceKind,
    Places,
    SortedBy,
)
from evslot.services.station.messages.operating import (
    AddCharger,
    ChangeCharger,
    ChangeStation,
    ChargerExists,
    ChargerStateChanged,
    LastCharger,
    ListStations,
    OwnStation,
    OwnStations,
    RetireCharger,
    RetireStation,
    SetChargerState,
    SetTariff,
    SetTerms,
    StationPublished,
    StationRetired,
    TariffMissing,
    TermsName,
)
from evslot.services.station.messages.sample import (
    EnsureSampleStates,
    SampleState,
    SampleStates,
)
from evslot.services.station.messages.stickers import (
    GetSticker,
    ListStickers,
    NotNow,
    StartOffer,
    Sticker,
    Stickers,
    StickerUnknown,
    StickerView,
)
from evslot.services.station.messages.supply import (
    Candidate,
    Charger,
    ChargerInput,
    ChargerSlots,
    ChargerStateValue,
    Connector,
    Current,
    DaySlots,
    EnergyPrice,
    Hours,
    ImportReport,
    Opening,
    OpeningException,
    Position,
    Quote,
    SignedQuote,
    Slot,
    SlotRule,
    StationStatus,
    StationView,
    Tariff,
    TariffElement,
    pack_quote,
    unpack_quote,
)
from evslot.spine.message import Command, Conflict, Forbidden, Invalid, NotFound, Query
from evslot.values import (
    ChargerId,
    OrganisationId,
    Period,
    StationId,
    bucket_key,
    station_bucket,
)

__all__ = [
    "AddCharger",
    "Box",
    "Candidate",
    "ChangeCharger",
    "ChangeStation",
    "Charger",
    "ChargerExists",
    "ChargerInput",
    "ChargerNotFound",
    "ChargerSlots",
    "ChargerStateChanged",
    "ChargerStateValue",
    "Connector",
    "CreateStation",
    "Current",
    "CursorInvalid",
    "DaySlots",
    "EnergyPrice",
    "EnsureSampleStates",
    "FindPlaces",
    "FindStations",
    "FoundStation",
    "FoundStations",
    "GetKnownVersion",
    "GetQuote",
    "GetSlots",
    "GetStation",
    "GetSticker",
    "Hours",
    "ImportFormat",
    "ImportReport",
    "ImportStations",
    "KnownVersion",
    "LastCharger",
    "ListLocations",
    "ListStations",
    "ListStickers",
    "Locations",
    "NotAnOperator",
    "NotNow",
    "Opening",
    "OpeningException",
    "OwnStation",
    "OwnStations",
    "PeriodInvalid",
    "Place",
    "PlaceKind",
    "Places",
    "Position",
    "Quote",
    "RetireCharger",
    "RetireStation",
    "SampleState",
    "SampleStates",
    "SearchInvalid",
    "SetChargerState",
    "SetTariff",
    "SetTerms",
    "SignedQuote",
    "Slot",
    "SlotInPast",
    "SlotLengthInvalid",
    "SlotOffGrid",
    "SlotRule",
    "SlotTooFar",
    "SlotTooSoon",
    "SortedBy",
    "StartOffer",
    "StationChanged",
    "StationClosed",
    "StationExists",
    "StationInvalid",
    "StationNotBookable",
    "StationNotFound",
    "StationPublished",
    "StationRetired",
    "StationStatus",
    "StationView",
    "Sticker",
    "StickerUnknown",
    "StickerView",
    "Stickers",
    "Tariff",
    "TariffElement",
    "TariffMissing",
    "TariffRequired",
    "TermsName",
    "pack_quote",
    "unpack_quote",
]


class CreateStation(Command[StationPublished], frozen=True, kw_only=True):
    """Put a station on line: owners and managers of the organisation."""

    station_id: StationId
    """Made by the edge from the command id."""
    organisation_id: OrganisationId
    name: str
    address: str
    city: str
    postcode: str
    country: str
    position: Position
    zone: str
    chargers: list[ChargerInput]
    tariff: Tariff
    terms: TermsName = "usual"
    hours: Hours = Hours()
    rule: SlotRule = SlotRule()
    how_to_find: str = ""

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class GetStation(Query[StationView], frozen=True, kw_only=True):
    """One station with its chargers."""

    station_id: StationId

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class GetSlots(Query[DaySlots], frozen=True, kw_only=True):
    """The slots of a local day: every grid start with state, price, and why a grey one is grey."""

    station_id: StationId
    day: date
    minutes: int
    """Length of the slot."""
    charger_id: ChargerId | None = None
    after: ChargerId | None = None
    """Only the chargers that come after this one."""

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class GetQuote(Query[SignedQuote], frozen=True, kw_only=True):
    """The price of a slot, line by line, with the terms that would hold; holds no slot."""

    station_id: StationId
    charger_id: ChargerId | None = None
    """None: of a kind, any charger with this plug and power."""
    period: Period
    connector: str | None = None
    """OCPI ConnectorType; for a kind."""
    min_watts: int | None = None
    now: bool = False
    """From this minute on, whatever `period.start` says."""

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class StationNotFound(NotFound):
    """There is no such station, or it is not yours."""


class ChargerNotFound(NotFound):
    """The station has no such charger."""


class StationInvalid(Invalid):
    """The details of the station are not acceptable."""


class StationExists(Conflict):
    """This station id is taken."""


class StationChanged(Conflict):
    """Somebody changed this station in the meantime; try again."""


class StationNotBookable(Conflict):
    """This station is shown, but cannot be booked here."""


class NotAnOperator(Forbidden):
    """Only owners and managers of an organisation may do this."""


class SlotOffGrid(Invalid):
    """Starts and lengths must lie on the station's grid."""


class SlotLengthInvalid(Invalid):
    """The slot is shorter or longer than the station allows."""


class StationClosed(Conflict):
    """The station is closed in this period."""


class SlotInPast(Invalid):
    """The slot has already begun."""


class SlotTooSoon(Conflict):
    """The slot begins too soon to be booked."""


class SlotTooFar(Conflict):
    """The slot lies further ahead than the station takes bookings."""


class PeriodInvalid(Invalid):
    """The end must come after the start, both with an offset from UTC."""


class SearchInvalid(Invalid):
    """The search asks for something impossible."""


class CursorInvalid(Invalid):
    """This cursor was not made by this search."""


class TariffRequired(Invalid):
    """A public charger of 50 kW or more needs a price per kWh (AFIR, Article 5)."""

"""What there is to book: the nouns of the station service, and the token of a quote."""

import base64
from collections.abc import Callable
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.values import (
    ChargerId,
    Money,
    OrganisationId,
    Period,
    PriceLine,
    StationId,
    Terms,
)

StationStatus = Literal["listed", "bookable", "retired"]
Current = Literal["AC", "DC"]
ChargerStateValue = Literal[
    "AVAILABLE", "BLOCKED", "CHARGING", "INOPERATIVE", "OUTOFORDER", "not_known"
]
"""What people say of a charger: those OCPI Statuses that are no plan and no booking."""


class Position(Struct, frozen=True):
    """WGS84 degrees."""

    latitude: float
    longitude: float


class Connector(Struct, frozen=True, kw_only=True):
    """A plug: `standard` is an OCPI ConnectorType such as IEC_62196_T2 or IEC_62196_T2_COMBO."""

    standard: str
    cable: bool = False
    max_watts: int | None = None
    """None = not known."""


class TariffElement(Struct, frozen=True, kw_only=True):
    """Prices that hold at some hours, instead of the tariff's own (OCPI TariffElement).

    It holds at an instant whose local weekday, wall time and distance from the slot's start all
    fit. For each of the three prices the first element that holds and names it counts.
    """

    weekdays: tuple[int, ...] = ()
    """1 = Monday … 7; none = all."""
    start: int | None = None
    """Minutes since local midnight; with `end` at or before it, the hours go over midnight."""
    end: int | None = None
    min_minutes: int | None = None
    """From so many minutes after the slot's start on."""
    max_minutes: int | None = None
    """Until so many minutes after the slot's start."""
    flat: int | None = None
    """Counts where the element holds at the slot's start."""
    per_hour: int | None = None
    per_kwh: int | None = None


class Tariff(Struct, frozen=True, kw_only=True):
    """Gross prices in minor units: a flat booking fee, per hour of the slot, per kWh (shown)."""

    currency: str
    flat: int = 0
    per_hour: int = 0
    per_kwh: int | None = None
    vat_basis_points: int = 1900
    version: int = 1
    elements: tuple[TariffElement, ...] = ()
    """Other prices at some hours; the first that holds counts."""


class ChargerInput(Struct, frozen=True, kw_only=True):
    """One parking position with power, as an operator enters it."""

    label: str
    """At most 3 characters, as on site; unique in the station."""
    connectors: list[Connector]
    current: Current = "AC"
    accessible: bool = False
    tariff: Tariff | None = None
    """Its own prices; None = the station's."""


class Charger(Struct, frozen=True, kw_only=True):
    """One parking position with power (OCPI: EVSE): what is booked."""

    charger_id: ChargerId
    label: str
    connectors: list[Connector]
    current: Current
    accessible: bool
    state: str = "not_known"
    """An OCPI Status (AVAILABLE, CHARGING, …) or not_known."""
    state_source: str | None = None
    state_at: datetime | None = None
    tariff: Tariff | None = None
    """Its own prices; None = the station's."""
    own: bool = False
    """Added by its operator to a station that was there: an import leaves it alone."""


class Opening(Struct, frozen=True, kw_only=True):
    """Open on `weekday` (1 = Monday … 7) from minute `start` to `end` of local wall time.

    Minutes since midnight; `end` may pass 1440 where the hours cross midnight.
    """

    weekday: int
    start: int
    end: int


class OpeningException(Struct, frozen=True, kw_only=True):
    """A dated exception: on `day` open from `start` to `end`, or closed where both are None."""

    day: date
    start: int | None = None
    end: int | None = None


class Hours(Struct, frozen=True, kw_only=True):
    """Opening hours in the station's zone; `always` = 24/7 (exceptions still count)."""

    always: bool = True
    weekly: tuple[Opening, ...] = ()
    exceptions: tuple[OpeningException, ...] = ()


class SlotRule(Struct, frozen=True, kw_only=True):
    """How slots are cut, in minutes; the grid lies on the station's wall clock."""

    grid: int = 15
    shortest: int = 15
    longest: int = 240
    buffer: int = 5
    earliest_notice_days: int = 30
    """How far ahead one may book."""
    latest_notice: int = 0
    """Minutes before the start until which one may book."""


class StationView(Struct, frozen=True, kw_only=True):
    """A station with everything a driver may know."""

    station_id: StationId
    organisation_id: OrganisationId | None
    name: str
    address: str
    city: str
    postcode: str
    country: str
    position: Position
    zone: str
    how_to_find: str
    status: StationStatus
    hours: Hours
    rule: SlotRule
    tariff: Tariff | None
    terms: Terms | None
    chargers: list[Charger]
    source: str | None = None
    """Data provider of an import, with `licence`."""
    licence: str | None = None
    version: int = 1
    district: str = ""
    """Part of the city, where somebody said so."""


class Slot(Struct, frozen=True, kw_only=True):
    """A bookable start at a charger: `reason` says in a code why a grey one cannot be booked."""

    period: Period
    free: bool
    price: Money | None
    reason: Literal["taken", "closed", "past", "too_soon", "too_far", "not_bookable"] | None = None


class ChargerSlots(Struct, frozen=True, kw_only=True):
    """The slots of one charger on one day."""

    charger_id: ChargerId
    label: str
    slots: list[Slot]


class DaySlots(Struct, frozen=True, kw_only=True):
    """All slots of a local day in the station's zone."""

    station_id: StationId
    day: date
    zone: str
    minutes: int
    chargers: list[ChargerSlots]
    as_of: datetime
    next_after: ChargerId | None = None
    """More chargers follow than fit into one record: ask again with `after` = this id."""


class Candidate(Struct, frozen=True, kw_only=True):
    """A charger that a quote of a kind may be booked at."""

    charger_id: ChargerId
    charger_label: str


class EnergyPrice(Struct, frozen=True, kw_only=True):
    """What a kWh costs at the charger in a part of the slot."""

    period: Period
    per_kwh: int


class Quote(Struct, frozen=True, kw_only=True):
    """A price with terms, valid until an instant; what the signed token says.

    `occupied` is the period with its buffer: what the reservation service claims.
    """

    quote_id: UUID
    station_id: StationId
    organisation_id: OrganisationId
    charger_id: ChargerId
    charger_label: str
    station_name: str
    zone: str
    period: Period
    occupied: Period
    lines: tuple[PriceLine, ...]
    total: Money
    tariff_version: int
    terms: Terms
    valid_until: datetime
    energy_per_kwh: int | None = None
    """At the start. Shown, not in the total: paid at the charger."""
    energy_prices: tuple[EnergyPrice, ...] = ()
    """All of them, in order, where the price per kWh changes during the slot."""
    now: bool = False
    """The slot begins at the minute it was quoted, which may lie in the past when it is held."""
    candidates: tuple[Candidate, ...] = ()
    """Of a kind: chargers that fit at this price, to be tried in this order; `charger_id` is the
    first. Empty where a charger was named."""
    connector: str | None = None
    """Of a kind: the plug that was asked for, an OCPI ConnectorType."""
    min_watts: int | None = None
    """Of a kind: the power that was asked for."""


class SignedQuote(Struct, frozen=True, kw_only=True):
    """The quote to read, and the token to book it with."""

    quote: Quote
    token: str


TOKEN_LIMIT = 16_384
"""Characters of a quote's token; a real one has about 2,000."""


def pack_quote(quote: Quote, mac: Callable[[bytes], str]) -> str:
    """The token `<station id>.<base64url JSON of the quote>.<mac>`; a mac may hold dots.

    The station service passes `lambda signed: keys.mac("reservation", signed)`.
    """
    payload = base64.urlsafe_b64encode(msgspec.json.encode(quote)).rstrip(b"=").decode()
    text = f"{quote.station_id}.{payload}"
    return f"{text}.{mac(_signed(text))}"


def unpack_quote(token: str, check: Callable[[bytes, str], bool]) -> Quote:
    """The quote of a token; raises ValueError where `check(signed, mac)` or the form says no.

    The reservation service passes `lambda signed, mac: keys.check_mac("station", signed, mac)`.
    Nothing is decoded before the mac is known to be right.
    """
    if len(token) > TOKEN_LIMIT or not token.isascii() or token.count(".") < 2:
        raise ValueError("this is no token of a quote")
    station_id, payload, mac = token.split(".", 2)
    if not check(_signed(f"{station_id}.{payload}"), mac):
        raise ValueError("this token was not made by the station service")
    quote = msgspec.json.decode(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=Quote
    )
    if str(quote.station_id) != station_id:
        raise ValueError("the token names one station and quotes another")
    return quote


def _signed(text: str) -> bytes:
    """The prefix keeps a mac made for something else from passing as a quote's."""
    return b"quote:" + text.encode()


class ImportReport(Struct, frozen=True, kw_only=True):
    """What one part of an import did: every record is in exactly one of the lists."""

    part: int
    created: list[str]
    """Source ids."""
    changed: list[str]
    unchanged: list[str]
    skipped: dict[str, str]
    """Source id -> reason."""
    notes: dict[str, list[str]] = {}
    """Source id -> what was not understood or left out of a record that was taken."""

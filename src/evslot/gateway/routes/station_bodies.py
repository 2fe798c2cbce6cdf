"""What an operator sends to put a station on line, with the bounds the edge sets."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from evslot.gateway.parsing import Body
from evslot.services.station.messages import ChargerStateValue, TermsName
from evslot.values import OrganisationId

ShortText = Annotated[str, Meta(min_length=1, max_length=200)]
LongText = Annotated[str, Meta(max_length=2000)]
Minute = Annotated[int, Meta(ge=0, le=2880, description="Minutes since local midnight")]
MinorUnits = Annotated[int, Meta(ge=0, le=100_000_000, description="Cents, pence, …; gross")]
Minutes = Annotated[int, Meta(ge=0, le=100_000)]

SeenVersion = (
    Annotated[int, Meta(ge=1, description="Refused if it is not the version any more")] | None
)


class PositionBody(Body, frozen=True, kw_only=True):
    """WGS84 degrees."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]


class ConnectorBody(Body, frozen=True, kw_only=True):
    """A plug; `standard` is an OCPI ConnectorType such as IEC_62196_T2."""

    standard: Annotated[str, Meta(min_length=1, max_length=40)]
    cable: bool = False
    max_watts: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None


class ElementBody(Body, frozen=True, kw_only=True):
    """Other prices where weekday, wall time and distance from the slot's start fit."""

    weekdays: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=7)], ...],
        Meta(max_length=7, description="1 = Monday … 7; none = all"),
    ] = ()
    start: Annotated[int, Meta(ge=0, le=1439, description="Minutes since midnight")] | None = None
    end: Annotated[int, Meta(ge=0, le=1440, description="Before `start`: over midnight")] | None = (
        None
    )
    min_minutes: (
        Annotated[int, Meta(ge=0, le=1440, description="From so far into the slot")] | None
    ) = None
    max_minutes: (
        Annotated[int, Meta(ge=1, le=1440, description="Until so far into the slot")] | None
    ) = None
    flat: MinorUnits | None = None
    per_hour: MinorUnits | None = None
    per_kwh: MinorUnits | None = None


class TariffBody(Body, frozen=True, kw_only=True):
    """Gross prices: a flat booking fee, per hour of the slot, per kWh (shown)."""

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217")]
    flat: MinorUnits = 0
    per_hour: MinorUnits = 0
    per_kwh: MinorUnits | None = None
    vat_basis_points: Annotated[int, Meta(ge=0, le=10_000, description="1900 = 19 %")] = 1900
    elements: Annotated[
        tuple[ElementBody, ...],
        Meta(max_length=24, description="For each price the first that fits counts"),
    ] = ()


class NewTariffBody(TariffBody, frozen=True, kw_only=True):
    """Prices that take the place of others."""

    version: SeenVersion = None


class ChargerBody(Body, frozen=True, kw_only=True):
    """One parking position with power."""

    label: Annotated[str, Meta(min_length=1, max_length=40, description="At most 3 characters")]
    connectors: Annotated[list[ConnectorBody], Meta(min_length=1, max_length=10)]
    current: Literal["AC", "DC"] = "AC"
    accessible: bool = False
    tariff: TariffBody | None = None


class ChargerChangeBody(Body, frozen=True, kw_only=True):
    """What is to be different at a charger; what is left out stays."""

    version: SeenVersion = None
    label: Annotated[str, Meta(min_length=1, max_length=3)] | None = None
    connectors: Annotated[list[ConnectorBody], Meta(min_length=1, max_length=8)] | None = None
    current: Literal["AC", "DC"] | None = None
    accessible: bool | None = None


class StateBody(Body, frozen=True, kw_only=True):
    """How a charger is, as its operator sees it; `not_known` takes back what was said."""

    state: ChargerStateValue


class TermsBody(Body, frozen=True, kw_only=True):
    """The rules of new bookings, by name."""

    terms: TermsName
    version: SeenVersion = None


class OpeningBody(Body, frozen=True, kw_only=True):
    """Open on `weekday` (1 = Monday … 7) from `start` to `end`; `end` may pass midnight (1440)."""

    weekday: Annotated[int, Meta(ge=1, le=7)]
    start: Minute
    end: Minute


class OpeningExceptionBody(Body, frozen=True, kw_only=True):
    """On `day` open from `start` to `end`, or closed without them."""

    day: date
    start: Minute | None = None
    end: Minute | None = None


class HoursBody(Body, frozen=True, kw_only=True):
    """Opening hours in the station's zone."""

    always: bool = True
    weekly: Annotated[tuple[OpeningBody, ...], Meta(max_length=50)] = ()
    exceptions: Annotated[tuple[OpeningExceptionBody, ...], Meta(max_length=400)] = ()


class RuleBody(Body, frozen=True, kw_only=True):
    """How slots are cut, in minutes."""

    grid: Minutes = 15
    shortest: Minutes = 15
    longest: Minutes = 240
    buffer: Minutes = 5
    earliest_notice_days: Annotated[int, Meta(ge=0, le=1000)] = 30
    latest_notice: Minutes = 0


class StationBody(Body, frozen=True, kw_only=True):
    """A station with its chargers, prices and rules."""

    organisation_id: OrganisationId
    name: ShortText
    address: ShortText
    city: ShortText
    postcode: Annotated[str, Meta(min_length=1, max_length=20)]
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
    position: PositionBody
    zone: Annotated[str, Meta(min_length=1, max_length=64, description="IANA time zone")]
    chargers: Annotated[list[ChargerBody], Meta(min_length=1, max_length=200)]
    tariff: TariffBody
    terms: TermsName = "usual"
    hours: HoursBody = HoursBody()
    rule: RuleBody = RuleBody()
    how_to_find: LongText = ""


class StationChangeBody(Body, frozen=True, kw_only=True):
    """What is to be different at a station; what is left out stays."""

    version: SeenVersion = None
    name: ShortText | None = None
    address: ShortText | None = None
    city: ShortText | None = None
    postcode: Annotated[str, Meta(min_length=1, max_length=20)] | None = None
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    position: PositionBody | None = None
    zone: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    how_to_find: LongText | None = None
    hours: HoursBody | None = None
    rule: RuleBody | None = None
    status: Literal["listed", "bookable"] | None = None


EXAMPLE = {
    "organisation_id": "018f4c1e-0000-8000-8000-000000000009",
    "name": "Uferstraße",
    "address": "Uferstraße 1",
    "city": "Berlin",
    "postcode": "10115",
    "country": "DE",
    "position": {"latitude": 52.52, "longitude": 13.4},
    "zone": "Europe/Berlin",
    "chargers": [{"label": "A1", "connectors": [{"standard": "IEC_62196_T2", "max_watts": 22000}]}],
    "tariff": {"currency": "EUR", "flat": 100, "per_hour": 240, "per_kwh": 49},
}

CHANGE_EXAMPLE = {
    "how_to_find": "Level 2, behind the ramp",
    "hours": {
        "always": False,
        "weekly": [{"weekday": 1, "start": 360, "end": 1560}],
        "exceptions": [{"day": "2027-01-01"}],
    },
}
CHARGER_EXAMPLE = {
    "label": "B1",
    "connectors": [{"standard": "IEC_62196_T2_COMBO", "cable": True, "max_watts": 150_000}],
    "current": "DC",
}
TARIFF_EXAMPLE = {
    "currency": "EUR",
    "flat": 100,
    "per_hour": 240,
    "per_kwh": 49,
    "elements": [{"weekdays": [1, 2, 3, 4, 5], "start": 1320, "end": 360, "per_hour": 120}],
}

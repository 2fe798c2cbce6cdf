"""What an operator sends to put a station on line, with the bounds the edge sets."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from evslot.gateway.parsing import Body
from evslot.values import OrganisationId

ShortText = Annotated[str, Meta(min_length=1, max_length=200)]
LongText = Annotated[str, Meta(max_length=2000)]
Minute = Annotated[int, Meta(ge=0, le=2880, description="Minutes since local midnight")]
MinorUnits = Annotated[int, Meta(ge=0, le=100_000_000, description="Cents, pence, …; gross")]
Minutes = Annotated[int, Meta(ge=0, le=100_000)]


class PositionBody(Body, frozen=True, kw_only=True):
    """WGS84 degrees."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]


class ConnectorBody(Body, frozen=True, kw_only=True):
    """A plug; `standard` is an OCPI ConnectorType such as IEC_62196_T2."""

    standard: Annotated[str, Meta(min_length=1, max_length=40)]
    cable: bool = False
    max_watts: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None


class ChargerBody(Body, frozen=True, kw_only=True):
    """One parking position with power."""

    label: Annotated[str, Meta(min_length=1, max_length=40, description="At most 3 characters")]
    connectors: Annotated[list[ConnectorBody], Meta(min_length=1, max_length=10)]
    current: Literal["AC", "DC"] = "AC"
    accessible: bool = False


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


class TariffBody(Body, frozen=True, kw_only=True):
    """Gross prices: a flat booking fee, per hour of the slot, per kWh (shown)."""

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217")]
    flat: MinorUnits = 0
    per_hour: MinorUnits = 0
    per_kwh: MinorUnits | None = None
    vat_basis_points: Annotated[int, Meta(ge=0, le=10_000, description="1900 = 19 %")] = 1900


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
    terms: Literal["relaxed", "usual", "strict"] = "usual"
    hours: HoursBody = HoursBody()
    rule: RuleBody = RuleBody()
    how_to_find: LongText = ""


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

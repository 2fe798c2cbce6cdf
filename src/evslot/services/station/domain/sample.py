"""Made-up operators and stations, the same on every machine: something to look at and to measure.

The stations are OCPI Locations, and come in through the same import as anybody's.
"""

from collections.abc import Iterator
from math import cos, radians
from random import Random
from typing import Any, Final
from uuid import NAMESPACE_DNS, uuid5

from msgspec import Struct

from evslot.services.station.domain.sample_cities import CITIES, City, District, Operator
from evslot.services.station.messages import SlotRule, Tariff, TariffElement, TermsName
from evslot.values import OrganisationId

PARTY = "SMP"
STATIONS_OF_A_CITY: Final = 63
"""Four cities: 252 stations with about 1,000 chargers."""
MOST_TIMES = 1000
NAMES = uuid5(NAMESPACE_DNS, "sample.evslot.example")
LICENCE = "CC0-1.0"
UPDATED = "2027-01-04T00:00:00Z"
SPREAD_METRES = 900.0
"""Of a station from the middle of its district, one standard deviation."""
METRES_OF_A_DEGREE = 111_195.0

TERMS: Final[tuple[TermsName, ...]] = ("usual", "relaxed", "strict")
RULES: Final = (
    SlotRule(),
    SlotRule(grid=30, shortest=30, longest=360),
    SlotRule(grid=15, shortest=30, longest=180, buffer=10, latest_notice=15),
)
CHARGERS: Final = (2, 2, 3, 4, 4, 4, 6, 8)
WORKING_DAY, WEEKEND = range(1, 6), range(6, 8)


class SampleOperator(Struct, frozen=True, kw_only=True):
    """An organisation that offers some of the stations, with its prices and rules."""

    organisation_id: OrganisationId
    operator: Operator
    country: str
    contact_email: str
    phone: str
    tariff: Tariff
    terms: TermsName
    rule: SlotRule


def sample_operators() -> list[SampleOperator]:
    """Three in each city; one price for all, cheap nights, dear evenings."""
    return [_operator(city, number) for city in CITIES for number in range(len(city.operators))]


def sample_locations(organisation_id: OrganisationId, times: int = 1) -> Iterator[dict[str, Any]]:
    """The operator's stations as OCPI Locations; more `times` add to those that were there."""
    for city in CITIES:
        for number in range(STATIONS_OF_A_CITY * times):
            if _organisation_id(city, number % len(city.operators)) == organisation_id:
                yield _location(city, number)


def _organisation_id(city: City, number: int) -> OrganisationId:
    return OrganisationId(uuid5(NAMES, f"organisation/{city.key}/{number}"))


def _operator(city: City, number: int) -> SampleOperator:
    return SampleOperator(
        organisation_id=_organisation_id(city, number),
        operator=city.operators[number],
        country=city.country_code,
        contact_email=f"{city.key}-{number + 1}@sample.evslot.example",
        phone=f"{city.phone}{number + 1}",
        tariff=_tariff(city, number),
        terms=TERMS[number],
        rule=RULES[number],
    )


def _tariff(city: City, number: int) -> Tariff:
    usual = city.per_hour
    night = TariffElement(start=22 * 60, end=6 * 60, per_hour=usual // 2)
    sunday = TariffElement(weekdays=(7,), per_hour=usual * 3 // 4)
    evening = TariffElement(
        weekdays=tuple(WORKING_DAY), start=17 * 60, end=20 * 60, per_hour=usual * 3 // 2, flat=0
    )
    long_stay = TariffElement(min_minutes=120, per_hour=usual * 2)
    return Tariff(
        currency=city.currency,
        flat=(usual // 3, 0, usual // 2)[number],
        per_hour=usual,
        per_kwh=usual // 5 + 3 * number,
        vat_basis_points=city.vat_basis_points,
        elements=((), (night, sunday), (evening, long_stay))[number],
    )


def _location(city: City, number: int) -> dict[str, Any]:
    chance = Random(f"evslot sample {city.key} {number}")
    district = city.districts[number % len(city.districts)]
    street, house = chance.choice(city.streets), chance.randint(1, 180)
    evses, parking = _evses(city, number, chance)
    return {
        "country_code": city.country_code,
        "party_id": PARTY,
        "id": f"{city.key}-{number + 1}",
        "publish": True,
        "name": f"{chance.choice(city.spots)} {street} {house}",
        "address": f"{street} {house}",
        "city": city.name,
        "evslot_district": district.name,
        "postal_code": district.postcode,
        "country": city.country,
        "coordinates": _coordinates(district, chance),
        "evses": evses,
        **({"parking_places": parking} if parking else {}),
        "directions": [{"language": "en", "text": _directions(chance)}],
        "operator": {"name": "Made-up sample of evslot"},
        "time_zone": city.zone,
        "opening_times": _opening_times(chance),
        "last_updated": UPDATED,
    }


def _coordinates(district: District, chance: Random) -> dict[str, str]:
    north, east = (chance.gauss(0.0, SPREAD_METRES) / METRES_OF_A_DEGREE for _ in range(2))
    return {
        "latitude": f"{district.latitude + north:.6f}",
        "longitude": f"{district.longitude + east / cos(radians(district.latitude)):.6f}",
    }


def _evses(
    city: City, number: int, chance: Random
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The chargers, and the places of those that are accessible."""
    kind = chance.choices(("slow", "mixed", "fast"), (55, 25, 20))[0]
    letter = chance.choice("ABC")
    evses, parking = [], []
    for place in range(1, chance.choice(CHARGERS) + 1):
        fast = kind == "fast" or (kind == "mixed" and place <= 2)
        watts = chance.choice((50_000, 150_000, 300_000) if fast else (11_000, 22_000))
        uid = f"{city.key}-{number + 1}-{place}"
        evse: dict[str, Any] = {
            "uid": uid,
            "status": "UNKNOWN",
            "capabilities": ["RESERVABLE"],
            "connectors": _connectors(city, place, watts, fast=fast),
            "physical_reference": f"{letter}{place}",
            "last_updated": UPDATED,
        }
        if place == 1 and chance.random() < 0.3:
            evse["parking"] = [{"parking_id": uid}]
            parking.append(_accessible(uid))
        evses.append(evse)
    return evses, parking


def _connectors(city: City, place: int, watts: int, *, fast: bool) -> list[dict[str, Any]]:
    plugs = [_connector("1", city.fast[0] if fast else city.slow, watts, fast=fast)]
    if fast and place == 1:
        plugs.append(_connector("2", city.fast[1], min(watts, 100_000), fast=True))
    return plugs


def _connector(name: str, standard: str, watts: int, *, fast: bool) -> dict[str, Any]:
    volts, phases = (400, 1) if fast else (230, 3)
    return {
        "id": name,
        "standard": standard,
        "format": "CABLE" if fast else "SOCKET",
        "power_type": "DC" if fast else "AC_3_PHASE",
        "max_voltage": volts,
        "max_amperage": -(-watts // (volts * phases)),
        "max_electric_power": watts,
        "last_updated": UPDATED,
    }


def _accessible(uid: str) -> dict[str, Any]:
    return {
        "id": uid,
        "vehicle_types": ["PERSONAL_VEHICLE", "DISABLED"],
        "restricted_to_type": False,
        "reservation_required": False,
    }


def _directions(chance: Random) -> str:
    where = chance.choice(("Behind", "In front of", "Left of", "Right of", "Below"))
    what = chance.choice(("the bakery", "the bicycle stands", "the fountain", "the main entrance"))
    return f"{where} {what}; follow the green signs."


def _opening_times(chance: Random) -> dict[str, Any]:
    """Round the clock mostly; else long days, shop hours, or far into the weekend's nights."""
    kind = chance.choices(("always", "long", "shop", "night"), (60, 20, 10, 10))[0]
    hours = {
        "long": [*_days(WORKING_DAY, "06:00", "22:00"), *_days(WEEKEND, "08:00", "20:00")],
        "shop": _days(range(1, 7), "09:00", "21:00"),
        "night": [*_days(range(1, 5), "10:00", "23:00"), *_days(range(5, 7), "10:00", "23:59"),
                  *_days(range(6, 8), "00:00", "02:00")],
    }  # fmt: skip
    return {
        "twentyfourseven": kind == "always",
        **({} if kind == "always" else {"regular_hours": hours[kind]}),
    }


def _days(weekdays: range, begin: str, end: str) -> list[dict[str, Any]]:
    return [{"weekday": day, "period_begin": begin, "period_end": end} for day in weekdays]

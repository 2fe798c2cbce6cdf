"""What the details of a station must be to be acceptable."""

import math
import unicodedata
from collections.abc import Sequence
from functools import cache
from zoneinfo import available_timezones

import msgspec
from babel import Locale
from babel.core import get_global

from evslot.services.station.domain.plugs import STANDARDS, most_watts
from evslot.services.station.messages import (
    ChangeStation,
    Charger,
    ChargerInput,
    CreateStation,
    Hours,
    Position,
    SlotRule,
    StationInvalid,
    StationView,
    Tariff,
    TariffElement,
    TariffRequired,
)

GRIDS = (5, 10, 15, 20, 30, 60)
DAY = 24 * 60
MOST_CHARGERS = 200
MOST_CONNECTORS = 8
MOST_OPENINGS = 50
MOST_EXCEPTIONS = 400
LARGEST = 180_000
"""Bytes of a station in JSON: it has to fit a record of 256 KiB, beside its headers."""
MOST_ELEMENTS = 24
"""Of a tariff."""
MOST_AMOUNT = 10_000_000
"""Minor units of one price."""
AFIR_WATTS = 50_000
"""From here on a public charger needs a price per kWh: Regulation (EU) 2023/1804, Article 5."""
FIELDS = {"name": 120, "address": 200, "city": 100, "postcode": 20, "how_to_find": 2000}
"""Characters at most."""
REQUIRED = ("name", "address", "city")
NOT_TEXT = ("Cc", "Cs", "Zl", "Zp")
"""Control characters, half surrogates, line and paragraph separators."""
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what follows and can make a name read as another."""


def check_station(station: CreateStation) -> None:
    """Refuses with StationInvalid (details: `field`) or TariffRequired."""
    for field, limit in FIELDS.items():
        check_text(field, getattr(station, field), limit, required=field in REQUIRED)
    check_position(station.position)
    check_country(station.country)
    check_zone(station.zone)
    check_rule(station.rule)
    check_hours(station.hours)
    check_tariff(station.tariff)
    _demand(
        1 <= len(station.chargers) <= MOST_CHARGERS,
        "chargers",
        f"1 to {MOST_CHARGERS} chargers, please",
    )
    check_chargers(station.chargers)
    for charger in station.chargers:
        if charger.tariff is not None:
            check_tariff(charger.tariff)
            same = charger.tariff.currency == station.tariff.currency
            _demand(same, "tariff", "one currency at a station, please")
    if lacks_energy_price(station.tariff, station.chargers):
        raise TariffRequired


def check_details(change: ChangeStation) -> None:
    """Refuses with StationInvalid (details: `field`) what is no such detail."""
    for field, limit in FIELDS.items():
        text = getattr(change, field)
        if text is not None:
            check_text(field, text, limit, required=field in REQUIRED)
    if change.position is not None:
        check_position(change.position)
    if change.country is not None:
        check_country(change.country)
    if change.zone is not None:
        check_zone(change.zone)
    if change.rule is not None:
        check_rule(change.rule)
    if change.hours is not None:
        check_hours(change.hours)


def lacks_energy_price(tariff: Tariff | None, chargers: Sequence[ChargerInput | Charger]) -> bool:
    """Whether the law wants a price per kWh that one of the chargers has not."""
    return any(
        needs_energy_price(max((c.max_watts or 0 for c in charger.connectors), default=0), used)
        for charger in chargers
        if (used := charger.tariff or tariff) is not None
    )


def check_size(station: StationView) -> None:
    """Refuses with StationInvalid what would not fit a record."""
    _demand(
        len(msgspec.json.encode(station)) <= LARGEST,
        "chargers",
        f"at most {LARGEST} bytes of hours, chargers and prices together",
    )


def needs_energy_price(watts: int, tariff: Tariff) -> bool:
    """Whether the law wants a price per kWh that is missing."""
    return watts >= AFIR_WATTS and tariff.per_kwh is None


@cache
def currencies() -> frozenset[str]:
    """The ISO 4217 codes that are legal tender somewhere today (CLDR)."""
    territories = get_global("territory_currencies").values()
    return frozenset(
        code for used in territories for code, _, until, tender in used if tender and not until
    )


@cache
def zones() -> frozenset[str]:
    """The names of the IANA database; asking for them reads it all."""
    return frozenset(available_timezones())


def check_text(field: str, text: str, limit: int, *, required: bool) -> None:
    """One line of readable text; how-to-find may have several."""
    _demand(len(text) <= limit, field, f"at most {limit} characters")
    _demand(not required or bool(text.strip()), field, "may not be empty")
    several = field == "how_to_find"
    _demand(
        all(is_text(letter) or (several and letter == "\n") for letter in text),
        field,
        "holds characters that are no text",
    )


def is_text(letter: str) -> bool:
    """Whether a character can be shown (and stored: PostgreSQL has no NUL)."""
    return unicodedata.category(letter) not in NOT_TEXT and letter not in TURNING


def check_position(position: Position) -> None:
    """Degrees on the globe; refuses NaN and infinity too."""
    latitude, longitude = position.latitude, position.longitude
    _demand(math.isfinite(latitude) and abs(latitude) <= 90, "position", "latitude: -90 to 90")
    _demand(
        math.isfinite(longitude) and abs(longitude) <= 180, "position", "longitude: -180 to 180"
    )


def check_country(country: str) -> None:
    """ISO 3166-1, two letters."""
    _demand(country in Locale("en").territories, "country", "no ISO 3166 country code")
    _demand(len(country) == 2 and country != "ZZ", "country", "two letters, please")


def check_zone(zone: str) -> None:
    """A name of the IANA database."""
    _demand(zone in zones(), "zone", "no zone of the IANA database")


def check_rule(rule: SlotRule) -> None:
    """The grid is one of six; lengths are multiples of it; all minutes have a bound."""
    _demand(rule.grid in GRIDS, "rule", "grid: 5, 10, 15, 20, 30 or 60 minutes")
    _demand(
        rule.grid <= rule.shortest <= rule.longest <= DAY,
        "rule",
        "grid, shortest, longest must rise, up to a day",
    )
    _demand(
        rule.shortest % rule.grid == 0 and rule.longest % rule.grid == 0,
        "rule",
        "shortest and longest must be multiples of the grid",
    )
    _demand(0 <= rule.buffer <= 120, "rule", "buffer: 0 to 120 minutes")
    _demand(1 <= rule.earliest_notice_days <= 365, "rule", "earliest_notice_days: 1 to 365")
    _demand(0 <= rule.latest_notice <= 7 * DAY, "rule", "latest_notice: 0 to 10080 minutes")


def check_hours(hours: Hours) -> None:
    """Minutes of a day; an end may reach over midnight by a day at most."""
    _demand(not (hours.always and hours.weekly), "hours", "always open leaves no weekly hours")
    _demand(hours.always or bool(hours.weekly), "hours", "open at no time: give weekly hours")
    _demand(len(hours.weekly) <= MOST_OPENINGS, "hours", f"at most {MOST_OPENINGS} weekly spans")
    _demand(
        len(hours.exceptions) <= MOST_EXCEPTIONS, "hours", f"at most {MOST_EXCEPTIONS} exceptions"
    )
    for opening in hours.weekly:
        _demand(1 <= opening.weekday <= 7, "hours", "weekday: 1 (Monday) to 7")
        _check_span(opening.start, opening.end)
    for exception in hours.exceptions:
        _demand(2000 <= exception.day.year <= 2200, "hours", "an exception lies too far off")
        if exception.start is None or exception.end is None:
            _demand(exception.start == exception.end, "hours", "start and end, or neither")
        else:
            _check_span(exception.start, exception.end)


def check_tariff(tariff: Tariff) -> None:
    """Amounts that are amounts, in a currency that exists."""
    _demand(tariff.currency in currencies(), "tariff", "no ISO 4217 currency in use")
    for name in ("flat", "per_hour", "per_kwh"):
        amount = getattr(tariff, name)
        _demand(
            amount is None or 0 <= amount <= MOST_AMOUNT, "tariff", f"{name}: 0 to {MOST_AMOUNT}"
        )
    _demand(0 <= tariff.vat_basis_points <= 10_000, "tariff", "vat_basis_points: 0 to 10000")
    _demand(len(tariff.elements) <= MOST_ELEMENTS, "tariff", f"at most {MOST_ELEMENTS} elements")
    for element in tariff.elements:
        _check_element(element)


def _check_element(element: TariffElement) -> None:
    """Hours of a day, days of a week, minutes of a slot; and at least one price."""
    days = element.weekdays
    _demand(len(set(days)) == len(days), "tariff", "each weekday once")
    _demand(all(1 <= day <= 7 for day in days), "tariff", "weekday: 1 (Monday) to 7")
    start, end = element.start, element.end
    _demand((start is None) == (end is None), "tariff", "start and end of an element, or neither")
    if start is not None and end is not None:
        fine = 0 <= start < DAY and 0 <= end <= DAY and start != end
        _demand(fine, "tariff", "start: 0 to 1439, end: 0 to 1440 minutes, not the same")
    least, most = element.min_minutes or 0, element.max_minutes or DAY
    _demand(0 <= least < most <= DAY, "tariff", "min_minutes, max_minutes: rising, up to a day")
    amounts = [element.flat, element.per_hour, element.per_kwh]
    _demand(any(amount is not None for amount in amounts), "tariff", "an element without a price")
    fine = all(amount is None or 0 <= amount <= MOST_AMOUNT for amount in amounts)
    _demand(fine, "tariff", f"prices of an element: 0 to {MOST_AMOUNT}")


def check_chargers(chargers: Sequence[ChargerInput | Charger], others: Sequence[str] = ()) -> None:
    """Labels of 1 to 3 characters, each once; known plugs with a power they can have.

    `others` are the labels of chargers that are not looked at again.
    """
    labels = [charger.label for charger in chargers]
    for label in labels:
        _demand(len(label.strip()) >= 1 and len(label) <= 3, "chargers", "label: 1 to 3 characters")
        _demand(all(map(is_text, label)), "chargers", "a label holds characters that are no text")
    once = len({*labels, *others}) == len(labels) + len(others)
    _demand(once, "chargers", "each label only once in a station")
    for charger in chargers:
        _check_connectors(charger)


def _check_connectors(charger: ChargerInput | Charger) -> None:
    _demand(
        1 <= len(charger.connectors) <= MOST_CONNECTORS,
        "chargers",
        f"1 to {MOST_CONNECTORS} connectors at a charger",
    )
    for connector in charger.connectors:
        _demand(connector.standard in STANDARDS, "chargers", "standard: an OCPI ConnectorType")
        watts = connector.max_watts
        _demand(
            watts is None or 0 < watts <= most_watts(connector.standard),
            "chargers",
            f"max_watts: 1 to {most_watts(connector.standard)} at this plug",
        )


def _check_span(start: int, end: int) -> None:
    _demand(
        0 <= start < DAY and start < end <= start + DAY,
        "hours",
        "start: 0 to 1439; end: after the start, at most a day later",
    )


def _demand(fine: bool, field: str, wish: str) -> None:
    if not fine:
        raise StationInvalid(f"{field}: {wish}", field=field)

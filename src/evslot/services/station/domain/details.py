"""What the details of a station must be to be acceptable."""

import math
import unicodedata
from collections.abc import Sequence
from functools import cache
from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global

from evslot.services.station.domain.plugs import STANDARDS, most_watts
from evslot.services.station.messages import (
    ChargerInput,
    CreateStation,
    Hours,
    Position,
    SlotRule,
    StationInvalid,
    Tariff,
    TariffRequired,
)

GRIDS = (5, 10, 15, 20, 30, 60)
DAY = 24 * 60
MOST_CHARGERS = 200
MOST_CONNECTORS = 8
MOST_OPENINGS = 50
MOST_EXCEPTIONS = 400
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
    _demand(station.country in Locale("en").territories, "country", "no ISO 3166 country code")
    _demand(len(station.country) == 2 and station.country != "ZZ", "country", "two letters, please")
    _demand(station.zone in zones(), "zone", "no zone of the IANA database")
    check_rule(station.rule)
    check_hours(station.hours)
    check_tariff(station.tariff)
    check_chargers(station.chargers)
    watts = [c.max_watts or 0 for charger in station.chargers for c in charger.connectors]
    if needs_energy_price(max(watts, default=0), station.tariff):
        raise TariffRequired


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


def check_chargers(chargers: Sequence[ChargerInput]) -> None:
    """Labels of 1 to 3 characters, each once; known plugs with a power they can have."""
    _demand(
        1 <= len(chargers) <= MOST_CHARGERS, "chargers", f"1 to {MOST_CHARGERS} chargers, please"
    )
    labels = [charger.label for charger in chargers]
    for label in labels:
        _demand(len(label.strip()) >= 1 and len(label) <= 3, "chargers", "label: 1 to 3 characters")
        _demand(all(map(is_text, label)), "chargers", "a label holds characters that are no text")
    _demand(len(set(labels)) == len(labels), "chargers", "each label only once in a station")
    for charger in chargers:
        _check_connectors(charger)


def _check_connectors(charger: ChargerInput) -> None:
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

"""Writes what a person reads: title, one line for the list, and the mail, in their language."""

from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_time, get_timezone_location
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from msgspec import Struct

from evslot.money import for_people
from evslot.services.notification.domain.facts import (
    AccountFacts,
    BookingFacts,
    CodeFacts,
    Facts,
    RefundFacts,
)
from evslot.services.notification.domain.wording import one_line
from evslot.values import Money, Period

TEMPLATES = Path(__file__).parent.parent / "templates"
LOCALES = {"en": "en_GB", "de": "de_DE"}
"""English for Europe: day before month, 24 hours."""
ROLES = {
    "en": {"owner": "owner", "manager": "manager", "viewer": "viewer"},
    "de": {"owner": "Inhaber", "manager": "Verwalter", "viewer": "Betrachter"},
}
NAME_LIMIT = 60
LINES = (
    ("Booking fee", "Buchungsgebühr"),
    (" minutes", " Minuten"),
    (" at ", " zu "),
    (" per hour", " je Stunde"),
)


class Letter(Struct, frozen=True, kw_only=True):
    """A mail without its addresses."""

    subject: str
    text: str
    language: str


class Letters:
    """Renders `templates/<kind>.<language>.txt.j2`: blocks `title`, `brief` and `body`."""

    def __init__(self, support: str) -> None:
        self._support = support
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=False,
            undefined=StrictUndefined,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )

    def write(
        self,
        kind: str,
        language: str,
        facts: Facts,
        name: str | None = None,
        code: str | None = None,
        has_receipt: bool = False,
    ) -> Letter:
        """The whole mail; `code` only for a code, `has_receipt` where one goes with it."""
        template = self._template(kind, language)
        values = _values(facts, language)
        values |= {"name": one_line(name or "", NAME_LIMIT), "code": code}
        values |= {"has_receipt": has_receipt or None, "support": self._support}
        return Letter(
            subject=_block(template, "title", values),
            text=f"{_block(template, 'body', values)}\n\n{self._footer(kind, language)}\n",
            language=language,
        )

    def _footer(self, kind: str, language: str) -> str:
        block = "account" if kind.startswith("account_") else "choice"
        return _block(self._template("footer", language), block, {})

    def brief(self, kind: str, language: str, facts: Facts) -> tuple[str, str]:
        """Title and one line, for the in-app list."""
        template = self._template(kind, language)
        values = _values(facts, language)
        return _block(template, "title", values), _block(template, "brief", values)

    def calendar_words(self, facts: BookingFacts, language: str) -> tuple[str, str, str]:
        """Title, text and place of the entry in a calendar."""
        template = self._template("calendar", language)
        values = _values(facts, language)
        title, text, place = (_block(template, name, values) for name in ("title", "text", "place"))
        return title, text, place

    def _template(self, kind: str, language: str) -> Template:
        return self._environment.get_template(f"{kind}.{language}.txt.j2")


def _finalize(value: Any) -> Any:
    return one_line(value) if isinstance(value, str) else value


def _block(template: Template, name: str, values: dict[str, Any]) -> str:
    return "".join(template.blocks[name](template.new_context(values))).strip()


def _values(facts: Facts, language: str) -> dict[str, Any]:
    match facts:
        case CodeFacts():
            return {
                "minutes": facts.valid_minutes,
                "valid_until": instant(facts.valid_until, "UTC", language),
            }
        case AccountFacts():
            return {
                "happened_at": instant(facts.happened_at, "UTC", language),
                "organisation": facts.organisation,
                "role": ROLES[language].get(facts.role or "", ""),
                "until": instant(facts.until, "UTC", language) if facts.until else None,
            }
        case RefundFacts():
            booking = _booking_values(facts.booking, language) if facts.booking else {}
            return {
                **dict.fromkeys(("station", "charger", "when", "booking_code")),
                **booking,
                "refunded": money(facts.refunded, language),
                "captured": money(facts.captured, language),
                "in_part": facts.refunded.amount < facts.captured.amount or None,
            }
        case BookingFacts():
            return _booking_values(facts, language)


def _booking_values(facts: BookingFacts, language: str) -> dict[str, Any]:
    zone = facts.zone
    first_day = facts.period.start.astimezone(zone_of(zone))
    return {
        "station": facts.station_name,
        "charger": facts.charger_label,
        "day": str(format_date(first_day, "medium", _locale(language))),
        "when": period(facts.period, zone, language),
        "starts_at": _clock(first_day, language),
        "total": money(facts.total, language),
        "lines": [
            (
                _line_text(line.text, language),
                money(Money(line.amount, facts.total.currency), language),
            )
            for line in facts.lines
        ],
        "booking_code": facts.booking_code,
        "by": facts.by,
        "absent": facts.absent or None,
        "paid": facts.paid or None,
        **_optional(facts, language),
    }


def _line_text(text: str, language: str) -> str:
    """Price lines are written in English by who prices; other texts stay as they are."""
    for english, german in LINES if language == "de" else ():
        text = text.replace(english, german)
    return text


def _optional(facts: BookingFacts, language: str) -> dict[str, str | None]:
    times = {"free_until": facts.free_until, "held_until": facts.held_until}
    sums = {"fee": facts.fee, "refund": facts.refund}
    words: dict[str, str | None] = {
        key: instant(at, facts.zone, language) if at else None for key, at in times.items()
    }
    words |= {key: money(sum_, language) if sum_ else None for key, sum_ in sums.items()}
    words |= {"returned": "yes" if facts.refund and facts.refund.amount else None}
    return words | {"charged": "yes" if facts.fee and facts.fee.amount else None}


def money(sum_: Money, language: str) -> str:
    """`€6.40`, `6,40 €`."""
    return for_people(sum_, _locale(language))


def instant(at: datetime, zone: str, language: str) -> str:
    """`Tuesday, 3 November 2026, 15:00 (Berlin time, UTC+1)`."""
    local = at.astimezone(zone_of(zone))
    return f"{_day(local, language)}, {_clock(local, language)} ({_place(local, language)})"


def period(span: Period, zone: str, language: str) -> str:
    """Day, start and end in the station's zone, named; both offsets where the clock changes."""
    start, end = (at.astimezone(zone_of(zone)) for at in (span.start, span.end))
    if start.utcoffset() != end.utcoffset():
        return f"{instant(start, zone, language)} – {instant(end, zone, language)}"
    if start.date() != end.date():
        days = f"{_day(start, language)}, {_time(start, language)} – {_day(end, language)}, "
        return f"{days}{_clock(end, language)} ({_place(end, language)})"
    times = f"{_time(start, language)}–{_clock(end, language)}"
    return f"{_day(start, language)}, {times} ({_place(start, language)})"


def zone_of(name: str) -> tzinfo:
    """The IANA zone; UTC (and said so) where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _day(local: datetime, language: str) -> str:
    return str(format_date(local, "full", _locale(language)))


def _time(local: datetime, language: str) -> str:
    return str(format_time(local, "short", tzinfo=local.tzinfo, locale=_locale(language)))


def _clock(local: datetime, language: str) -> str:
    return _time(local, language) + (" Uhr" if language == "de" else "")


def _place(local: datetime, language: str) -> str:
    """`Berlin time, UTC+1`: the offset tells the two hours of a clock change apart."""
    zone = str(local.tzinfo)
    if zone == "UTC":
        return "UTC"
    city = get_timezone_location(zone, _locale(language), return_city=True)
    city = city.rpartition("/")[2].replace("_", " ")
    words = f"Ortszeit {city}" if language == "de" else f"{city} time"
    return f"{words}, UTC{_offset(local.utcoffset() or timedelta())}"


def _offset(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    if minutes == 0:
        return "±0"
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def _locale(language: str) -> str:
    return LOCALES.get(language, LOCALES["en"])

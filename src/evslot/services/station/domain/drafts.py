"""What a record of somebody else's list says about a station, whatever its format."""

from collections.abc import Callable, Iterable, Sequence
from uuid import NAMESPACE_DNS, uuid5

from msgspec import Struct

from evslot.services.station.domain.details import (
    FIELDS,
    MOST_CONNECTORS,
    check_position,
    is_text,
    zones,
)
from evslot.services.station.messages import (
    Connector,
    Current,
    Hours,
    ImportFormat,
    Position,
    StationInvalid,
)
from evslot.values import StationId

NAMESPACES = {
    "openchargemap": uuid5(NAMESPACE_DNS, "openchargemap.org"),
    "ocpi": uuid5(NAMESPACE_DNS, "evroaming.org"),
}
LONGEST_SOURCE = 500
"""Characters of a provider's name or licence."""
MOST_NOTES = 8
LONGEST_NOTE = 200
"""Of one record and in characters: the report on a hundred records has to fit one itself."""

ZoneOf = Callable[[Position], str | None]


class Point(Struct, frozen=True):
    """One charger: its plugs, none where nothing is known of them."""

    connectors: tuple[Connector, ...]
    current: Current
    uid: str | None = None
    """Its id at the provider, by which it is known again; None = by its place in the list."""
    label: str | None = None
    accessible: bool = False


class Draft(Struct, frozen=True, kw_only=True):
    """What a record says about a station."""

    source_id: str
    provider: ImportFormat = "openchargemap"
    name: str
    address: str
    city: str
    postcode: str
    country: str
    position: Position
    zone: str
    how_to_find: str
    points: tuple[Point, ...]
    source: str
    licence: str | None
    obstacle: str | None
    """Why it is shown but not bookable, None where nothing speaks against it."""
    notes: tuple[str, ...]
    district: str = ""
    hours: Hours | None = None
    """None = the record says nothing of them."""
    hours_told: str = ""
    """A digest of them in the record's words, which stay where ours change from day to day."""

    @property
    def station_id(self) -> StationId:
        return station_id_of(self.provider, self.source_id)


class Skipped(Struct, frozen=True, kw_only=True):
    """A record that makes no station; a station it made before is retired if it is `gone`."""

    source_id: str
    reason: str
    gone: bool = False


FAILURES = (ValueError, ArithmeticError, StationInvalid)
"""How a record can fail: dates beyond the calendar, numbers that are none, what we refuse."""


class Unfit(ValueError):
    """Why a record makes no station."""


def station_id_of(provider: ImportFormat, source_id: str) -> StationId:
    """The same record is the same station, whoever imports it and when."""
    return StationId(uuid5(NAMESPACES[provider], source_id))


def zone_at(position: Position, zone_of: ZoneOf) -> str:
    """The time zone of a place; raises Unfit or StationInvalid where it is none."""
    check_position(position)
    if position == Position(0.0, 0.0):
        raise Unfit("position 0, 0 is nobody's: it was never filled in")
    zone = zone_of(position)
    if zone is None or zone not in zones():
        raise Unfit("no time zone is known at its position")
    return zone


def joined(between: str, *texts: str | None) -> str:
    """Texts without what is no text: runs of it and of white space become one space."""
    cleaned = (
        " ".join("".join(letter if is_text(letter) else " " for letter in text or "").split())
        for text in texts
    )
    return between.join(text for text in cleaned if text)


def failed(source_id: str, error: Exception) -> Skipped:
    """Why a record makes no station, in a word that is short whatever the record quotes."""
    return Skipped(source_id=source_id, reason=joined("", str(error))[:LONGEST_NOTE])


def noted(notes: Iterable[str]) -> tuple[str, ...]:
    """The first ones, each once: a record of a few bytes can give reason for thousands."""
    once = list(dict.fromkeys(joined("", note)[:LONGEST_NOTE] for note in notes))
    return tuple(once[:MOST_NOTES])


def plugs_at_most(plugs: Sequence[Connector], notes: list[str]) -> tuple[Connector, ...]:
    """Those that a charger can have; a cut is noted."""
    if len(plugs) > MOST_CONNECTORS:
        notes.append(f"more than {MOST_CONNECTORS} plugs at a charger: the first ones are taken")
    return tuple(plugs[:MOST_CONNECTORS])


def short(name: str, text: str, notes: list[str]) -> str:
    """The text as the field `name` can hold it; a cut is noted."""
    if len(text) > FIELDS[name]:
        notes.append(f"{name} cut to {FIELDS[name]} characters")
    return text[: FIELDS[name]].strip()

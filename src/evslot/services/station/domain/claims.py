"""How an imported record and what is already known of its station become one station."""

from collections.abc import Iterator, Sequence
from itertools import count
from uuid import uuid5

from msgspec import Struct
from msgspec.structs import replace

from evslot.services.station.domain.details import lacks_energy_price
from evslot.services.station.domain.drafts import Draft, Point, Skipped
from evslot.services.station.messages import (
    Charger,
    ChargerInput,
    Hours,
    SlotRule,
    StationStatus,
    StationView,
    Tariff,
)
from evslot.values import ChargerId, OrganisationId, StationId, Terms


class Claim(Struct, frozen=True, kw_only=True):
    """An organisation that takes imported stations over, and how it lets them be booked."""

    organisation_id: OrganisationId
    tariff: Tariff
    terms: Terms
    rule: SlotRule


class Merged(Struct, frozen=True):
    """The station as it is from now on, and what kept it from being bookable."""

    station: StationView
    notes: tuple[str, ...]


def charger_id(station_id: StationId, number: int) -> ChargerId:
    """The n-th charger of a station, from 1: the same over repeated commands and imports."""
    return ChargerId(uuid5(station_id, f"charger/{number}"))


def imported(
    record: Draft | Skipped, known: StationView | None, claim: Claim | None
) -> Merged | Skipped:
    """What a record makes of its station: equal to `known` where nothing is new."""
    if isinstance(record, Skipped):
        if not record.gone or known is None:
            return record
        if known.status == "retired":
            return Merged(known, ())
        return Merged(replace(known, status="retired", version=known.version + 1), ("retired",))
    owner = known.organisation_id if known else None
    if claim and owner not in (None, claim.organisation_id):
        return Skipped(source_id=record.source_id, reason="another organisation has claimed it")
    return merged(record, known, claim)


def merged(draft: Draft, known: StationView | None, claim: Claim | None) -> Merged:
    """The record's facts win; what an organisation has set stays, unless it claims anew.

    Version is that of `known` plus one if anything differs, so nothing new means equal to `known`.
    """
    before = known or _unclaimed(draft)
    chargers = _chargers(draft, before)
    obstacle, notes = draft.obstacle, draft.notes
    unpriced = _unpriced(claim.tariff if claim else before.tariff, chargers)
    if unpriced is not None:
        obstacle, notes = unpriced, (*notes, f"shown only: {unpriced}")
    taken = claim if claim and not obstacle else None
    after = replace(
        before,
        name=draft.name,
        address=draft.address,
        city=draft.city,
        postcode=draft.postcode,
        country=draft.country,
        position=draft.position,
        zone=draft.zone,
        how_to_find=draft.how_to_find,
        source=draft.source,
        licence=draft.licence,
        district=draft.district or before.district,
        hours=before.hours if draft.hours is None else draft.hours,
        chargers=chargers,
        organisation_id=claim.organisation_id if claim else before.organisation_id,
        rule=taken.rule if taken else before.rule,
        tariff=tariff_after(before.tariff, taken.tariff) if taken else before.tariff,
        terms=terms_after(before.terms, taken.terms) if taken else before.terms,
        status=_status(before.status, bool(claim), obstacle is None),
    )
    if after != known:
        after = replace(after, version=before.version + 1)
    return Merged(after, notes)


def tariff_after(before: Tariff | None, wanted: Tariff) -> Tariff:
    """The next version, or the same where the prices are."""
    if before and replace(wanted, version=before.version) == before:
        return before
    return replace(wanted, version=before.version + 1 if before else 1)


def terms_after(before: Terms | None, wanted: Terms) -> Terms:
    """The next version, or the same where the rules are."""
    if before and replace(wanted, version=before.version) == before:
        return before
    return replace(wanted, version=before.version + 1 if before else 1)


def numbered(station_id: StationId, chargers: list[ChargerInput]) -> list[Charger]:
    """Chargers as entered, with their ids."""
    return [
        Charger(
            charger_id=charger_id(station_id, number),
            label=charger.label,
            connectors=charger.connectors,
            current=charger.current,
            accessible=charger.accessible,
            tariff=replace(charger.tariff, version=1) if charger.tariff else None,
        )
        for number, charger in enumerate(chargers, start=1)
    ]


def _unpriced(tariff: Tariff | None, chargers: Sequence[Charger]) -> str | None:
    """What keeps a tariff from being that of these chargers, some of which have their own."""
    own = {charger.tariff.currency for charger in chargers if charger.tariff}
    if tariff is not None and own - {tariff.currency}:
        return "a charger has prices in another currency"
    if lacks_energy_price(tariff, chargers):
        return "50 kW or more need a price per kWh (AFIR, Article 5)"
    return None


def _status(before: StationStatus, claimed: bool, fit: bool) -> StationStatus:
    """Nobody but a new claim brings a retired station back."""
    if before == "retired" and not claimed:
        return "retired"
    return "bookable" if fit and (claimed or before == "bookable") else "listed"


def _unclaimed(draft: Draft) -> StationView:
    return StationView(
        station_id=draft.station_id,
        organisation_id=None,
        name="",
        address="",
        city="",
        postcode="",
        country="",
        position=draft.position,
        zone=draft.zone,
        how_to_find="",
        status="listed",
        hours=Hours(),
        rule=SlotRule(),
        tariff=None,
        terms=None,
        chargers=[],
        version=0,
    )


def _chargers(draft: Draft, before: StationView) -> list[Charger]:
    known = {charger.charger_id: charger for charger in before.chargers}
    chargers = []
    labels = _labels(draft.points)
    for number, (point, label) in enumerate(zip(draft.points, labels, strict=True), start=1):
        fresh = Charger(
            charger_id=_point_id(draft.station_id, point, number),
            label=label,
            connectors=list(point.connectors),
            current=point.current,
            accessible=point.accessible,
        )
        old = known.get(fresh.charger_id, fresh)
        told = {"label": label, "accessible": point.accessible} if point.uid else {}
        chargers.append(replace(old, connectors=fresh.connectors, current=fresh.current, **told))
    return _told_apart(chargers, [charger for charger in before.chargers if charger.own])


def _told_apart(imported: Sequence[Charger], own: Sequence[Charger]) -> list[Charger]:
    """All of them, those that their operator added last; who has a taken label gets a number."""
    taken = {charger.label for charger in own}
    free = _numbers([charger.label for charger in (*imported, *own)])
    apart = []
    for charger in imported:
        fine = charger.label not in taken
        apart.append(charger if fine else replace(charger, label=next(free)))
        taken.add(charger.label)
    return [*apart, *own]


def _point_id(station_id: StationId, point: Point, number: int) -> ChargerId:
    if point.uid is None:
        return charger_id(station_id, number)
    return ChargerId(uuid5(station_id, f"evse/{point.uid}"))


def _labels(points: Sequence[Point]) -> list[str]:
    """As on site where that is short and told apart, else the place in the list."""
    told = [point.label or "" for point in points]
    return [
        label if 1 <= len(label) <= 3 and told.count(label) == 1 else free
        for label, free in zip(told, _numbers(told), strict=False)
    ]


def _numbers(told: Sequence[str]) -> Iterator[str]:
    """Numbers that are nobody's label."""
    return (str(number) for number in count(1) if str(number) not in told)

"""How an imported record and what is already known of its station become one station."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any
from uuid import uuid5

from msgspec import Struct
from msgspec.structs import replace

from evslot.services.station.domain.details import check_size, lacks_energy_price
from evslot.services.station.domain.drafts import Draft, Point, Skipped, failed
from evslot.services.station.messages import (
    Charger,
    ChargerInput,
    Hours,
    SlotRule,
    StationInvalid,
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


class LastImport(Struct, frozen=True, kw_only=True):
    """What the last import said of a station and did to it: what is otherwise since is its
    operator's doing, and stays until a record says something new."""

    draft: Draft | None = None
    claim: Claim | None = None
    """The last one that was taken."""
    retired: tuple[ChargerId, ...] = ()
    """Chargers that the operator has retired, whatever records go on saying."""
    listed: bool = False
    """It was bookable, and is shown only because of a record."""
    gone: bool = False
    """A record retired it, and not its operator."""


class Merged(Struct, frozen=True):
    """The station as it is from now on, and what kept it from being bookable."""

    station: StationView
    notes: tuple[str, ...]
    last: LastImport
    """For the next import."""


FACTS = ("name", "address", "city", "postcode", "country", "position", "zone", "how_to_find")
PROMISES = ("rule", "tariff", "terms")
"""What an organisation names with its claim."""


def charger_id(station_id: StationId, number: int) -> ChargerId:
    """The n-th charger of a station, from 1: the same over repeated commands and imports."""
    return ChargerId(uuid5(station_id, f"charger/{number}"))


def imported(
    record: Draft | Skipped,
    known: StationView | None,
    claim: Claim | None,
    last: LastImport | None = None,
) -> Merged | Skipped:
    """What a record makes of its station: equal to `known` where nothing is new."""
    before = last or LastImport()
    owner = known.organisation_id if known else None
    barred = claim is not None and owner not in (None, claim.organisation_id)
    if isinstance(record, Draft):
        return _barred(record) if barred else _whole(record, known, claim, before)
    if not record.gone or known is None:
        return record
    return _barred(record) if barred else _retired(known, before)


def merged(
    draft: Draft, known: StationView | None, claim: Claim | None, last: LastImport
) -> Merged:
    """What the record says anew wins; all else stays, and so does what an organisation has set,
    unless it claims otherwise than the last time.

    Version is that of `known` plus one if anything differs, so nothing new means equal to `known`.
    """
    before = known or _unclaimed(draft)
    chargers, retired = _chargers(draft, before, last)
    wanted = _promises(before, claim, last)
    unpriced = _unpriced(wanted["tariff"], chargers)
    obstacle, notes = unpriced or _obstacle(draft, before, last), draft.notes
    if unpriced is not None:
        notes = (*notes, f"shown only: {unpriced}")
    taken = claim if not obstacle else None
    status = _status(before.status, _claims(before, claim, last), obstacle is None, last.listed)
    after = replace(
        before,
        **_facts(draft, last),
        source=draft.source,
        licence=draft.licence,
        hours=_hours(draft, before, last),
        chargers=chargers,
        organisation_id=claim.organisation_id if claim else before.organisation_id,
        status=status,
        **(wanted if taken else {}),
    )
    if after != known:
        after = replace(after, version=before.version + 1)
    said = LastImport(
        draft=replace(draft, notes=()),
        claim=taken or last.claim,
        retired=retired,
        listed=status == "listed" and (last.listed or before.status == "bookable"),
        gone=status == "retired",
    )
    return Merged(after, notes, said)


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


def _barred(record: Draft | Skipped) -> Skipped:
    return Skipped(source_id=record.source_id, reason="another organisation has claimed it")


def _retired(known: StationView, last: LastImport) -> Merged:
    if known.status == "retired":
        return Merged(known, (), last)
    after = replace(known, status="retired", version=known.version + 1)
    return Merged(after, ("retired",), replace(last, gone=True))


def _whole(
    draft: Draft, known: StationView | None, claim: Claim | None, last: LastImport
) -> Merged | Skipped:
    """The merged station, unless that is none that anybody could be told of."""
    if known and known.status == "retired" and last.draft and not last.gone:
        return Merged(known, ("its operator has retired it",), last)
    outcome = merged(draft, known, claim, last)
    if not outcome.station.chargers:
        return Skipped(source_id=draft.source_id, reason="its operator has retired all chargers")
    if outcome.station != known:
        try:
            check_size(outcome.station)
        except StationInvalid as error:
            return failed(draft.source_id, error)
    return outcome


def _facts(draft: Draft, last: LastImport) -> dict[str, Any]:
    """Those that the record did not tell the last time, when its operator may have mended them."""
    told = {name: getattr(draft, name) for name in FACTS}
    if draft.district:
        told["district"] = draft.district
    was = last.draft
    return {name: fact for name, fact in told.items() if was is None or fact != getattr(was, name)}


def _hours(draft: Draft, before: StationView, last: LastImport) -> Hours:
    """Exceptions come and go with the days, so hours can differ where the record says the same."""
    if draft.hours is None:
        return before.hours
    was = last.draft
    anew = was is None or was.hours is None or was.hours_told != draft.hours_told
    return draft.hours if anew or (was and before.hours == was.hours) else before.hours


def _promises(before: StationView, claim: Claim | None, last: LastImport) -> dict[str, Any]:
    """Rule, tariff and terms: the claim's, as far as it was not the same the last time."""
    stay = {name: getattr(before, name) for name in PROMISES}
    if claim is None:
        return stay
    anew = [
        name
        for name in PROMISES
        if last.claim is None or getattr(claim, name) != getattr(last.claim, name)
    ]
    after = {
        "rule": claim.rule,
        "tariff": tariff_after(before.tariff, claim.tariff),
        "terms": terms_after(before.terms, claim.terms),
    }
    return {**stay, **{name: after[name] for name in anew}}


def _claims(before: StationView, claim: Claim | None, last: LastImport) -> bool:
    """Whether somebody wants it booked who has not said so before, or has seen it go since."""
    return claim is not None and (claim != last.claim or before.status == "retired")


def _obstacle(draft: Draft, before: StationView, last: LastImport) -> str | None:
    """What the record says against booking, unless its operator knew and has it booked since."""
    known = last.draft is not None and last.draft.obstacle == draft.obstacle
    return None if known and before.status == "bookable" else draft.obstacle


def _unpriced(tariff: Tariff | None, chargers: Sequence[Charger]) -> str | None:
    """What keeps a tariff from being that of these chargers, some of which have their own."""
    own = {charger.tariff.currency for charger in chargers if charger.tariff}
    if tariff is not None and own - {tariff.currency}:
        return "a charger has prices in another currency"
    if lacks_energy_price(tariff, chargers):
        return "50 kW or more need a price per kWh (AFIR, Article 5)"
    return None


def _status(before: StationStatus, claimed: bool, fit: bool, listed: bool) -> StationStatus:
    """Nobody but a claim brings a retired station back; what a record did its next one undoes."""
    if before == "retired" and not claimed:
        return "retired"
    return "bookable" if fit and (claimed or listed or before == "bookable") else "listed"


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


def _chargers(
    draft: Draft, before: StationView, last: LastImport
) -> tuple[list[Charger], tuple[ChargerId, ...]]:
    """Those that are there from now on, and those that their operator has retired for good."""
    known = {charger.charger_id: charger for charger in before.chargers}
    was = _told(last.draft) if last.draft else {}
    retired = {*last.retired, *(was.keys() - known.keys())}
    chargers = [
        _charger(fresh, known.get(fresh.charger_id, fresh), was.get(fresh.charger_id), point)
        for point, fresh in zip(draft.points, _told(draft).values(), strict=True)
        if fresh.charger_id not in retired
    ]
    own = [charger for charger in before.chargers if charger.own]
    return _told_apart(chargers, own), tuple(sorted(retired))


def _charger(fresh: Charger, known: Charger, was: Charger | None, point: Point) -> Charger:
    """As it is known, with what the record did not tell of it the last time."""
    told = ("connectors", "current", *(("label", "accessible") if point.uid else ()))
    facts = {name: getattr(fresh, name) for name in told}
    return replace(
        known,
        **{name: fact for name, fact in facts.items() if not was or fact != getattr(was, name)},
    )


def _told(draft: Draft) -> dict[ChargerId, Charger]:
    """The chargers of a record, in its order, as if nobody knew them."""
    labels = _labels(draft.points)
    chargers = [
        Charger(
            charger_id=_point_id(draft.station_id, point, number),
            label=label,
            connectors=list(point.connectors),
            current=point.current,
            accessible=point.accessible,
        )
        for number, (point, label) in enumerate(zip(draft.points, labels, strict=True), start=1)
    ]
    return {charger.charger_id: charger for charger in chargers}


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

"""A slot with its price and its terms, as they would hold if it were booked now."""

from collections.abc import Container, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from evslot.services.station.domain.prices import energy_prices, price_lines, tariff_at, total
from evslot.services.station.domain.slots import check_now, check_slot, occupied
from evslot.services.station.messages import (
    Candidate,
    Charger,
    ChargerNotFound,
    GetQuote,
    Quote,
    StationNotBookable,
    StationView,
    Tariff,
)
from evslot.values import ChargerId, Period, PriceLine

VALID = timedelta(minutes=15)
VALID_NOW = timedelta(minutes=5)
"""A slot that has begun is worth less with every minute."""
MOST_CANDIDATES = 20
"""So that the token stays short; who meets all of them taken asks anew."""


class Wish(Struct, frozen=True, kw_only=True):
    """What is to be quoted: `chargers` are the named one, or all of a kind."""

    chargers: Sequence[Charger]
    period: Period
    kind: bool = False
    now: bool = False
    connector: str | None = None
    min_watts: int | None = None


def wish_of(query: GetQuote, station: StationView, now: datetime) -> Wish:
    """Raises ChargerNotFound where no charger of the station is meant."""
    chargers = [charger for charger in station.chargers if _is_meant(query, charger)]
    if not chargers:
        raise ChargerNotFound
    return Wish(
        chargers=chargers,
        period=slot_from(query, now),
        kind=query.charger_id is None,
        now=query.now,
        connector=query.connector if query.charger_id is None else None,
        min_watts=query.min_watts if query.charger_id is None else None,
    )


def slot_from(query: GetQuote, now: datetime) -> Period:
    """The wanted period; from this minute on where it is wanted now."""
    if not query.now:
        return query.period
    return replace(query.period, start=now.replace(second=0, microsecond=0))


def check_wish(station: StationView, wish: Wish, now: datetime) -> None:
    """Refuses what the station's rules do not allow."""
    if station.status != "bookable":
        raise StationNotBookable
    check = check_now if wish.now else check_slot
    check(station, wish.period, now)


def make_quote(
    station: StationView,
    wish: Wish,
    now: datetime,
    quote_id: UUID,
    taken: Container[ChargerId] = (),
) -> Quote:
    """Refuses what the station's rules do not allow.

    Whether a slot is taken is not asked, but of a kind the chargers that seem free come first.
    """
    organisation_id, terms = station.organisation_id, station.terms
    check_wish(station, wish, now)
    if organisation_id is None or terms is None:
        raise StationNotBookable
    offers = _offers(station, wish, taken)
    first, lines = offers[0], offers[0].lines
    energy = energy_prices(first.tariff, wish.period, station.zone)
    return Quote(
        quote_id=quote_id,
        station_id=station.station_id,
        organisation_id=organisation_id,
        charger_id=first.charger.charger_id,
        charger_label=first.charger.label,
        station_name=station.name,
        zone=station.zone,
        period=wish.period,
        occupied=occupied(wish.period, station.rule),
        lines=lines,
        total=total(first.tariff, lines),
        tariff_version=first.tariff.version,
        terms=terms,
        valid_until=now + (VALID_NOW if wish.now else VALID),
        energy_per_kwh=energy[0].per_kwh if energy else None,
        energy_prices=energy if len(energy) > 1 else (),
        now=wish.now,
        candidates=_candidates(offers) if wish.kind else (),
        connector=wish.connector,
        min_watts=wish.min_watts,
    )


class _Offer(Struct, frozen=True):
    charger: Charger
    tariff: Tariff
    lines: tuple[PriceLine, ...]


def _offers(station: StationView, wish: Wish, taken: Container[ChargerId]) -> list[_Offer]:
    """In the order in which they are to be tried: free, cheap, and no stronger than need be."""
    offers = [
        _Offer(charger, tariff, price_lines(tariff, wish.period, station.zone))
        for charger in wish.chargers
        if (tariff := tariff_at(station, charger)) is not None
    ]
    if not offers:
        raise StationNotBookable

    def rank(offer: _Offer) -> tuple[bool, int, int]:
        plugs = offer.charger.connectors
        return (
            offer.charger.charger_id in taken,
            sum(line.amount for line in offer.lines),
            max((plug.max_watts or 0 for plug in plugs), default=0),
        )

    return sorted(offers, key=rank)


def _candidates(offers: Sequence[_Offer]) -> tuple[Candidate, ...]:
    """Those that cost what the first costs, line by line: a quote has one price."""
    first = offers[0]
    same = [o for o in offers if (o.lines, o.tariff.per_kwh) == (first.lines, first.tariff.per_kwh)]
    return tuple(
        Candidate(charger_id=offer.charger.charger_id, charger_label=offer.charger.label)
        for offer in same[:MOST_CANDIDATES]
    )


def _is_meant(query: GetQuote, charger: Charger) -> bool:
    """The named charger, or one of which a plug is wanted and strong enough."""
    if query.charger_id is not None:
        return charger.charger_id == query.charger_id
    if query.connector is None and query.min_watts is None:
        return True
    return any(
        query.connector in (None, plug.standard)
        and (query.min_watts is None or (plug.max_watts or -1) >= query.min_watts)
        for plug in charger.connectors
    )

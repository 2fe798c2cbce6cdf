"""What an operator may change at a station on line, and what the station is then."""

from datetime import datetime

from msgspec.structs import replace

from evslot.services.station.domain.claims import tariff_after, terms_after
from evslot.services.station.domain.details import (
    MOST_CHARGERS,
    check_chargers,
    check_details,
    check_size,
    check_tariff,
    lacks_energy_price,
)
from evslot.services.station.domain.terms import PRESETS
from evslot.services.station.messages import (
    ChangeCharger,
    ChangeStation,
    Charger,
    ChargerInput,
    ChargerNotFound,
    ChargerStateValue,
    LastCharger,
    SetTariff,
    StationInvalid,
    StationRetired,
    StationView,
    Tariff,
    TariffMissing,
    TariffRequired,
    TermsName,
)
from evslot.values import ChargerId

TEXTS = ("name", "address", "city", "postcode", "how_to_find")
FACTS = ("country", "position", "zone", "hours", "rule", "status")


def changed(station: StationView, change: ChangeStation) -> StationView:
    """With new details. Raises StationInvalid, TariffMissing, TariffRequired."""
    check_details(change)
    given = {name: getattr(change, name) for name in (*TEXTS, *FACTS)}
    fresh = {name: value for name, value in given.items() if value is not None}
    for name in fresh.keys() & set(TEXTS):
        fresh[name] = fresh[name].strip()
    after = replace(station, **fresh)
    if after.status == "bookable" and (after.tariff is None or after.terms is None):
        raise TariffMissing
    return _next(station, after)


def retired(station: StationView) -> StationView:
    """Off line for good."""
    return _next(station, replace(station, status="retired"))


def with_charger(station: StationView, charger_id: ChargerId, wanted: ChargerInput) -> StationView:
    """With one more. Raises StationInvalid, TariffRequired."""
    charger = Charger(
        charger_id=charger_id,
        label=wanted.label,
        connectors=wanted.connectors,
        current=wanted.current,
        accessible=wanted.accessible,
        own=True,
    )
    after = replace(station, chargers=[*station.chargers, charger])
    if len(after.chargers) > MOST_CHARGERS:
        raise StationInvalid(f"chargers: at most {MOST_CHARGERS} at a station", field="chargers")
    check_chargers([charger], [known.label for known in station.chargers])
    return _next(station, _priced(after, charger_id, wanted.tariff))


def with_changed_charger(station: StationView, change: ChangeCharger) -> StationView:
    """Raises ChargerNotFound, StationInvalid, TariffRequired."""
    before = find_charger(station, change.charger_id)
    given = {
        name: getattr(change, name) for name in ("label", "connectors", "current", "accessible")
    }
    charger = replace(before, **{k: value for k, value in given.items() if value is not None})
    others = [one.label for one in station.chargers if one.charger_id != change.charger_id]
    check_chargers([charger], others)
    return _next(station, _with(station, charger))


def without_charger(station: StationView, charger_id: ChargerId) -> StationView:
    """Raises ChargerNotFound, LastCharger."""
    gone = find_charger(station, charger_id)
    if len(station.chargers) == 1:
        raise LastCharger
    return _next(station, replace(station, chargers=[c for c in station.chargers if c is not gone]))


def priced(station: StationView, change: SetTariff) -> StationView:
    """With new prices, of all or of one charger. Raises StationInvalid, TariffRequired."""
    if change.charger_id is not None:
        find_charger(station, change.charger_id)
        return _next(station, _priced(station, change.charger_id, change.tariff))
    if change.tariff is None:
        raise StationInvalid("tariff: name one", field="tariff")
    check_tariff(change.tariff)
    after = replace(station, tariff=tariff_after(station.tariff, change.tariff))
    _check_one_currency(after)
    return _next(station, after)


def under_terms(station: StationView, name: TermsName) -> StationView:
    """With one of the presets."""
    return _next(station, replace(station, terms=terms_after(station.terms, PRESETS[name])))


def with_state(charger: Charger, state: ChargerStateValue, at: datetime) -> Charger:
    """As its operator sees it at that moment."""
    return replace(charger, state=state, state_source="operator", state_at=at)


def find_charger(station: StationView, charger_id: ChargerId) -> Charger:
    """Raises ChargerNotFound."""
    for charger in station.chargers:
        if charger.charger_id == charger_id:
            return charger
    raise ChargerNotFound


def _priced(station: StationView, charger_id: ChargerId, tariff: Tariff | None) -> StationView:
    """The station with a charger's own prices, or none; their version is the station's next."""
    charger = find_charger(station, charger_id)
    if tariff is None:
        return _with(station, replace(charger, tariff=None))
    check_tariff(tariff)
    if station.tariff is None:
        raise TariffMissing
    own = replace(tariff, version=charger.tariff.version if charger.tariff else station.version + 1)
    if own != charger.tariff:
        own = replace(own, version=station.version + 1)
    after = _with(station, replace(charger, tariff=own))
    _check_one_currency(after)
    return after


def _with(station: StationView, charger: Charger) -> StationView:
    same = charger.charger_id
    return replace(
        station, chargers=[charger if c.charger_id == same else c for c in station.chargers]
    )


def _check_one_currency(station: StationView) -> None:
    """A search compares the chargers of a station, and a receipt has one currency."""
    tariffs = [station.tariff, *(charger.tariff for charger in station.chargers)]
    if len({tariff.currency for tariff in tariffs if tariff}) > 1:
        raise StationInvalid("tariff: one currency at a station, please", field="tariff")


def _next(before: StationView, after: StationView) -> StationView:
    """The next version, or the same where nothing is new."""
    if before.status == "retired":
        raise StationRetired
    if after == before:
        return before
    if after.status == "bookable" and lacks_energy_price(after.tariff, after.chargers):
        raise TariffRequired
    after = replace(after, version=before.version + 1)
    check_size(after)
    return after

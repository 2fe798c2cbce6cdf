"""A slot with its price and its terms, as they would hold if it were booked now."""

from datetime import datetime, timedelta
from uuid import UUID

from evslot.services.station.domain.prices import price_lines, total
from evslot.services.station.domain.slots import check_slot, occupied
from evslot.services.station.messages import Charger, Quote, StationNotBookable, StationView
from evslot.values import Period

VALID = timedelta(minutes=15)


def make_quote(
    station: StationView, charger: Charger, period: Period, now: datetime, quote_id: UUID
) -> Quote:
    """Refuses what the station's rules do not allow; whether the slot is taken is not asked."""
    organisation_id, tariff, terms = station.organisation_id, station.tariff, station.terms
    bookable = station.status == "bookable"
    if not bookable or organisation_id is None or tariff is None or terms is None:
        raise StationNotBookable
    check_slot(station, period, now)
    lines = price_lines(tariff, period)
    return Quote(
        quote_id=quote_id,
        station_id=station.station_id,
        organisation_id=organisation_id,
        charger_id=charger.charger_id,
        charger_label=charger.label,
        station_name=station.name,
        zone=station.zone,
        period=period,
        occupied=occupied(period, station.rule),
        lines=lines,
        total=total(tariff, lines),
        tariff_version=tariff.version,
        terms=terms,
        valid_until=now + VALID,
        energy_per_kwh=tariff.per_kwh,
    )

"""The stations of the made-up sample as the station service knows them, without any service."""

from datetime import UTC, datetime

from evslot.services.station.adapters.zones import Zones
from evslot.services.station.domain.claims import Claim, Merged, imported
from evslot.services.station.domain.drafts import Draft
from evslot.services.station.domain.ocpi import Origin, read_locations
from evslot.services.station.domain.sample import LICENCE, sample_locations, sample_operators
from evslot.services.station.domain.terms import PRESETS
from evslot.services.station.messages import StationView

ORIGIN = Origin("Made-up sample", LICENCE)
NOW = datetime(2026, 11, 23, tzinfo=UTC)
"""No hours of the sample are exceptional: any time will do."""


def sample_stations(town: str) -> list[StationView]:
    """Those of a town, in the order of its operators."""
    zones = Zones()
    found = []
    for operator in sample_operators():
        records = [
            record
            for record in sample_locations(operator.organisation_id)
            if record["city"] == town
        ]
        claim = Claim(
            organisation_id=operator.organisation_id,
            tariff=operator.tariff,
            terms=PRESETS[operator.terms],
            rule=operator.rule,
        )
        for draft in read_locations(records, zones.zone_of, ORIGIN, NOW):
            assert isinstance(draft, Draft)
            merged = imported(draft, None, claim)
            assert isinstance(merged, Merged)
            found.append(merged.station)
    return found

"""Visits cut into commands that fit a record of a topic, in order."""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from evslot.cli.history.plan import Planned
from evslot.services.reservation.messages import EnsureSampleBookings, SampleSite, SampleVisit
from evslot.services.station.messages import StationView
from evslot.values import StationId

PART_BYTES = 100_000
"""JSON of one command; a record holds 256 KiB."""


def bookings(planned: Sequence[Planned]) -> Iterator[EnsureSampleBookings]:
    """Each names the stations that its visits are to."""
    sites: dict[StationId, SampleSite] = {}
    visits: list[SampleVisit] = []
    size = 0
    for one in planned:
        site = _site(one.station)
        length = len(msgspec.json.encode(one.visit)) + len(msgspec.json.encode(site))
        if visits and size + length > PART_BYTES:
            yield _command(sites, visits)
            sites, visits, size = {}, [], 0
        if site.station_id in sites:
            length = len(msgspec.json.encode(one.visit))
        sites.setdefault(site.station_id, site)
        visits.append(replace(one.visit, site=list(sites).index(site.station_id)))
        size += length
    if visits:
        yield _command(sites, visits)


def _command(
    sites: dict[StationId, SampleSite], visits: Sequence[SampleVisit]
) -> EnsureSampleBookings:
    return EnsureSampleBookings(sites=tuple(sites.values()), visits=tuple(visits))


def _site(station: StationView) -> SampleSite:
    assert station.organisation_id is not None
    assert station.tariff is not None
    assert station.terms is not None
    return SampleSite(
        station_id=station.station_id,
        organisation_id=station.organisation_id,
        station_name=station.name,
        zone=station.zone,
        currency=station.tariff.currency,
        tariff_version=station.tariff.version,
        terms=station.terms,
    )

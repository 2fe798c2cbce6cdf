"""Bringing the made-up sample in: organisations first, then their stations, like anybody's."""

from collections.abc import Callable, Iterator
from uuid import UUID, uuid5

from evslot.cli.parts import cut
from evslot.services.station import messages as station
from evslot.services.station.domain.sample import (
    LICENCE,
    NAMES,
    SampleOperator,
    sample_locations,
    sample_operators,
)
from evslot.services.user import messages as user
from evslot.spine.asking import Asker
from evslot.spine.message import Refused

IMPORT: UUID = uuid5(NAMES, "import")


def sample_parts(times: int) -> Iterator[station.ImportStations]:
    """All commands that bring the stations in; more `times` only add."""
    for operator in sample_operators():
        records = list(sample_locations(operator.organisation_id, times))
        for number, part in enumerate(cut(records), start=1):
            yield station.ImportStations(
                import_id=uuid5(IMPORT, str(operator.organisation_id)),
                part=number,
                records=part,
                bookable_as=operator.organisation_id,
                tariff=operator.tariff,
                terms=operator.terms,
                rule=operator.rule,
                format="ocpi",
                licence=LICENCE,
            )


def sample_organisations() -> tuple[user.SampleOrganisation, ...]:
    """Who offers the stations; all of them are the sample operator's."""
    return tuple(_organisation(operator) for operator in sample_operators())


async def import_sample(
    asker: Asker, times: int, told: Callable[[int], None] = lambda _: None
) -> list[station.ImportReport]:
    """What became of it; `told` hears how many parts are done. Raises Refused in production."""
    await asker.send(user.EnsureSampleOrganisations(organisations=sample_organisations()))
    reports = []
    for number, part in enumerate(sample_parts(times), start=1):
        reports.append(await asker.send(part))
        told(number)
    return reports


async def is_empty(asker: Asker) -> bool:
    """Whether there is no station at all."""
    return not (await asker.send(station.ListLocations(limit=1))).locations


async def import_sample_where_empty(asker: Asker, say: Callable[[str], None]) -> None:
    """For the first start; where it cannot be, a line says so."""
    if not await is_empty(asker):
        return
    say("loading the sample: made-up stations in four cities (--empty: without)")
    try:
        reports = await import_sample(asker, 1)
    except Refused as refused:
        say(f"no sample stations: {refused.detail}")
        return
    count = sum(len(report.created) for report in reports)
    say(f"{count} sample stations in Berlin, Helsinki, Ahmedabad and New York are on line")


def _organisation(operator: SampleOperator) -> user.SampleOrganisation:
    return user.SampleOrganisation(
        organisation_id=operator.organisation_id,
        legal_name=operator.operator.legal_name,
        address=operator.operator.address,
        country=operator.country,
        contact_email=operator.contact_email,
        phone=operator.phone,
        vat_id=operator.operator.vat_id,
        register=operator.operator.register,
    )

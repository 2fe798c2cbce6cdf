"""What operators do to a reservation service under test: they close chargers, and look."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.reservation.made_up import CHARGER, ORGANISATION, STATION
from tests.services.station.supplies import a_station

from evslot.services.reservation.messages import ClosureDetails, GetClosure, SetClosure
from evslot.services.station.messages import Charger, StationPublished
from evslot.spine.callers import Caller
from evslot.values import ChargerId, OrganisationId, Period

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
OTHER = ChargerId(UUID("22222222-51fb-4d1c-9a49-3f6f5a0b7c11"))
HOLES = """
select w.charger_id, gap
from unnest($1::uuid[]) as w (charger_id),
  unnest(multirange(tstzrange($2, $3)) - coalesce((
    select range_agg(during) from occupancy o where o.charger_id = w.charger_id), '{}')) as gap"""


def owner(organisation: OrganisationId = ORGANISATION, role: Any = "owner") -> Caller:
    return driver(organisations={organisation: role})


async def know_station(h: Harness, *chargers: ChargerId, version: int = 1) -> None:
    """The station service has told of the station."""
    view = a_station(
        station_id=STATION,
        organisation_id=ORGANISATION,
        version=version,
        chargers=[
            Charger(
                charger_id=charger_id,
                label=f"A{number}",
                connectors=[],
                current="AC",
                accessible=False,
            )
            for number, charger_id in enumerate(chargers or (CHARGER,), start=1)
        ],
    )
    await h.hear(StationPublished(station=view, version=version))


def closing(start: datetime, hours: float, **more: Any) -> SetClosure:
    command = SetClosure(
        closure_id=uuid4(),
        station_id=STATION,
        period=Period(start, start + hours * HOUR),
        reason="works on the cable",
    )
    return replace(command, **more)


async def close(h: Harness, start: datetime, hours: float, **more: Any) -> ClosureDetails:
    return await h.send(closing(start, hours, **more), caller=owner())


async def details_of(h: Harness, closed: ClosureDetails) -> ClosureDetails:
    question = GetClosure(station_id=STATION, closure_id=closed.closure.closure_id)
    return await h.ask(question, caller=owner(role="viewer"))


async def closed_pieces(h: Harness, closed: ClosureDetails) -> list[Period]:
    rows = await h.fetch(
        "select during from occupancy where ref = $1 order by during", closed.closure.closure_id
    )
    return [Period(row["during"].lower, row["during"].upper) for row in rows]


async def holes(h: Harness, closed: ClosureDetails) -> list[Any]:
    """What nothing occupies although it is closed."""
    closure = closed.closure
    return await h.fetch(HOLES, list(closure.charger_ids), closure.period.start, closure.period.end)

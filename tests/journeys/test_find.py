"""A driver types a place, sees what is free there and what it costs, and books it."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec import Struct

from evslot.services.station.domain.locations import PARTY
from evslot.services.station.messages import FoundStation, Places
from tests.journeys.people import Person, Said, Town, eventually, tomorrow
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio

REYKJAVIK = {"lat": 64.1466, "lon": -21.9426}
"""Where no other journey has stations."""
SHOWN_SECONDS = 15.0
"""Places are made anew every five seconds."""

KATHMANDU = ZoneInfo("Asia/Kathmandu")


class Page(Struct):
    """An answer of OCPI's Locations module."""

    data: list[dict[str, Any]]
    status_code: int
    next_cursor: str | None


async def island(operator: Person, name: str, north: float = 0.0, **changed: Any) -> UUID:
    """A station in Reykjavík, so many degrees north of the middle."""
    position = {"latitude": REYKJAVIK["lat"] + north, "longitude": REYKJAVIK["lon"]}
    where: dict[str, Any] = {"city": "Reykjavík", "country": "IS", "postcode": "101"}
    where["zone"] = "Atlantic/Reykjavik"
    made = await operator.fresh_station(name=name, position=position, **where, **changed)
    return made.station_id


async def found(driver: Person, **wishes: Any) -> dict[str, FoundStation]:
    lines = (await driver.search(**{**REYKJAVIK, "radius": 5000, **wishes})).stations
    return {line.name: line for line in lines}


async def test_a_place_is_typed_found_searched_and_booked(
    town: Town, operator: Person, driver: Person
) -> None:
    tariff = {"currency": "ISK", "flat": 0, "per_hour": 500, "per_kwh": 60}
    cheap = await island(operator, "Höfn", 0.002, tariff=tariff | {"per_hour": 300})
    await island(operator, "Perlan", 0.001, tariff=tariff)

    async def suggested() -> Places:
        return await town.stranger().get("/v1/places", Places, {"q": "reykjavk"})

    (place,) = (await eventually(suggested, lambda told: told.places, SHOWN_SECONDS)).places
    assert (place.kind, place.name, place.stations) == ("city", "Reykjavík", 2)

    window = tomorrow(17)
    when = {"from": window.start.isoformat(), "to": window.end.isoformat()}
    around = {"lat": place.position.latitude, "lon": place.position.longitude}
    lines = await found(driver, **around, **when, sort="price", free=True)
    assert list(lines) == ["Höfn", "Perlan"]
    assert list(await found(driver, **when, max_price=400)) == ["Höfn"]
    box = f"{place.position.latitude - 1},-23,{place.position.latitude + 1},-20"
    by_box = await driver.get("/v1/stations", dict[str, Any], {"box": box, "open_now": True})
    assert {line["name"] for line in by_box["stations"]} == {"Höfn", "Perlan"}

    station = await driver.station(cheap)
    quote = await driver.quote(station, window)
    assert quote.quote.total == lines["Höfn"].price
    await driver.hold(quote)

    async def shown() -> FoundStation:
        return (await found(driver, **when))["Höfn"]

    line = await eventually(shown, lambda told: told.chargers_free == 0)
    assert line.next_free is not None
    assert line.next_free.start >= window.end
    assert list(await found(driver, **when, free=True)) == ["Perlan"]
    assert list(await found(driver, **when, sort="start")) == ["Perlan", "Höfn"]


async def test_without_a_window_it_is_told_what_is_free_now_and_until_when(
    operator: Person, driver: Person
) -> None:
    await island(operator, "Grótta", 0.01)
    line = (await found(driver, lat=REYKJAVIK["lat"] + 0.01, radius=50, free=True))["Grótta"]
    assert line.chargers_free_now == 1
    assert line.free_until is not None
    assert line.free_until - datetime.now(line.free_until.tzinfo) > timedelta(hours=20)


@pytest.mark.parametrize(
    "wishes",
    [{"sort": "price"}, {"box": "1,2,3"}, {"lat": 5}, {"box": "60,0,50,1"}, {"q": "x"}],
)
async def test_half_a_wish_is_refused_by_name(town: Town, wishes: dict[str, Any]) -> None:
    given = wishes if {"lat", "box"} & wishes.keys() else {**REYKJAVIK, **wishes}
    with pytest.raises(Said) as said:
        await town.stranger().get("/v1/stations", Any, given)
    assert said.value.status == 422


async def test_locations_leave_as_ocpi_and_come_in_elsewhere(
    town: Town, operator: Person, system: RunningSystem, tmp_path: Path
) -> None:
    """Page by page without a key; what another system would read is read by ours."""
    names = {f"Open data {number}" for number in range(3)}
    for name in names:
        await island(operator, name, 1.0)
    since = (datetime.now(KATHMANDU) - timedelta(minutes=5)).isoformat()
    told: dict[str, dict[str, Any]] = {}
    path = f"/v1/ocpi/locations?{urlencode({'limit': 2, 'date_from': since})}"
    while path:
        answer = await town.gateway(0).get(path)
        page = msgspec.json.decode(answer.content, type=Page)
        assert page.status_code == 1000
        told |= {location["id"]: location for location in page.data}
        path = answer.links.get("next", {}).get("url", "")
        assert bool(path) == bool(page.next_cursor)
    ours = [location for location in told.values() if location["name"] in names]
    assert len(ours) == 3
    assert {location["party_id"] for location in ours} == {PARTY}

    file = tmp_path / "locations.json"
    copies = [{**location, "party_id": "XYZ"} for location in ours]
    file.write_text(json.dumps({"data": copies, "status_code": 1000}))
    first = system.command("import", "ocpi", str(file), "--licence", "CC0-1.0")
    assert "3 records: 3 created, 0 changed, 0 unchanged, 0 skipped" in first
    again = system.command("import", "ocpi", str(file), "--licence", "CC0-1.0")
    assert "3 records: 0 created, 0 changed, 3 unchanged, 0 skipped" in again
    there = await town.made_up().search(lat=REYKJAVIK["lat"] + 1.0, lon=REYKJAVIK["lon"])
    states = sorted(line.status for line in there.stations if line.name in names)
    assert states == ["bookable"] * 3 + ["listed"] * 3

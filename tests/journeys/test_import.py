"""Open Charge Map records become stations that a driver finds and books."""

import json
from pathlib import Path

import pytest

from tests.journeys.people import Person, Town, tomorrow
from tests.journeys.running_system import RunningSystem
from tests.services.station.openchargemap import connection, record

pytestmark = pytest.mark.anyio

HAMBURG = {"Latitude": 53.55, "Longitude": 9.99, "Town": "Hamburg"}
ELSEWHERE = {"Latitude": 53.45, "Longitude": 9.99, "Town": "Hamburg"}


async def test_imported_stations_are_found_booked_paid_and_told(
    town: Town, operator: Person, system: RunningSystem, tmp_path: Path
) -> None:
    file = tmp_path / "stations.json"
    file.write_text(json.dumps(made_up_records()))
    assert operator.organisation is not None
    owner = str(operator.organisation.organisation_id)
    command = ("import", "ocm", str(file), "--bookable-as", owner, "--per-hour", "240")
    tariff = ("--flat", "100", "--per-kwh", "49")
    first = system.command(*command, *tariff)
    assert "5 records: 3 created, 0 changed, 0 unchanged, 2 skipped" in first
    assert "skipped 4: removed" in first
    again = system.command(*command, *tariff)
    assert "5 records: 0 created, 0 changed, 3 unchanged, 2 skipped" in again
    for service, at_least in (("station", 3), ("user", 2)):  # who owns them, and their organisation
        told = system.command("republish", service)
        assert int(told.removeprefix(f"{service}: ").split()[0]) >= at_least

    driver = await town.sign_up()
    window = tomorrow(17)
    found = await driver.search(
        lat=53.55,
        lon=9.99,
        radius=3000,
        connector="IEC_62196_T2",
        bookable=True,
        **{"from": window.start.isoformat(), "to": window.end.isoformat()},
    )
    assert [one.name for one in found.stations if one.chargers_free] == ["Alster", "Michel"]
    station = await driver.station(found.stations[0].station_id)
    held = await driver.hold(await driver.quote(station, window))
    assert (await driver.pay(held)).reservation.state == "confirmed"
    mail = await town.awaited_mail(driver.email, "Alster")
    assert held.code in mail["text"]


def made_up_records() -> list[object]:
    """Bookable, bookable fast charging, too far away, removed, and without an id."""
    fast = connection(33, 50, 1, CurrentTypeID=30)
    return [
        record(1, address={**HAMBURG, "Title": "Alster"}),
        record(2, connection(), fast, address={**HAMBURG, "Latitude": 53.56, "Title": "Michel"}),
        record(3, address={**ELSEWHERE, "Title": "Harburg"}),
        record(4, status=200, address={**HAMBURG, "Title": "Gone"}),
        record("none", address={**HAMBURG, "Title": "Without a number"}),
    ]

"""The page at /dev: in development only, plain, and it needs nothing but this server."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.gateway.browser_app import is_built
from evslot.gateway.settings import GatewaySettings
from evslot.services.station import messages as station
from evslot.services.station.messages import FoundStation, FoundStations, Position
from evslot.services.user import messages as user
from evslot.values import StationId, new_id
from tests.gateway.edge_bench import Edge, database
from tests.gateway.made_up import signed_in
from tests.gateway.test_reference import Loaded
from tests.gateway.test_trouble import edge_without_kafka

pytestmark = pytest.mark.anyio


def around(name: str) -> Any:
    """The station service knows one station, near the middle of Berlin."""
    found = FoundStation(
        station_id=StationId(new_id()),
        name=name,
        address="Uferstraße 1",
        position=Position(52.52, 13.4),
        zone="Europe/Berlin",
        status="bookable",
        distance_metres=3,
        chargers_total=2,
        chargers_free=None,
        max_watts=22_000,
        price=None,
    )

    def answer(query: station.FindStations, _: Any) -> FoundStations:
        near = abs(query.position.latitude - 52.5) < 1
        return FoundStations(stations=[found] if near else [], as_of=datetime.now(UTC))

    return answer


def leads_to(first: httpx.Response) -> str | None:
    """Where / leads; None where the app stands there, because it was built here."""
    assert first.status_code == (200 if is_built() else 303)
    location: str | None = first.headers.get("location")
    return location


async def test_the_first_page_shows_people_inbox_reference_and_stations(edge: Edge) -> None:
    assert leads_to(await edge.http.get("/")) in ("/dev", None)
    edge.responder.script[station.FindStations] = around("<b>Ufer & Co</b>")
    page = await edge.http.get("/dev")
    assert page.status_code == 200
    assert "script-src" not in page.headers["content-security-policy"]
    loaded = Loaded()
    loaded.feed(page.text)
    assert loaded.inline == []
    assert {"/docs", "/docs/events", "/openapi.json", "/asyncapi.json"} <= set(loaded.links)
    assert "&lt;b&gt;Ufer &amp; Co&lt;/b&gt;" in page.text
    assert "http://127.0.0.1:8025" in loaded.links
    for link in set(loaded.links) - {"http://127.0.0.1:8025"}:
        assert link.startswith(("/", "#"))
    assert f"API={edge.url}/v1" in page.text


async def test_the_page_comes_where_the_station_service_is_silent(edge: Edge) -> None:
    await asyncio.sleep(0.15)  # what a test before was told is not shown any more
    page = await edge.http.get("/dev")
    assert page.status_code == 200
    assert "does not answer" in page.text


async def test_one_click_signs_in_as_a_sample_person(edge: Edge) -> None:
    edge.responder.script[station.FindStations] = around("Uferstraße")
    edge.responder.script[user.OpenSampleSession] = lambda *_: signed_in(uuid4())
    for role in ("driver", "operator", "admin"):
        page = await edge.http.post("/dev/sample-session", data={"role": role})
        assert page.status_code == 200, page.text
        assert "TOKEN=jwt.of.somebody.planted-secret" in page.text
        assert page.headers["cache-control"] == "no-store"
        asked = edge.responder.asked[-1] if role == "driver" else None
        roles = [one.body.role for one in edge.responder.asked if hasattr(one.body, "role")]
        assert roles[-1] == role
        assert asked is None or asked.envelope.caller is None
    for wrong in ({"role": "owner"}, {}, {"role": ["x" * 5000]}):
        page = await edge.http.post("/dev/sample-session", data=wrong)
        assert page.status_code == 404
    elsewhere = await edge.http.post(
        "/dev/sample-session", data={"role": "admin"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert elsewhere.status_code == 404


async def test_in_production_there_is_no_such_page(postgres_server: PostgresServer) -> None:
    url = await database(postgres_server)
    async with edge_without_kafka(url, GatewaySettings()) as (http, _):
        assert leads_to(await http.get("/")) in ("/docs", None)
        for method, path in (("GET", "/dev"), ("POST", "/dev/sample-session")):
            answer = await http.request(method, path, data={"role": "admin"})
            assert answer.status_code == 404
            assert msgspec.json.decode(answer.content)["code"] == "not_found"

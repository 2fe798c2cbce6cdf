"""What was asked is read by who asked, their organisation and the admin, for 30 days."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.gateway import history as keeping
from evslot.gateway.history import History
from evslot.gateway.store import RequestRow, copy_requests
from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.services.user import messages as user
from evslot.spine.callers import Caller
from evslot.spine.db import Database
from evslot.spine.telemetry import REGISTRY
from evslot.values import OrganisationId, new_id
from tests.gateway.edge_bench import SPEC, Edge, database, rows
from tests.gateway.made_up import found
from tests.harness import driver, keys_of

pytestmark = pytest.mark.anyio


async def past(edge: Edge, who: Caller, path: str, **params: Any) -> dict[str, Any]:
    answer = await edge.http.get(path, headers=edge.sign(who), params=params)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def written(edge: Edge) -> None:
    """Until all that was asked so far is in the database; noted once the answer has left."""
    for _ in range(100):
        await asyncio.sleep(0.05)
        if not edge.gateway._history.waiting:
            return
    raise AssertionError("the history is not written")


def row(**changed: Any) -> RequestRow:
    fields: dict[str, Any] = {
        "at": datetime.now(UTC),
        "id": uuid4().hex[:16],
        "method": "GET",
        "route": "/v1/me",
        "path": "/v1/me",
        "status": 200,
        "code": None,
        "milliseconds": 3,
        "user_id": None,
        "organisation_id": None,
        "command_id": None,
        **changed,
    }
    return RequestRow(**fields)


async def test_the_caller_reads_what_they_asked_without_bodies_and_query_values(
    edge: Edge,
) -> None:
    edge.responder.script[reservation.HoldSlot] = lambda *_: reservation.SlotTaken()
    edge.responder.script[station.FindStations] = lambda *_: found()
    somebody = driver()
    quote = f"{uuid4()}.planted-body.mac"
    headers = edge.sign(somebody)
    refused = await edge.http.post("/v1/reservations", json={"quote": quote}, headers=headers)
    planted: dict[str, Any] = {"lat": 52.5, "lon": 13.123456, "connector": "planted-query"}
    await edge.http.get("/v1/stations", params=planted, headers=headers)
    await edge.http.get(f"/v1/operations/{uuid4()}", headers=edge.headers())
    await written(edge)
    asked = (await past(edge, somebody, "/v1/me/requests"))["requests"]
    assert [(one["method"], one["path"], one["status"]) for one in asked] == [
        ("GET", "/v1/stations", 200),
        ("POST", "/v1/reservations", 409),
    ]
    hold = asked[1]
    assert hold["code"] == "slot_taken"
    assert hold["request_id"] == refused.headers["x-request-id"]
    assert hold["operation_id"] == str(edge.responder.asked[0].envelope.id)
    assert {one["user_id"] for one in asked} == {str(somebody.user_id)}
    everything = str(await rows(edge.database_url, "select * from request"))
    assert "planted" not in everything
    assert "13.123456" not in everything


async def test_strangers_to_the_house_and_pages_are_told_apart(edge: Edge) -> None:
    """No such route, a page: not kept. A request without account: kept without a name."""
    await edge.http.get("/v1/nowhere/ada@example.org")
    await edge.http.get("/docs")
    unknown = uuid4()
    refused = await edge.http.get(f"/v1/payments/{unknown}")
    assert refused.status_code == 401
    await written(edge)
    kept = await rows(
        edge.database_url, "select * from request where path = $1", f"/v1/payments/{unknown}"
    )
    assert [(one["status"], one["code"], one["user_id"]) for one in kept] == [
        (401, "unauthenticated", None)
    ]
    others = "select count(*) from request where path like '%ada%' or path like '/docs%'"
    assert (await rows(edge.database_url, others))[0]["count"] == 0


async def test_pages_follow_each_other_without_gap(edge: Edge) -> None:
    somebody = driver()
    now = datetime.now(UTC)
    same = [row(user_id=somebody.user_id, at=now - timedelta(hours=n // 3)) for n in range(10)]
    for one in same:
        edge.gateway._history.add(one)
    await written(edge)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(4):
        page = await past(edge, somebody, "/v1/me/requests", limit=3, **cursor)
        seen += [one["request_id"] for one in page["requests"]]
        if page["next_cursor"] is None or len(seen) >= 10:
            break
        cursor = {"cursor": page["next_cursor"]}
        await written(edge)
    newest_first = sorted(same, key=lambda one: (one.at, one.id), reverse=True)
    assert [one for one in seen if one in {kept.id for kept in same}] == [
        one.id for one in newest_first
    ]
    for broken in ("x", cursor["cursor"][:-2] + "zz", cursor["cursor"] + "A", "ä"):
        answer = await edge.http.get(
            "/v1/me/requests", headers=edge.sign(somebody), params={"cursor": broken}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid"), broken
    other = await edge.http.get("/v1/me/requests", headers=edge.headers(), params=cursor)
    assert other.status_code == 422  # the cursor of somebody else's list


async def test_members_read_what_was_done_for_their_organisation(edge: Edge) -> None:
    ours, theirs = OrganisationId(new_id()), OrganisationId(new_id())
    owner = driver(organisations={ours: "owner"})
    viewer = driver(organisations={ours: "viewer", theirs: "viewer"})
    edge.responder.script[user.GetOrganisation] = lambda *_: user.OrganisationNotFound()
    edge.responder.script[user.GetMe] = lambda *_: user.UserNotFound()
    await edge.http.get(f"/v1/organisations/{ours}", headers=edge.sign(owner))
    await edge.http.get(f"/v1/organisations/{ours}", headers=edge.headers())  # a stranger
    await edge.http.get("/v1/me", headers=edge.sign(owner))  # their own business
    await written(edge)
    path = f"/v1/organisations/{ours}/requests"
    asked = (await past(edge, viewer, path))["requests"]
    assert [one["path"] for one in asked] == [f"/v1/organisations/{ours}"]
    assert asked[0]["user_id"] == str(owner.user_id)
    for stranger in (driver(), driver(organisations={theirs: "owner"})):
        answer = await edge.http.get(path, headers=edge.sign(stranger))
        assert (answer.status_code, answer.json()["code"]) == (404, "organisation_not_found")


async def test_what_an_api_key_asks_is_its_organisations(edge: Edge) -> None:
    ours = OrganisationId(new_id())
    machine = driver(organisations={ours: "manager"}, roles=frozenset())
    edge.responder.script[station.FindStations] = lambda *_: found()
    await edge.http.get("/v1/stations?lat=1&lon=1", headers=edge.sign(machine))
    await written(edge)
    owner = driver(organisations={ours: "owner"})
    asked = (await past(edge, owner, f"/v1/organisations/{ours}/requests"))["requests"]
    assert [one["path"] for one in asked] == ["/v1/stations"]


async def test_only_admins_read_everything(edge: Edge) -> None:
    unknown = uuid4()
    await edge.http.get(f"/v1/payments/{unknown}")
    await written(edge)
    admin = driver(roles=frozenset({"driver", "admin"}))
    asked = (await past(edge, admin, "/v1/requests", limit=200))["requests"]
    assert f"/v1/payments/{unknown}" in {one["path"] for one in asked}
    answer = await edge.http.get("/v1/requests", headers=edge.headers())
    assert (answer.status_code, answer.json()["code"]) == (403, "only_for_admins")


async def test_an_erased_person_leaves_no_requests(edge: Edge) -> None:
    gone, stays = driver(), driver()
    for who in (gone, stays):
        edge.gateway._history.add(row(user_id=who.user_id))
    await written(edge)
    edge.gateway._history.add(row(user_id=gone.user_id))
    assert isinstance(gone.user_id, UUID)
    await edge.responder.emit(user.UserErased(user_id=gone.user_id, version=3))
    count = "select count(*) from request where user_id = $1"
    for _ in range(60):
        if (await rows(edge.database_url, count, gone.user_id))[0]["count"] == 0:
            break
        await asyncio.sleep(0.05)
    late = row(user_id=gone.user_id)
    edge.gateway._history.add(late)  # was under way when they were erased
    await written(edge)
    assert (await rows(edge.database_url, count, gone.user_id))[0]["count"] == 0
    assert (await rows(edge.database_url, count, stays.user_id))[0]["count"] == 1


async def test_too_many_are_dropped_and_counted(postgres_server: PostgresServer) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none", name="nowhere", size=1)
    history = History(nowhere, keys_of("gateway"))
    before = REGISTRY.get_sample_value("evslot_history_dropped_total") or 0.0
    for _ in range(keeping.WAITING + 7):
        history.add(row())
    await history._step()  # its database is away: all stays
    assert history.waiting == keeping.WAITING
    assert REGISTRY.get_sample_value("evslot_history_dropped_total") == before + 7
    await nowhere.stop()


async def test_a_batch_that_is_there_already_is_not_written_twice(
    postgres_server: PostgresServer,
) -> None:
    """The connection was lost after the commit: the try that follows finds the rows."""
    url = await database(postgres_server)
    store = Database(url, name="gateway history", size=2, durable=False)
    history = History(store, keys_of("gateway"))
    somebody = uuid4()
    batch = [row(user_id=somebody) for _ in range(3)]
    await copy_requests(store, batch)
    for one in batch:
        history.add(one)
    await history._step()
    assert history.waiting == 0
    assert len(await rows(url, "select * from request where user_id = $1", somebody)) == 3
    await store.stop()


async def test_a_row_nobody_can_write_ends_neither_the_writing_nor_the_erasing(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "WRITE_SECONDS", 0.05)
    url = await database(postgres_server)
    store = Database(url, name="gateway history", size=2, durable=False)
    history = History(store, keys_of("gateway"))
    gone, stays = uuid4(), uuid4()
    await copy_requests(store, [row(user_id=gone)])
    history.add(row(path="no\0text"))
    history.erase(gone)
    await history.start()
    assert await soon_counted(url, gone, 0)
    assert (history.waiting, history.is_tended) == (1, True)
    history._waiting.clear()
    history.add(row(user_id=stays))
    assert await soon_counted(url, stays, 1)
    await history.stop()


async def soon_counted(url: str, user_id: UUID, count: int) -> bool:
    """Whether so many requests of a person are in the database before long."""
    for _ in range(60):
        found = await rows(url, "select 1 from request where user_id = $1", user_id)
        if len(found) == count:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_server_that_only_reads_is_waited_for(postgres_server: PostgresServer) -> None:
    """It was the primary until a moment ago."""
    url = await database(postgres_server)
    demoted = Database(url, name="gateway history", size=2, read_only=True)
    history = History(demoted, keys_of("gateway"))
    somebody = uuid4()
    history.add(row(user_id=somebody))
    history.erase(uuid4())
    await history._step()
    assert (history.waiting, len(history._to_erase)) == (1, 1)
    assert demoted.in_use == 0
    await demoted.stop()
    promoted = Database(url, name="gateway history", size=2, durable=False)
    history._database = promoted
    await history._step()
    assert (history.waiting, len(history._to_erase)) == (0, 0)
    assert await soon_counted(url, somebody, 1)
    await promoted.stop()


async def test_old_requests_go_with_their_day(postgres_server: PostgresServer) -> None:
    url = await database(postgres_server)
    store = Database(url, name="gateway history", size=2, durable=False)
    history = History(store, keys_of("gateway"))
    old, young = uuid4(), uuid4()
    now = datetime.now(UTC)
    owner = await asyncpg.connect(postgres_server.superuser_dsn, database=SPEC.name)
    day = (now - timedelta(days=40)).date()
    await owner.execute(
        f"create table request_{day:%Y%m%d} partition of request"
        f" for values from ('{day} 00:00Z') to ('{day + timedelta(days=1)} 00:00Z')"
    )
    await owner.execute(f"alter table request_{day:%Y%m%d} owner to {SPEC.owner}")
    for days, who in ((40, old), (35, old), (29, young)):
        await copy_requests(store, [row(user_id=who, at=now - timedelta(days=days))])
    await history._step()
    kept = "select count(*) from request where user_id = $1"
    assert [(await rows(url, kept, who))[0]["count"] for who in (old, young)] == [0, 1]
    partitions = "select inhrelid::regclass::text from pg_inherits"
    names = {one["inhrelid"] for one in await rows(url, partitions)}
    assert f"request_{now:%Y%m%d}" in names
    assert f"request_{day:%Y%m%d}" not in names
    await owner.close()
    await store.stop()

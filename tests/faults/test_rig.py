"""The rig itself: seeds repeat, requests are written down as they were, errors are not lost."""

import asyncio
import random
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest

from evslot.services.station.messages import StationView
from tests.faults import ledger
from tests.faults.history import History, operations, read_history
from tests.faults.nemesis import FAULTS, Repeated, registered
from tests.faults.recording import Client, Procs, Wanted, fresh_key
from tests.faults.rig import Rig
from tests.faults.turns import Wish, fault_of, load_faults, plans
from tests.faults.wishes import Wishes
from tests.journeys.people import Town

pytestmark = pytest.mark.anyio


class Street:
    """Two gateways that answer what a test says, in turn; each knows who asked."""

    def __init__(self, *answers: httpx.Response | httpx.TransportError) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[int, str | None, str | None]] = []

    def gateway(self, number: int) -> httpx.AsyncClient:
        def answer(request: httpx.Request) -> httpx.Response:
            headers = request.headers
            self.asked.append((number % 2, headers.get("idempotency-key"), headers.get("prefer")))
            said = self._answers.pop(0)
            if isinstance(said, httpx.TransportError):
                raise said
            return said

        return httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://edge")


def client_of(street: Street, folder: Path) -> tuple[Client, History]:
    history = History(folder / "history.jsonl")
    return Client(cast(Town, street), history, Procs(), "somebody", "token", 0), history


async def test_after_an_unknown_outcome_the_other_gateway_gets_the_same_key(tmp_path: Path) -> None:
    street = Street(
        httpx.ReadTimeout("late"),
        httpx.ConnectError("refused"),
        httpx.Response(503, json={"code": "unavailable"}),
        httpx.Response(201, json={"reservation_id": "r"}),
    )
    client, history = client_of(street, tmp_path)
    key = fresh_key()
    told = await client.insist(Wanted(f="hold", method="POST", path="/v1/reservations", key=key))
    history.close()
    assert (told.type, told.status) == ("ok", 201)
    assert [gateway for gateway, _, _ in street.asked] == [0, 1, 0, 1]
    assert {asked for _, asked, _ in street.asked} == {key}
    ops = operations(read_history(tmp_path / "history.jsonl"))
    assert [op.outcome for op in ops] == ["info", "fail", "info", "ok"]
    # Whose outcome is not known is used no more; one that was refused at the door is.
    procs = [op.asked.proc for op in ops]
    assert procs[0] != procs[1] == procs[2] != procs[3]


async def test_what_was_accepted_is_asked_for_and_then_repeated(tmp_path: Path) -> None:
    where = {"location": "/v1/operations/7"}
    street = Street(
        httpx.Response(202, json={"operation_id": "7"}, headers=where),
        httpx.Response(200, json={"state": "running"}),
        httpx.Response(200, json={"state": "done"}),
        httpx.Response(409, json={"code": "slot_taken"}),
    )
    client, history = client_of(street, tmp_path)
    wanted = Wanted(f="hold", method="POST", path="/h", key=fresh_key(), respond_async=True)
    told = await client.insist(wanted)
    history.close()
    assert (told.type, told.code) == ("fail", "slot_taken")
    assert [prefer for _, _, prefer in street.asked] == ["respond-async", None, None, None]
    ops = operations(read_history(tmp_path / "history.jsonl"))
    assert [(op.f, op.outcome) for op in ops] == [
        ("hold", "info"),
        ("operation", "ok"),
        ("operation", "ok"),
        ("hold", "fail"),
    ]


def test_the_same_seed_wishes_the_same_and_several_want_one_slot() -> None:
    stations = [cast(StationView, _Station()) for _ in range(3)]
    one, again = (Wishes(stations, random.Random("7")) for _ in range(2))
    wished = [one.next() for _ in range(200)]
    assert wished == [again.next() for _ in range(200)]
    places = [(wish["charger_id"], wish["period"]["start"]) for wish in wished]
    assert len(set(places)) < len(places)


def test_a_run_is_repeated_by_its_own_seed_and_faults() -> None:
    load_faults()
    turns = plans(Wish(minutes=1, seed=5))
    first, second = next(turns), next(turns)
    assert first.seed == 5
    assert next(plans(Wish(minutes=1, seed=5))) == first
    alone = next(plans(Wish(minutes=0, seed=second.seed, fault=fault_of(second))))
    assert alone == second


def test_every_fault_has_its_turn() -> None:
    load_faults()
    turns = plans(Wish(minutes=1, seed=5))
    named = [plan.faults for _, plan in zip(range(0, len(FAULTS), 2), turns, strict=False)]
    assert sorted(name for names in named for name in names) == sorted(FAULTS)


def test_two_faults_of_one_name_are_refused() -> None:
    load_faults()
    with pytest.raises(ValueError, match="two faults"):
        registered(FAULTS["kill"])


class Broken(Repeated):
    """Its strike fails."""

    name = "broken"
    every = (0.0, 0.0)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        raise RuntimeError("cannot strike")


async def test_a_fault_that_cannot_strike_says_so() -> None:
    fault = Broken()
    await fault.start(cast(Rig, None), random.Random(1))
    await asyncio.sleep(0.05)
    with pytest.raises(RuntimeError, match="cannot strike"):
        await fault.stop()


def test_the_ledger_grows_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    for seed in (1, 2):
        ledger.append(_entry(seed), path)
    assert [entry["seed"] for entry in ledger.read(path)] == [1, 2]
    assert ledger.total(ledger.read(path)) == "2 runs, 2 minutes, 6 hits, 20 bookings, 0 violations"


class _Station:
    def __init__(self) -> None:
        self.station_id = uuid4()
        self.chargers = [_Charger(), _Charger()]


class _Charger:
    def __init__(self) -> None:
        self.charger_id = uuid4()


def _entry(seed: int) -> ledger.Entry:
    figures: dict[str, Any] = {"operations": 100, "ok": 90, "info": 5, "bookings": 10}
    return ledger.Entry(
        commit="abc",
        date="2026-01-01",
        seed=seed,
        fault="kill",
        seconds=60,
        hits={"kill gateway": 3},
        valid=True,
        violations=0,
        **figures,
    )

"""A request becomes one record and its answer one response; what takes long is said honestly."""

import asyncio
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from evslot.gateway.routes.station_bodies import EXAMPLE
from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.services.user import messages as user
from evslot.spine.message import Answer
from evslot.values import StationId
from tests.gateway.edge_bench import Edge, rows
from tests.gateway.made_up import booking, found, signed_in
from tests.harness import driver, keys_of

pytestmark = pytest.mark.anyio

QUOTE = f"{uuid4()}.payload.mac"


def hold(edge: Edge) -> dict[str, Any]:
    """The responder holds every slot."""
    held = booking()
    event = reservation.SlotHeld(reservation=held, version=1)
    edge.responder.script[reservation.HoldSlot] = lambda *_: event
    return {"id": str(held.reservation_id)}


async def test_a_command_travels_with_its_caller_and_its_outcome_comes_back(edge: Edge) -> None:
    held = hold(edge)
    somebody = driver()
    answered = await edge.http.post(
        "/v1/reservations", json={"quote": QUOTE}, headers=edge.sign(somebody)
    )
    assert answered.status_code == 201, answered.text
    assert answered.json()["reservation_id"] == held["id"]
    assert answered.headers["location"] == f"/v1/reservations/{held['id']}"
    assert answered.headers["cache-control"] == "no-store"
    (asked,) = edge.responder.asked
    assert asked.body == reservation.HoldSlot(quote=QUOTE)
    assert asked.incoming.key == asked.body.key()
    assert asked.envelope.caller is not None
    verified = edge.tokens.verify(asked.envelope.caller, asked.incoming.appended_at)
    assert verified.user_id == somebody.user_id
    assert asked.envelope.begin_within == 30.0


async def test_a_token_read_from_a_topic_is_refused_at_the_edge(edge: Edge) -> None:
    hold(edge)
    await edge.http.post("/v1/reservations", json={"quote": QUOTE}, headers=edge.headers())
    jwt = edge.responder.asked[0].envelope.caller
    assert jwt is not None
    for token in (jwt, f"{jwt}.", f"{jwt}.guess"):
        refused = await edge.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
        assert "invalid_token" in refused.headers["www-authenticate"]


async def test_a_repeat_with_the_same_key_has_the_same_command_id(edge: Edge) -> None:
    hold(edge)
    somebody, other = edge.headers(Idempotency_Key="one"), edge.headers(Idempotency_Key="one")
    for headers in (somebody, somebody, {**somebody, "Idempotency-Key": "two"}, other):
        await edge.http.post("/v1/reservations", json={"quote": QUOTE}, headers=headers)
    first, repeat, other_key, other_caller = (one.envelope.id for one in edge.responder.asked)
    assert first == repeat
    assert len({first, other_key, other_caller}) == 3


async def test_without_an_account_the_body_is_part_of_the_command_id(edge: Edge) -> None:
    edge.responder.script[user.RequestSignInCode] = lambda *_: user.CodeRequested(valid_seconds=600)
    headers = {"Idempotency-Key": "same"}
    for name in ("ada", "ada", "bob"):
        body = {"email": f"{name}@example.org"}
        answered = await edge.http.post("/v1/sign-in-codes", json=body, headers=headers)
        assert answered.status_code == 201
    first, repeat, other = (one.envelope.id for one in edge.responder.asked)
    assert first == repeat != other


async def test_ids_of_new_things_come_from_the_command_id(edge: Edge) -> None:
    def create(command: user.CreateOrganisation, _: Any) -> user.OrganisationCreated:
        return user.OrganisationCreated(
            organisation_id=command.organisation_id,
            legal_name=command.legal_name,
            country=command.country,
            owner_id=somebody.user_id,  # type: ignore[arg-type]
            approved=True,
            version=1,
        )

    somebody = driver()
    edge.responder.script[user.CreateOrganisation] = create
    body = {
        "legal_name": "Spree GmbH",
        "address": "Uferstraße 1",
        "country": "DE",
        "contact_email": "contact@example.org",
        "phone": "+4930123",
    }
    headers = {**edge.sign(somebody), "Idempotency-Key": "organisation"}
    made = [await edge.http.post("/v1/organisations", json=body, headers=headers) for _ in "12"]
    assert [one.status_code for one in made] == [201, 201]
    assert made[0].json() == made[1].json()


async def test_secrets_are_sealed_on_the_topic_and_clear_in_the_answer(edge: Edge) -> None:
    somebody = uuid4()
    edge.responder.script[user.SignInWithPassword] = lambda *_: signed_in(somebody)
    answered = await edge.http.post(
        "/v1/sessions", json={"email": "ada@example.org", "password": "planted password"}
    )
    assert answered.status_code == 201
    assert answered.json()["access_token"] == "jwt.of.somebody.planted-secret"
    assert answered.json()["refresh_token"] == "planted-refresh"
    (asked,) = edge.responder.asked
    for planted in (b"planted password", b"ada@example.org"):
        assert planted not in asked.incoming.value
        assert planted not in repr(asked.incoming.headers).encode()
    assert asked.body.password.value == "planted password"


async def test_a_refusal_passes_through_as_problem_json(edge: Edge) -> None:
    edge.responder.script[reservation.HoldSlot] = lambda *_: reservation.SlotTaken(rule="3.7")
    refused = await edge.http.post(
        "/v1/reservations", json={"quote": QUOTE}, headers=edge.headers()
    )
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["code"] == "slot_taken"
    assert problem["detail"] == "Another booking has this slot."
    assert problem["instance"] == "/v1/reservations"
    assert problem["details"] == {"rule": "3.7"}
    assert problem["request_id"] == refused.headers["x-request-id"]


async def test_a_refusal_raised_at_the_edge_looks_the_same(edge: Edge) -> None:
    refused = await edge.http.post(
        "/v1/reservations", json={"quote": "no quote at all"}, headers=edge.headers()
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "quote_invalid")
    assert edge.responder.asked == []


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        (Answer(status=503, code="too_late", detail="late"), 503, "too_late"),
        # its database is away, the command is in its hands: there is an operation to read
        (Answer(status=503, code="unavailable", detail="away"), 503, "outcome_unknown"),
        (Answer(status=500, code="failed", detail="ours"), 500, "failed"),
    ],
)
async def test_what_a_service_cannot_do_passes_through(
    edge: Edge, said: Answer, status: int, code: str
) -> None:
    edge.responder.script[reservation.HoldSlot] = lambda *_: said
    answered = await edge.http.post(
        "/v1/reservations", json={"quote": QUOTE}, headers=edge.headers()
    )
    assert (answered.status_code, answered.json()["code"]) == (status, code)
    assert ("retry-after" in answered.headers) == (status == 503)


async def test_an_answer_that_takes_long_is_an_operation(edge: Edge) -> None:
    somebody = driver()
    headers = {**edge.sign(somebody), "Idempotency-Key": uuid4().hex}
    answered = await edge.http.post("/v1/reservations", json={"quote": QUOTE}, headers=headers)
    assert answered.status_code == 202
    assert "preference-applied" not in answered.headers
    place = answered.headers["location"]
    operation_id = edge.responder.asked[0].envelope.id
    assert place == f"/v1/operations/{operation_id}"
    (row,) = await rows(edge.database_url, "select * from operation where id = $1", operation_id)
    assert (row["service"], row["caller"]) == ("reservation", somebody.user_id)
    assert row["type"] == "reservation.HoldSlot"

    pending = await edge.http.get(place, headers=edge.sign(somebody))
    assert (pending.status_code, pending.json()["state"]) == (200, "pending")
    edge.responder.running.add(operation_id)
    running = await edge.http.get(place, headers=edge.sign(somebody))
    assert running.json()["state"] == "running"

    held = hold(edge)
    repeat = await edge.http.post("/v1/reservations", json={"quote": QUOTE}, headers=headers)
    assert repeat.status_code == 201
    done = await edge.http.get(place, headers=edge.sign(somebody))
    assert done.json()["state"] == "done"
    assert done.json()["answer"]["body"]["reservation_id"] == held["id"]

    for stranger in (edge.headers(), {}):
        unseen = await edge.http.get(place, headers=stranger)
        assert (unseen.status_code, unseen.json()["code"]) == (404, "operation_not_found")


async def test_whoever_does_not_want_to_wait_gets_the_operation_at_once(edge: Edge) -> None:
    somebody = uuid4()
    edge.responder.script[user.SignInWithCode] = lambda *_: signed_in(somebody)
    answered = await edge.http.post(
        "/v1/sessions",
        json={"email": "ada@example.org", "code": "123456"},
        headers={"Prefer": "handling=strict, Respond-Async; wait=9"},
    )
    assert answered.status_code == 202
    assert answered.headers["preference-applied"] == "respond-async"
    assert answered.json()["state"] == "pending"
    place = answered.headers["location"]
    for _ in range(50):
        done = await edge.http.get(place)
        if done.json()["state"] == "done":
            break
        await asyncio.sleep(0.05)
    # Its id stands in logs and histories: the tokens are for who repeats the request.
    assert done.json()["answer"] == {"status": 200}


async def test_a_refused_operation_says_why(edge: Edge) -> None:
    edge.responder.script[reservation.HoldSlot] = lambda *_: reservation.SlotTaken()
    somebody = edge.headers(Prefer="respond-async")
    answered = await edge.http.post("/v1/reservations", json={"quote": QUOTE}, headers=somebody)
    place = answered.headers["location"]
    for _ in range(50):
        done = (await edge.http.get(place, headers=somebody)).json()
        if done["state"] == "done":
            break
        await asyncio.sleep(0.05)
    assert done["answer"]["status"] == 409
    assert done["answer"]["code"] == "slot_taken"


async def test_a_query_without_an_answer_is_unavailable(edge: Edge) -> None:
    answered = await edge.http.get(f"/v1/stations/{uuid4()}")
    assert (answered.status_code, answered.json()["code"]) == (503, "unavailable")
    assert answered.headers["retry-after"] == "1"


async def test_many_who_ask_the_same_are_one_question(edge: Edge) -> None:
    edge.responder.script[station.FindStations] = lambda *_: found()
    path = "/v1/stations?lat=52.5&lon=13.4"
    answered = await asyncio.gather(*(edge.http.get(path) for _ in range(20)))
    assert {one.status_code for one in answered} == {200}
    assert len(edge.responder.asked) <= 2


async def test_what_is_only_shown_goes_out_as_its_service_wrote_it(edge: Edge) -> None:
    """Byte by byte, with what only a later version of it knows."""
    told = b'{"stations":[],"as_of":"2026-12-01T17:00:00Z","of_a_later_version":[1.50]}'
    answer = Answer(status=200, body=msgspec.Raw(told))
    edge.responder.script[station.FindStations] = lambda *_: answer
    shown = await edge.http.get("/v1/stations?lat=52.75&lon=13.4")
    assert (shown.status_code, shown.content) == (200, told)
    assert shown.headers["content-type"] == "application/json"


async def test_a_window_may_lose_the_plus_of_its_offset(edge: Edge) -> None:
    edge.responder.script[station.FindStations] = lambda *_: found()
    window = "from=2026-12-01T17:00:00+01:00&to=2026-12-01T18:00:00%2B01:00"
    answered = await edge.http.get(f"/v1/stations?lat=52.5&lon=13.4&min_power_kw=11&{window}")
    assert answered.status_code == 200, answered.text
    (asked,) = edge.responder.asked
    assert asked.body.min_watts == 11_000
    assert asked.body.window.length.total_seconds() == 3600
    assert asked.envelope.caller is None


async def test_a_station_is_created_with_all_it_was_sent(edge: Edge) -> None:
    edge.responder.script[station.CreateStation] = lambda *_: station.StationInvalid("no")

    body = {
        **EXAMPLE,
        "hours": {"always": False, "weekly": [{"weekday": 1, "start": 0, "end": 60}]},
    }
    refused = await edge.http.post("/v1/stations", json=body, headers=edge.headers())
    assert refused.json()["code"] == "station_invalid", refused.text
    (asked,) = edge.responder.asked
    assert asked.body.hours.weekly == (station.Opening(weekday=1, start=0, end=60),)
    assert asked.body.position == station.Position(52.52, 13.4)
    assert asked.incoming.key == asked.body.key()
    assert isinstance(asked.body.station_id, type(StationId(uuid4())))


async def test_the_keys_of_tokens_are_public(edge: Edge) -> None:
    answered = await edge.http.get("/.well-known/jwks.json")
    assert answered.json() == keys_of("user").public_jwks()
    assert all("d" not in key for key in answered.json()["keys"])

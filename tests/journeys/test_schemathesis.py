"""The HTTP surface against its own description: no 5xx, every answer as described, auth enforced.

Made-up requests as driver, operator, admin and nobody, some on things that are really there. Where
it fails it names the operation, the actor and the request.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from evslot.gateway import openapi
from tests.journeys.actors import World
from tests.journeys.people import Person, Town
from tests.journeys.used_routes import not_counted

pytestmark = pytest.mark.anyio

ACTORS = ("driver", "operator", "admin", "nobody")
ENDLESS = ("follow",)
"""A stream has no end to wait for; tests/gateway/test_live.py reads it."""
DESTROYS = (
    "block_user",
    "change_member",
    "end_browser_session",
    "end_one_session",
    "end_session",
    "erase_account",
    "remove_member",
    "retire_charger",
    "retire_station",
)
"""Not tried on the actor's own account, nor on things that other requests need."""
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    ignored_auth,
]
SECONDS = 20.0


@dataclass
class Trial:
    """One actor's way through the description."""

    url: str
    actor: str
    token: str | None
    spare: Callable[[], str]
    """A token of somebody who need not last."""
    things: dict[str, str]
    wrong: list[str] = field(default_factory=list)
    statuses: dict[str, set[int]] = field(default_factory=dict)
    """Of what fits the description."""
    session: requests.Session = field(default_factory=requests.Session)

    def headers(self, name: str) -> dict[str, str]:
        if self.token is None:
            return {}
        token = self.spare() if name in DESTROYS else self.token
        return {"Authorization": f"Bearer {token}"}

    def ask(self, name: str, case: Any, real: bool, mode: GenerationMode) -> None:
        if real and name not in DESTROYS:
            for parameter in case.path_parameters or {}:
                case.path_parameters[parameter] = self.things.get(
                    parameter, case.path_parameters[parameter]
                )
        headers = self.headers(name)
        answer = case.call(
            base_url=self.url, headers=headers, session=self.session, timeout=SECONDS
        )
        if mode is GenerationMode.POSITIVE:
            self.statuses.setdefault(name, set()).add(answer.status_code)
        try:
            case.validate_response(
                answer,
                checks=CHECKS,
                headers=headers,
                transport_kwargs={"session": self.session, "timeout": SECONDS},
            )
        except FailureGroup as group:
            for one in group.exceptions:
                self.wrong.append(
                    f"{name} as {self.actor}: {one}\n{case.as_curl_command(headers=headers)}"
                    f"\n-> {answer.status_code} {answer.text[:300]}"
                )


def description() -> Any:
    raw = msgspec.json.decode(msgspec.json.encode(openapi.document()))
    return schemathesis.openapi.from_dict(raw)


def try_all(trial: Trial, examples: int, derandomize: bool) -> None:
    """Every operation, `examples` times with fitting input and half as often with broken."""
    for result in description().get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        name = operation.definition.raw["operationId"]
        if name not in ENDLESS:
            try_one(trial, name, operation, GenerationMode.POSITIVE, examples, derandomize)
            try_one(trial, name, operation, GenerationMode.NEGATIVE, examples // 2, derandomize)


def try_one(
    trial: Trial, name: str, operation: Any, mode: Any, examples: int, derandomize: bool
) -> None:
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=derandomize,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
    def once(case: Any, real: bool) -> None:
        trial.ask(name, case, real, mode)

    try:
        once()
    except hypothesis.errors.Unsatisfiable:
        # Where nothing can be sent that the description forbids.
        assert mode is GenerationMode.NEGATIVE, name


async def things(world: World) -> dict[str, str]:
    """Something that is there for every parameter of a path."""
    found: dict[str, Any] = {}
    booking = await world.paid(world.driver)
    found["reservation_id"], found["payment_id"] = booking.reservation_id, booking.payment_id
    for made in (
        world.of_station(),
        world.of_sticker(),
        world.of_invitation(),
        world.of_api_key(),
        world.of_account(),
        world.of_vehicle(),
        world.of_method(),
        world.of_closure(),
        world.of_operation(),
        world.of_notification(),
        world.of_provider(),
    ):
        found |= await made
    return {name: str(value) for name, value in found.items()}


@pytest.fixture(scope="module")
async def world(town: Town) -> World:
    world = World(town)
    with not_counted():
        await world.settle()
    return world


async def run(town: Town, world: World, actor: str, examples: int, derandomize: bool) -> Trial:
    with not_counted():
        person: Person = getattr(world, actor)
        trial = Trial(
            url=str(town.gateway(0).base_url),
            actor=actor,
            token=person.token,
            spare=town.token,
            things=await things(world),
        )
        await asyncio.to_thread(try_all, trial, examples, derandomize)
    return trial


def judge(trial: Trial) -> None:
    secured = {name for name in trial.statuses if needs_token(name)}
    for name in secured:
        statuses = trial.statuses[name]
        if trial.actor == "nobody" and statuses != {401}:
            trial.wrong.append(f"{name} lets nobody in: {statuses}")
        if trial.actor != "nobody" and statuses == {401} and name not in DESTROYS:
            trial.wrong.append(f"{name} was never tried with an account that it takes")
    assert not trial.wrong, "\n\n".join(trial.wrong[:20])


def follow_links(trial: Trial, walks: int, steps: int) -> None:
    """From what one answer names to what can be done with it, by the links of the description."""

    class Walk(description().as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            name = case.operation.definition.raw["operationId"]
            return {"headers": trial.headers(name), "session": trial.session, "timeout": SECONDS}

        def call(self, case: Any, **named: Any) -> Any:
            answer = case.call(base_url=trial.url, **named)
            name = case.operation.definition.raw["operationId"]
            trial.statuses.setdefault(name, set()).add(answer.status_code)
            return answer

        def validate_response(self, response: Any, case: Any, **named: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    Walk.run(
        settings=hypothesis.settings(
            max_examples=walks,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
    )


@pytest.mark.parametrize("actor", ["driver", "operator"])
async def test_what_was_answered_leads_on(town: Town, world: World, actor: str) -> None:
    trial = Trial(
        url=str(town.gateway(0).base_url),
        actor=actor,
        token=getattr(world, actor).token,
        spare=town.token,
        things={},
    )
    await asyncio.to_thread(follow_links, trial, 12, 8)
    assert len(trial.statuses) > 10


def needs_token(name: str) -> bool:
    ways = openapi.document()["paths"].values()
    found = [one for methods in ways for one in methods.values() if one["operationId"] == name]
    return bool(found[0].get("security"))


@pytest.mark.parametrize("actor", ACTORS)
async def test_every_answer_is_as_described(town: Town, world: World, actor: str) -> None:
    judge(await run(town, world, actor, examples=3, derandomize=True))


@pytest.mark.prove
@pytest.mark.parametrize("actor", ACTORS)
async def test_every_answer_is_as_described_for_long(town: Town, world: World, actor: str) -> None:
    judge(await run(town, world, actor, examples=60, derandomize=False))

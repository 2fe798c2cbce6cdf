"""Saved methods: sealed at rest, shown by brand and last digits, used by their id, forgotten."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.harness import driver
from tests.services.payment.paper_desk import tell_sellers
from tests.services.payment.payment_desk import Desk, open_desk

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment.messages import (
    GetReceipt,
    ListMethods,
    RemoveMethod,
    SavedMethod,
    SaveMethod,
    SetDefaultMethod,
)
from evslot.services.user.messages import UserErased
from evslot.spine.callers import SYSTEM
from evslot.spine.message import Command, Refused, Secret
from evslot.values import UserId

pytestmark = pytest.mark.anyio


def own(desk: Desk) -> UserId:
    assert desk.payer.user_id is not None
    return desk.payer.user_id


async def save(desk: Desk, method: str, make_default: bool = False) -> SavedMethod:
    number = uuid4()
    command = SaveMethod(
        method_id=uuid4(), user_id=own(desk), method=Secret(method), make_default=make_default
    )
    await desk.h.submit(command, caller=desk.payer, command_id=number)
    await desk.h.run_jobs()
    saved: SavedMethod | None = await desk.h.stored_answer(number, SavedMethod)
    assert saved is not None
    return saved


async def listed(desk: Desk) -> list[tuple[str, bool]]:
    found = await desk.h.ask(ListMethods(user_id=own(desk)), caller=desk.payer)
    return [(method.shown.last_digits, method.is_default) for method in found.methods]


async def test_the_first_method_is_the_default_until_another_is_chosen(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        first = await save(desk, "sim_ok:4242")
        second = await save(desk, "sim_challenge:1881")
        assert (first.is_default, second.is_default) == (True, False)
        assert await listed(desk) == [("4242", True), ("1881", False)]
        choose = SetDefaultMethod(user_id=own(desk), method_id=second.method_id)
        await desk.h.send(choose, caller=desk.payer)
        assert await listed(desk) == [("1881", True), ("4242", False)]
        remove = RemoveMethod(user_id=own(desk), method_id=second.method_id)
        await desk.h.send(remove, caller=desk.payer)
        assert await listed(desk) == [("4242", True)]
        for again in (remove, choose):
            with pytest.raises(Refused) as gone:
                await desk.h.send(again, caller=desk.payer)
            assert (gone.value.status, gone.value.code) == (404, "method_not_found")


async def test_a_token_saved_twice_is_one_method(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        first = await save(desk, "sim_ok:4242")
        again = await save(desk, "sim_ok:4242", make_default=True)
        assert again.method_id == first.method_id
        assert len(await listed(desk)) == 1


@pytest.mark.parametrize("method", ["tok_1234", "sim_down", ""])
async def test_what_the_provider_does_not_know_is_not_kept(
    postgres_server: PostgresServer, method: str
) -> None:
    async with open_desk(postgres_server) as desk:
        with pytest.raises(Refused) as refused:
            await save(desk, method)
        assert (refused.value.status, refused.value.code) == (409, "method_refused")
        assert await listed(desk) == []


async def test_the_eleventh_method_is_refused(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        for number in range(10):
            await save(desk, f"sim_ok:{number:04}")
        with pytest.raises(Refused) as refused:
            await save(desk, "sim_ok:9999")
        assert refused.value.code == "too_many_methods"
        await desk.do(desk.order("sim_ok:9999", save_method=True))
        assert len(await listed(desk)) == 10


async def test_a_saved_method_pays_and_another_person_s_does_not(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        method_id = (await save(desk, "sim_ok:4242")).method_id
        order = desk.order("", method_id=method_id, capture=True)
        paid = await desk.do(order)
        assert paid.state == "captured"
        assert await desk.h.send(order, caller=SYSTEM) == paid
        stranger = driver().user_id
        for other in (
            desk.order("", method_id=method_id, payer_id=stranger),
            desk.order("", method_id=uuid4()),
        ):
            with pytest.raises(Refused) as no:
                await desk.h.send(other, caller=SYSTEM)
            assert (no.value.code, no.value.details) == (
                "payment_declined",
                {"reason": "unknown_method"},
            )
        with pytest.raises(Refused) as both:
            await desk.h.send(desk.order("sim_ok", method_id=method_id), caller=SYSTEM)
        assert both.value.code == "method_unclear"
        assert await desk.h.fetch_value("select count(*) from payment") == 1


@pytest.mark.parametrize(("said", "kept"), [("approve", 1), ("refuse", 0)])
async def test_a_method_is_kept_once_its_payment_stands(
    postgres_server: PostgresServer, said: str, kept: int
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order("sim_challenge:1881", save_method=True)
        await desk.do(order)
        assert await listed(desk) == []
        await desk.answer(order.payment_id, said)
        assert len(await listed(desk)) == kept
        assert await desk.h.fetch_value("select count(*) from method") == kept
        await desk.h.run_jobs()


async def test_a_declined_method_is_not_kept(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        number = await desk.leave(desk.order("sim_decline", save_method=True))
        await desk.h.run_jobs()
        assert (await desk.refusal(number)).code == "payment_declined"
        assert await listed(desk) == []


async def test_tokens_lie_sealed_and_are_never_shown(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        await save(desk, "sim_ok:tok-planted-4242")
        for table in ("method", "job", "inbox", "provider_log"):
            text = await desk.h.fetch_value(f"select coalesce(string_agg(t::text, ' '), '') from {table} t")  # noqa: S608, E501  # fmt: skip
            assert "planted" not in text
            assert b"planted".hex() not in text


async def test_who_is_erased_has_no_methods_and_the_books_keep_their_sums(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        await save(desk, "sim_ok:4242")
        paid = await desk.do(desk.order(capture=True, save_method=True))
        await tell_sellers(desk)
        question = GetReceipt(payment_id=paid.payment_id)
        receipt = await desk.h.ask(question, caller=SYSTEM)
        before = await desk.h.fetch_value("select sum(abs(amount)) from ledger_entry")
        await desk.h.hear(UserErased(user_id=own(desk), version=2))
        assert await desk.h.fetch_value("select count(*) from method") == 0
        after = await desk.h.fetch_value("select sum(abs(amount)) from ledger_entry")
        assert after == before
        assert await desk.h.ask(question, caller=SYSTEM) == receipt


async def test_nobody_sees_or_changes_the_methods_of_others(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        method_id: UUID = (await save(desk, "sim_ok:4242")).method_id
        stranger = driver()
        commands: list[Command[Any]] = [
            RemoveMethod(user_id=own(desk), method_id=method_id),
            SetDefaultMethod(user_id=own(desk), method_id=method_id),
            SaveMethod(method_id=uuid4(), user_id=own(desk), method=Secret("sim_ok")),
        ]
        for command in commands:
            with pytest.raises(Refused) as no:
                await desk.h.send(command, caller=stranger)
            assert no.value.status == 404
        with pytest.raises(Refused):
            await desk.h.ask(ListMethods(user_id=own(desk)), caller=stranger)

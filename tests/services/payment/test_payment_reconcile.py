"""`evslot reconcile` names what does not agree, and says so where all does."""

import asyncio
from uuid import uuid4

import pytest
from tests.services.payment.paper_desk import tell_sellers
from tests.services.payment.payment_desk import open_desk

from evslot.cli.reconciling import URL, reconcile
from evslot.embedded.throwaway import PostgresServer

pytestmark = pytest.mark.anyio

HOLDS_FOR_NOBODY = """
insert into provider_log
  (idempotency_key, kind, reference, amount, currency, takes_at_once, valid_until, merchant_id)
values ($1, 'authorised', 'auth_lost', 777, 'EUR', false, now() + interval '1 day', $1)"""
TAKEN_BEHIND_OUR_BACK = """
insert into provider_log (idempotency_key, kind, reference, amount, currency, takes_at_once)
select $1, 'captured', reference, amount, currency, false from provider_log
where kind = 'authorised'"""


async def test_books_that_agree_are_said_to_agree(
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with open_desk(postgres_server) as desk:
        await desk.do(desk.order(capture=True))
        await tell_sellers(desk)
        monkeypatch.setenv(URL, desk.h.url)
        await asyncio.to_thread(reconcile)
        assert "agree" in capsys.readouterr().out


async def test_what_the_provider_alone_knows_is_named(
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order()
        await desk.do(order)
        await desk.h.execute(TAKEN_BEHIND_OUR_BACK, uuid4())
        nobody = uuid4()
        await desk.h.execute(HOLDS_FOR_NOBODY, nobody)
        monkeypatch.setenv(URL, desk.h.url)
        with pytest.raises(SystemExit) as end:
            await asyncio.to_thread(reconcile)
        assert end.value.code == 1
        said = capsys.readouterr().out
        assert f"ledger and provider differ: {order.payment_id}: expected 0, found 640" in said
        assert f"provider holds money for nobody: {nobody}: expected 0, found 777" in said
        # Put right as the provider would see it, so that the books agree at the end.
        await desk.h.execute(
            TAKEN_BEHIND_OUR_BACK.replace("'captured'", "'refunded'") + " and amount = 640",
            uuid4(),
        )
        await desk.h.execute(
            HOLDS_FOR_NOBODY.replace("'authorised'", "'voided'").replace("$1)", "null)"), uuid4()
        )

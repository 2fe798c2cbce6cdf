"""The database itself keeps the ledger sound, whatever the code above it does."""

from uuid import uuid4

import asyncpg
import pytest
from tests.services.payment.payment_desk import Desk, open_desk

from evslot.embedded.throwaway import PostgresServer

pytestmark = pytest.mark.anyio

PLANTED = "sim_ok:4242-planted-card-token"

ENTRY = """
insert into ledger_entry (transaction_id, line, account, amount, currency)
values ($1, $2, 'provider_clearing', $3, $4)"""


async def transaction(connection: asyncpg.Connection, desk: Desk, legs: int) -> int:
    number = await connection.fetchval(
        """
        insert into ledger_transaction (kind, payment_id, call_id, at, legs, previous_hash, hash)
        select 'capture', payment_id, $1, now(), $2,
               (select hash from ledger_transaction order by transaction_id desc limit 1),
               sha256(uuid_send($1))
        from payment limit 1 returning transaction_id
        """,
        uuid4(),
        legs,
    )
    return int(number)


@pytest.mark.parametrize(
    "lines",
    [
        [(5, "EUR"), (-4, "EUR")],
        [(5, "EUR"), (-5, "USD")],
        [(5, "EUR")],
        [],
        [(5, "EUR"), (-5, "EUR"), (5, "EUR"), (-5, "EUR")],
    ],
)
async def test_what_does_not_sum_to_zero_cannot_be_committed(
    postgres_server: PostgresServer, lines: list[tuple[int, str]]
) -> None:
    async with open_desk(postgres_server) as desk:
        await desk.do(desk.order(capture=True))

        async def post() -> None:
            async with desk.h.database.transaction() as connection:
                number = await transaction(connection, desk, legs=2)
                for line, (amount, currency) in enumerate(lines):
                    await connection.execute(ENTRY, number, line, amount, currency)

        with pytest.raises(asyncpg.CheckViolationError):
            await post()


async def test_nobody_adds_a_balanced_pair_to_an_old_transaction(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        await desk.do(desk.order(capture=True))

        async def add() -> None:
            async with desk.h.database.transaction() as connection:
                old = await connection.fetchval("select transaction_id from ledger_transaction")
                await connection.execute(ENTRY, old, 8, 5, "EUR")
                await connection.execute(ENTRY, old, 9, -5, "EUR")

        with pytest.raises(asyncpg.CheckViolationError):
            await add()


@pytest.mark.parametrize("table", ["ledger_transaction", "ledger_entry", "provider_log"])
@pytest.mark.parametrize("change", ["update {} set {}", "delete from {}", "truncate {} cascade"])
async def test_the_role_that_runs_may_only_append(
    postgres_server: PostgresServer, table: str, change: str
) -> None:
    columns = {
        "ledger_transaction": "kind = 'refund'",
        "ledger_entry": "amount = amount + 1",
        "provider_log": "amount = 0",
    }
    async with open_desk(postgres_server) as desk:
        await desk.do(desk.order(capture=True))
        with pytest.raises(asyncpg.InsufficientPrivilegeError) as denied:
            await desk.h.execute(change.format(table, columns[table]))
        assert "permission denied" in str(denied.value)


async def test_the_chain_does_not_fork_and_money_moves_once_per_call(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        for _ in range(3):
            await desk.do(desk.order(capture=True))
        fork = """
            insert into ledger_transaction
              (kind, payment_id, call_id, at, legs, previous_hash, hash)
            select kind, payment_id, {call}, at, legs, {previous}, sha256('fork')
            from ledger_transaction order by transaction_id limit 1"""
        unknown = "sha256('unknown')"
        for call, previous in (
            ("gen_random_uuid()", "previous_hash"),
            ("gen_random_uuid()", "hash"),
            ("call_id", "(select max(hash) from ledger_transaction)"),
        ):
            with pytest.raises(asyncpg.UniqueViolationError):
                await desk.h.execute(fork.format(call=call, previous=previous))
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await desk.h.execute(fork.format(call="gen_random_uuid()", previous=unknown))


async def test_the_method_is_found_in_no_table(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        await desk.do(desk.order(PLANTED))
        challenged = desk.order("sim_challenge:planted-card-token")
        await desk.do(challenged)
        await desk.answer(challenged.payment_id, "approve:planted-card-token")
        tables = await desk.h.fetch("select tablename from pg_tables where schemaname = 'public'")
        assert len(tables) > 12
        for row in tables:
            text = await desk.h.fetch_value(
                f"select string_agg(t::text, ' ') from \"{row['tablename']}\" t"  # noqa: S608
            )
            bytes_in_hex = b"planted-card-token".hex()
            assert "planted-card-token" not in (text or ""), row["tablename"]
            assert bytes_in_hex not in (text or ""), row["tablename"]

"""The ledger's statements."""

from uuid import UUID

from evslot.spine.transaction import Reading, Transaction
from tests.spine.ledger.messages import Balance

ADD = """
insert into account (name, balance, version) values ($1, $2, 1)
on conflict (name) do update
  set balance = account.balance + excluded.balance, version = account.version + 1
returning balance, version"""

CLAIM = """
insert into seat (number, account) values ($1, $2)
on conflict (number) do nothing returning number"""

# Seats from 100 on are an account's own: what is freed and wanted again has one key.
RELEASE = """
delete from seat where account = $1 and number >= 100 returning number"""

HEAR = """
insert into rate (name, rate, version) values ($1, $2, $3)
on conflict (name) do update set rate = excluded.rate, version = excluded.version
where rate.version < excluded.version"""


async def balance(tx: Transaction | Reading, account: str) -> Balance:
    row = await tx.fetch_row("select balance, version from account where name = $1", account)
    if row is None:
        return Balance(account=account, balance=0, version=0)
    return Balance(account=account, balance=row["balance"], version=row["version"])


async def add(tx: Transaction, account: str, amount: int) -> Balance:
    row = await tx.fetch_row(ADD, account, amount)
    assert row is not None
    return Balance(account=account, balance=row["balance"], version=row["version"])


async def takers(tx: Transaction, seats: list[int]) -> dict[int, str]:
    rows = await tx.fetch("select number, account from seat where number = any($1::int[])", seats)
    return {row["number"]: row["account"] for row in rows}


async def claim(tx: Transaction, seat: int, account: str) -> bool:
    return await tx.fetch_value(CLAIM, seat, account) is not None


async def release(tx: Transaction, account: str) -> list[int]:
    rows = await tx.fetch(RELEASE, account)
    return sorted(row["number"] for row in rows)


async def hear(tx: Transaction, name: str, rate: int, version: int) -> None:
    await tx.execute(HEAR, name, rate, version)


async def linger(tx: Transaction, seconds: float) -> None:
    await tx.execute("select pg_sleep($1)", seconds)


async def ring(tx: Transaction, job_id: UUID, said: str) -> None:
    await tx.execute("insert into bell (job_id, said) values ($1, $2)", job_id, said)

"""The sums of the ledger, looked at again and again while a run goes on."""

import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path

import asyncpg

from tests.faults.truth import Seen

LOOK_SECONDS = 0.2
ASK_SECONDS = 5.0

SUMS = """
select coalesce(sum(amount), 0)::bigint as total,
  coalesce(-sum(amount) filter (where account = 'operator_payable'), 0)::bigint as payable,
  count(*)::bigint as lines
from ledger_entry"""

AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""The last is what the driver says where a connection ends in the middle of its own bookkeeping."""


async def keep_bank(seen: Seen, folder: Path) -> None:
    """Runs beside a run until cancelled; each look is one snapshot, and a line of `bank.jsonl`.

    The server is killed as well: then it looks again as soon as there is one.
    """
    target = folder / "truth" / "bank.jsonl"
    await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
    with target.open("a") as file:
        while True:
            with suppress(OSError, TimeoutError, *AWAY):
                connection = await asyncpg.connect(seen.database_url("payment"), timeout=5.0)
                try:
                    while True:
                        row = await connection.fetchrow(SUMS, timeout=ASK_SECONDS)
                        look = {"t_ns": time.monotonic_ns(), **dict(row)}
                        file.write(json.dumps(look) + "\n")
                        file.flush()
                        await asyncio.sleep(LOOK_SECONDS)
                finally:
                    connection.terminate()
            await asyncio.sleep(LOOK_SECONDS)

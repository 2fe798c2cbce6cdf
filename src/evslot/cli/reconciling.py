"""`evslot reconcile`: the ledger against payments, receipts and the provider's own list."""

import asyncio
import os
import sys

from evslot import system
from evslot.cli.surroundings import Surroundings, database_url
from evslot.services.payment.queries import Discrepancy, broken_link, discrepancies
from evslot.spine import db
from evslot.spine.config import Config

URL = "EVSLOT_PAYMENT_DATABASE_URL"


def reconcile() -> None:
    """Compare the ledger with payments, receipts and the provider's list; status 1 if they differ.

    Reads EVSLOT_PAYMENT_DATABASE_URL; without it the embedded server's address. Changes nothing:
    what differs is named, and a person decides. Payments with a call under way are left out.
    """
    found, link = asyncio.run(_compare())
    for one in found:
        print(f"{one.what}: {one.subject}: expected {one.expected}, found {one.found}")
    if link is not None:
        print(f"the ledger was altered: transaction {link} does not follow from the one before")
    if found or link is not None:
        sys.exit(1)
    print("ledger, payments, receipts and the provider's list agree")


async def _compare() -> tuple[list[Discrepancy], int | None]:
    part = system.part("payment")
    where = Config.from_environment().shared(Surroundings)
    url = os.environ.get(URL) or database_url(where, part, f"{part.owner}_app")
    with db.access_by(URL):
        database = db.Database(url, name="reconcile", size=1, read_only=True)
        await database.start()
        try:
            return await discrepancies(database), await broken_link(database)
        finally:
            await database.stop()


COMMANDS = (reconcile,)

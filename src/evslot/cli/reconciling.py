"""`evslot reconcile`: the ledger against payments, receipts and the provider's own list."""

import asyncio
import sys

from evslot.cli.surroundings import beside_up
from evslot.services.payment.queries import Discrepancy, broken_link, discrepancies
from evslot.spine import db
from evslot.spine.config import PartSettings

URL = "EVSLOT_PAYMENT_DATABASE_URL"


def reconcile() -> None:
    """Compare the ledger with payments, receipts and the provider's list; status 1 if they differ.

    Status 2: they could not be compared. Reads EVSLOT_PAYMENT_DATABASE_URL; without it the
    embedded server's address. Changes nothing: what differs is named, and a person decides.
    Payments with a call under way are left out.
    """
    try:
        found, link = asyncio.run(_compare())
    except Exception as error:  # whatever it is: status 1 would say that the books differ
        print(f"evslot: nothing was compared: {db.reason_of(error)}", file=sys.stderr)
        sys.exit(2)
    for one in found:
        print(f"{one.what}: {one.subject}: expected {one.expected}, found {one.found}")
    if link is not None:
        print(f"the ledger was altered: transaction {link} does not follow from the one before")
    if found or link is not None:
        sys.exit(1)
    print("ledger, payments, receipts and the provider's list agree")


async def _compare() -> tuple[list[Discrepancy], int | None]:
    url = beside_up("payment").read(PartSettings, "payment").database_url
    with db.served_by(URL):
        database = db.Database(url, name="reconcile", size=1, read_only=True)
        await database.start()
        try:
            return await discrepancies(database), await broken_link(database)
        finally:
            await database.stop()


COMMANDS = (reconcile,)

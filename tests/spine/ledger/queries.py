"""What the ledger answers without changing anything."""

from evslot.spine.handling import Queries
from evslot.spine.message import Secret
from evslot.spine.transaction import Reading
from tests.spine.ledger import store
from tests.spine.ledger.messages import (
    Balance,
    Filled,
    GetBalance,
    GetCode,
    GetEverything,
    Minted,
    Overdrawn,
)

queries = Queries()


@queries.on(GetBalance)
async def get_balance(query: GetBalance, reading: Reading) -> Balance:
    balance = await store.balance(reading, query.account)
    if balance.balance < 0:
        raise Overdrawn(balance=balance.balance)
    return balance


@queries.on(GetCode)
async def get_code(query: GetCode, reading: Reading) -> Minted:
    return Minted(code=Secret(f"code of {query.account}"), length=len(query.account))


@queries.on(GetEverything)
async def get_everything(query: GetEverything, reading: Reading) -> Filled:
    return Filled(by="x" * query.characters)

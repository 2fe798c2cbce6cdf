"""What the ledger does when it is told something."""

import asyncio
from datetime import timedelta

from msgspec import Struct

from evslot.spine.handling import Handlers, Received, Reply
from evslot.spine.jobs import Job, JobContext, JobFailed, Jobs
from evslot.spine.message import Refusal, Secret
from evslot.spine.transaction import LATER, Later, Reading, Transaction
from tests.spine.ledger import store
from tests.spine.ledger.messages import (
    Balance,
    BalanceChanged,
    CallBell,
    Claim,
    Claimed,
    Consult,
    Deposit,
    Enroll,
    Enrolled,
    EnrollMany,
    Fill,
    Filled,
    Linger,
    Mint,
    Minted,
    Order,
    Overdrawn,
    Release,
    Remind,
    Ringing,
    SeatTaken,
    Spend,
    Stumble,
    Told,
    Unwelcome,
    Withdraw,
)
from tests.spine.ledger.switches import Switches
from tests.spine.oracle import messages as oracle

handlers = Handlers()
jobs = Jobs()


class Rung(Struct, frozen=True, kw_only=True):
    """What the bell said."""

    said: str


class Ring(Job[Rung], frozen=True, kw_only=True):
    """Ring the bell."""

    password: Secret[str]


def _changed(now: Balance, note: str = "") -> BalanceChanged:
    return BalanceChanged(account=now.account, balance=now.balance, version=now.version, note=note)


@handlers.on(Deposit)
async def deposit(command: Deposit, tx: Transaction) -> Balance:
    now = await store.add(tx, command.account, command.amount)
    tx.emit(_changed(now))
    return now


@handlers.on(Withdraw)
async def withdraw(command: Withdraw, tx: Transaction) -> Balance:
    before = await store.balance(tx, command.account)
    if before.balance < command.amount:
        raise Overdrawn(balance=before.balance)
    now = await store.add(tx, command.account, -command.amount)
    tx.emit(_changed(now))
    return now


@handlers.on(Spend)
async def spend(command: Spend, tx: Transaction) -> Balance:
    now = await store.add(tx, command.account, -command.amount)
    tx.emit(_changed(now))
    tx.send(Deposit(account="tax", amount=1))
    tx.call(Ring(password=Secret("spent")))
    if now.balance < 0:
        raise Overdrawn(balance=now.balance)
    return now


@handlers.on_many(Claim, touches=lambda received: set(received.command.seats))
async def claim_many(commands: list[Received[Claim]], tx: Transaction) -> list[Claimed | Refusal]:
    wanted = [seat for received in commands for seat in received.command.seats]
    assert len(wanted) == len(set(wanted)), "two claims of one call touch the same seat"
    tx.resource(Switches).bundles.append([received.command.account for received in commands])
    taken = await store.takers(tx, wanted)
    outcomes: list[Claimed | Refusal] = []
    for received in commands:
        seats = received.command.seats
        if any(seat in taken for seat in seats):
            outcomes.append(SeatTaken())
            continue
        for seat in seats:
            await store.claim(tx, seat, received.command.account)
            if seat == 666:
                raise SeatTaken("thought of too late")
        outcomes.append(Claimed(seats=seats, together=len(commands)))
    return outcomes


@handlers.on(Release)
async def release(command: Release, tx: Transaction) -> Claimed:
    return Claimed(seats=await store.release(tx, command.account), together=1)


@handlers.on(Order)
async def order(command: Order, tx: Transaction) -> Filled | Later:
    await store.add(tx, command.account, 1)
    return LATER


@handlers.on(Fill)
async def fill(command: Fill, tx: Transaction) -> Filled:
    filled = Filled(by=command.account, code=command.code)
    await tx.answer(command.order_id, filled)
    return filled


@handlers.on(Mint)
async def mint(command: Mint, tx: Transaction) -> Minted:
    password = command.password.value
    return Minted(code=Secret(f"code of {password}"), length=len(password))


async def think(name: str, tx: Reading) -> str:
    tx.resource(Switches).thought.append(name)
    await asyncio.sleep(tx.resource(Switches).thinking_seconds)
    if name == "nobody":
        raise Unwelcome()
    if name == "broken":
        raise RuntimeError("no thought")
    return f"thought of {name}"


@handlers.prepare(Enroll)
async def think_of_one(command: Enroll, reading: Reading) -> str:
    return await think(command.name, reading)


@handlers.on(Enroll)
async def enroll(command: Enroll, tx: Transaction) -> Enrolled:
    await store.add(tx, command.account, 1)
    return Enrolled(prepared=tx.prepared)


@handlers.prepare(EnrollMany)
async def think_of_many(command: EnrollMany, reading: Reading) -> str:
    return await think(command.name, reading)


@handlers.on_many(EnrollMany, touches=lambda received: {received.command.account})
async def enroll_many(
    commands: list[Received[EnrollMany]], tx: Transaction
) -> list[Enrolled | Refusal]:
    return [Enrolled(prepared=received.prepared) for received in commands]


@handlers.on(Stumble)
async def stumble(command: Stumble, tx: Transaction) -> Balance:
    now = await store.add(tx, command.account, command.amount)
    tx.emit(_changed(now, "stumbled"))
    if tx.resource(Switches).broken:
        raise RuntimeError("a stone in the way")
    return now


@handlers.on(Linger)
async def linger(command: Linger, tx: Transaction) -> Balance:
    now = await store.add(tx, command.account, 1)
    await store.linger(tx, command.seconds)
    return now


@handlers.on(CallBell)
async def call_bell(command: CallBell, tx: Transaction) -> Ringing:
    return Ringing(job_id=tx.call(Ring(password=command.password), job_id=tx.command_id))


@jobs.run(Ring, workers=2, attempts=3, timeout_seconds=2.0, deadline_seconds=60.0)
async def ring(job: Ring, context: JobContext) -> Rung:
    switches = context.get(Switches)
    switches.rung.append((context.job_id, context.attempt))
    if switches.bell_waits is not None:
        await switches.bell_waits.wait()
    return Rung(said=switches.bell(context.job_id, context.attempt, job.password.value))


@handlers.result(Ring)
async def rung(job: Ring, result: Rung | JobFailed, tx: Transaction) -> None:
    switches = tx.resource(Switches)
    if switches.results_break:
        raise RuntimeError("nobody hears the bell")
    if switches.results_trouble:
        switches.results_trouble -= 1
        raise ConnectionResetError
    said = f"failed: {result.reason}" if isinstance(result, JobFailed) else result.said
    await store.ring(tx, tx.command_id, said)


@handlers.on(Remind)
async def remind(command: Remind, tx: Transaction) -> Balance:
    due = tx.now + timedelta(seconds=command.seconds)
    tx.send_at(due, Deposit(account=command.account, amount=command.amount))
    return await store.balance(tx, command.account)


@handlers.on(Consult)
async def consult(command: Consult, tx: Transaction) -> Told | Later:
    question = oracle.Advise(question=command.question, offering=Secret("a goat"))
    tx.ask(question, then="advised", about=tx.command_id, context={"account": command.account})
    return LATER


@handlers.answered("advised")
async def advised(reply: Reply, tx: Transaction) -> None:
    advice = reply.result(oracle.Advice)
    balance = await store.add(tx, reply.context["account"], 1)
    tx.emit(_changed(balance))
    await tx.answer(reply.about, Told(words=advice.words, whispered=advice.whispered))


@handlers.heard(oracle.RateSet)
async def rate_set(event: oracle.RateSet, tx: Transaction) -> None:
    await store.hear(tx, event.name, event.rate, event.version)
    if event.name == "broken" and tx.resource(Switches).broken:
        raise RuntimeError("a rate nobody understands")

"""SQL of the write side: payments, refunds, provider calls, who waits, and the ledger."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from evslot.services.payment.domain import ledger
from evslot.services.payment.domain.record import Call, Purpose, Record, Refund
from evslot.spine.transaction import Transaction
from evslot.values import PaymentId

LEDGER_LOCK = 0x6C_65_64_67  # "ledg": the chain has one end, so one transaction writes at a time

COLUMNS = """payment_id, version, state, reservation_id, organisation_id, payer_id, amount,
    currency, capture_at_once, method_digest, captured, refunded, refunding, running, capturing,
    void_wanted, provider_reference, valid_until, challenge_until, decline_reason"""


class OpenCall(Struct, frozen=True, kw_only=True):
    """A provider call that has no answer yet."""

    payment_id: PaymentId
    call: Call
    rounds: int
    created_at: datetime


async def lock_payment(tx: Transaction, payment_id: PaymentId) -> Record | None:
    row = await tx.fetch_row(
        f"select {COLUMNS} from payment where payment_id = $1 for update",  # noqa: S608
        payment_id,
    )
    return None if row is None else Record(**dict(row))


async def find_payment(tx: Transaction, payment_id: PaymentId) -> Record | None:
    row = await tx.fetch_row(
        f"select {COLUMNS} from payment where payment_id = $1",  # noqa: S608
        payment_id,
    )
    return None if row is None else Record(**dict(row))


async def insert_payment(tx: Transaction, record: Record) -> bool:
    """False where the id is taken."""
    inserted = await tx.execute(
        f"""
        insert into payment ({COLUMNS})
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                $19, $20)
        on conflict on constraint payment_pkey do nothing
        """,  # noqa: S608
        *_values(record),
    )
    return inserted == 1


async def update_payment(tx: Transaction, record: Record) -> None:
    await tx.execute(
        """
        update payment set
          version = $2, state = $3, captured = $4, refunded = $5, refunding = $6, running = $7,
          capturing = $8, void_wanted = $9, provider_reference = $10, valid_until = $11,
          challenge_until = $12, decline_reason = $13, changed_at = now()
        where payment_id = $1
        """,
        record.payment_id,
        record.version,
        record.state,
        record.captured,
        record.refunded,
        record.refunding,
        record.running,
        record.capturing,
        record.void_wanted,
        record.provider_reference,
        record.valid_until,
        record.challenge_until,
        record.decline_reason,
    )


async def lock_lapsed_challenges(tx: Transaction, limit: int) -> list[Record]:
    rows = await tx.fetch(
        f"""
        select {COLUMNS} from payment
        where state = 'challenge' and running is null and challenge_until <= $1
        order by challenge_until limit $2 for update skip locked
        """,  # noqa: S608
        tx.now,
        limit,
    )
    return [Record(**dict(row)) for row in rows]


async def lock_lapsed_promises(tx: Transaction, limit: int) -> list[Record]:
    rows = await tx.fetch(
        f"""
        select {COLUMNS} from payment
        where state = 'authorised' and running is null and valid_until <= $1
        order by valid_until limit $2 for update skip locked
        """,  # noqa: S608
        tx.now,
        limit,
    )
    return [Record(**dict(row)) for row in rows]


async def find_refund(tx: Transaction, refund_id: UUID) -> Refund | None:
    """Its payment is locked, or it belongs to another payment and is only compared."""
    row = await tx.fetch_row(
        "select refund_id, payment_id, amount, state, reason from refund where refund_id = $1",
        refund_id,
    )
    return None if row is None else Refund(**dict(row))


async def put_refund(tx: Transaction, refund: Refund) -> None:
    await tx.execute(
        """
        insert into refund (refund_id, payment_id, amount, state, reason)
        values ($1, $2, $3, $4, $5)
        on conflict on constraint refund_pkey
        do update set state = excluded.state, changed_at = now()
        """,
        refund.refund_id,
        refund.payment_id,
        refund.amount,
        refund.state,
        refund.reason,
    )


async def insert_call(tx: Transaction, payment_id: PaymentId, call: Call) -> None:
    await tx.execute(
        """
        insert into provider_call (call_id, payment_id, kind, amount, refund_id, state)
        values ($1, $2, $3, $4, $5, 'open')
        """,
        call.call_id,
        payment_id,
        call.kind,
        call.amount,
        call.refund_id,
    )


async def lock_call(tx: Transaction, call_id: UUID) -> OpenCall | None:
    """None where the call was answered already."""
    row = await tx.fetch_row(
        """
        select call_id, payment_id, kind, amount, refund_id, rounds, created_at
        from provider_call where call_id = $1 and state = 'open' for update
        """,
        call_id,
    )
    return None if row is None else _open_call(dict(row))


async def close_call(tx: Transaction, call_id: UUID, outcome: str | None) -> None:
    """With the provider's word, or None where it stayed silent."""
    await tx.execute(
        """
        update provider_call set outcome = $2, closed_at = now(), due_at = null,
          state = case when $2::text is null then 'given_up' else 'done' end
        where call_id = $1
        """,
        call_id,
        outcome,
    )


async def put_call_off(tx: Transaction, call_id: UUID, wait: timedelta) -> None:
    """A new job is made for it later."""
    await tx.execute(
        "update provider_call set rounds = rounds + 1, due_at = now() + $2 where call_id = $1",
        call_id,
        wait,
    )


async def take_due_calls(tx: Transaction, limit: int) -> list[OpenCall]:
    """Calls whose time for a new job has come; they are not due again until put off again."""
    rows = await tx.fetch(
        """
        with due as (
          select call_id from provider_call where due_at <= now()
          order by due_at limit $1 for update skip locked)
        update provider_call set due_at = null from due
        where provider_call.call_id = due.call_id
        returning provider_call.call_id, payment_id, kind, amount, refund_id, rounds, created_at
        """,
        limit,
    )
    return [_open_call(dict(row)) for row in rows]


async def insert_waiting(
    tx: Transaction, payment_id: PaymentId, purpose: Purpose, refund_id: UUID | None, most: int
) -> bool:
    """The running command waits; False where `most` wait for the same already."""
    inserted = await tx.execute(
        """
        insert into waiting (command_id, payment_id, purpose, refund_id)
        select $1, $2, $3, $4
        where (select count(*) from waiting where payment_id = $2 and purpose = $3) < $5
        """,
        tx.command_id,
        payment_id,
        purpose,
        refund_id,
        most,
    )
    return inserted == 1


async def take_waiting(
    tx: Transaction, payment_id: PaymentId, purpose: Purpose, refund_id: UUID | None
) -> list[UUID]:
    """The commands that waited; they wait no longer."""
    rows = await tx.fetch(
        """
        delete from waiting
        where payment_id = $1 and purpose = $2 and refund_id is not distinct from $3
        returning command_id
        """,
        payment_id,
        purpose,
        refund_id,
    )
    return [row["command_id"] for row in rows]


async def post(tx: Transaction, posting: ledger.Posting) -> None:
    """Append to the ledger; refused by the database unless the legs sum to zero at commit."""
    await tx.fetch_value("select pg_advisory_xact_lock($1)", LEDGER_LOCK)
    # A statement of its own, after the lock: it sees what the one before us has committed.
    previous = await tx.fetch_value(
        "select hash from ledger_transaction order by transaction_id desc limit 1"
    )
    number = await tx.fetch_value(
        """
        insert into ledger_transaction (kind, payment_id, call_id, at, legs, previous_hash, hash)
        values ($1, $2, $3, $4, $5, $6, $7) returning transaction_id
        """,
        posting.kind,
        posting.payment_id,
        posting.call_id,
        tx.now,
        len(posting.legs),
        previous,
        ledger.link(previous, posting, tx.now),
    )
    await tx.execute_many(
        """
        insert into ledger_entry (transaction_id, line, account, owner_id, amount, currency)
        values ($1, $2, $3, $4, $5, $6)
        """,
        _entries(number, posting.legs),
    )


def _entries(number: int, legs: Sequence[ledger.Leg]) -> list[tuple[object, ...]]:
    return [
        (number, line, leg.account, leg.owner_id, leg.amount, leg.currency)
        for line, leg in enumerate(legs, start=1)
    ]


def _open_call(row: dict[str, object]) -> OpenCall:
    rest = {name: row.pop(name) for name in ("payment_id", "rounds", "created_at")}
    return OpenCall(call=Call(**row), **rest)  # type: ignore[arg-type]


def _values(record: Record) -> list[object]:
    return [getattr(record, name) for name in COLUMNS.replace(",", " ").split()]

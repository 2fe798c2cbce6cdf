"""SQL of receipts: what was bought, papers that are due, and papers that were issued."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.services.payment.domain.receipts import Deal, Due
from evslot.services.payment.messages import Bought, Receipt
from evslot.spine.transaction import Transaction
from evslot.values import OrganisationId, PaymentId

NUMBERS_LOCK = 0x6E_75_6D_62
""""numb": one transaction takes numbers at a time."""


class Asking(Struct, frozen=True, kw_only=True):
    """A paper that waits for the seller's legal block."""

    receipt_id: UUID
    payment_id: PaymentId
    organisation_id: OrganisationId
    rounds: int


async def insert_purchase(tx: Transaction, payment_id: PaymentId, bought: Bought) -> None:
    await tx.execute(
        "insert into purchase (payment_id, bought) values ($1, $2::jsonb)",
        payment_id,
        msgspec.json.encode(bought).decode(),
    )


async def insert_due(tx: Transaction, due: Due, organisation_id: OrganisationId) -> None:
    await tx.execute(
        """
        insert into receipt_due
          (receipt_id, payment_id, movement_id, organisation_id, kind, amount, moved_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        due.receipt_id,
        due.payment_id,
        due.movement_id,
        organisation_id,
        due.kind,
        due.amount,
        due.moved_at,
    )


async def find_deal(tx: Transaction, payment_id: PaymentId) -> Deal | None:
    """Its payment is locked: papers of one payment are written one after the other."""
    row = await tx.fetch_row(
        """
        select payment_id, reservation_id, organisation_id, payer_id, amount, currency, bought
        from payment left join purchase using (payment_id)
        where payment_id = $1 for update of payment
        """,
        payment_id,
    )
    if row is None:
        return None
    found = dict(row)
    bought = found.pop("bought")
    return Deal(
        **found, bought=None if bought is None else msgspec.json.decode(bought, type=Bought)
    )


async def take_due(tx: Transaction, payment_id: PaymentId) -> list[Due]:
    """What is to be written about a payment, in the order in which its money moved."""
    rows = await tx.fetch(
        """
        with taken as (
          delete from receipt_due where payment_id = $1
          returning receipt_id, payment_id, movement_id, kind, amount, moved_at, place)
        select * from taken order by place
        """,
        payment_id,
    )
    return [Due(**{name: row[name] for name in Due.__struct_fields__}) for row in rows]


async def put_due_off(tx: Transaction, payment_id: PaymentId, wait: timedelta) -> None:
    """The seller is asked for again later."""
    await tx.execute(
        "update receipt_due set ask_again_at = now() + $2 where payment_id = $1", payment_id, wait
    )


async def take_asking(tx: Transaction, limit: int) -> list[Asking]:
    """Papers whose seller is to be asked for again now; not due again until put off again."""
    rows = await tx.fetch(
        """
        with due as (
          select receipt_id from receipt_due where ask_again_at <= now()
          order by ask_again_at limit $1 for update skip locked)
        update receipt_due set ask_again_at = null, rounds = rounds + 1 from due
        where receipt_due.receipt_id = due.receipt_id
        returning receipt_due.receipt_id, payment_id, organisation_id, rounds
        """,
        limit,
    )
    return [Asking(**dict(row)) for row in rows]


async def lock_numbers(tx: Transaction) -> None:
    """Before any payment is locked: two processes that number for several organisations in
    different order would wait for each other."""
    await tx.fetch_value("select pg_advisory_xact_lock($1)", NUMBERS_LOCK)


async def next_number(tx: Transaction, organisation_id: OrganisationId) -> int:
    """Taken with the paper in one transaction: what is rolled back leaves no gap."""
    return int(
        await tx.fetch_value(
            """
            insert into receipt_counter (organisation_id, last_number) values ($1, 1)
            on conflict (organisation_id)
            do update set last_number = receipt_counter.last_number + 1
            returning last_number
            """,
            organisation_id,
        )
    )


async def insert_receipt(tx: Transaction, paper: Receipt, movement_id: UUID, sequence: int) -> None:
    await tx.execute(
        """
        insert into receipt
          (receipt_id, payment_id, movement_id, organisation_id, kind, sequence, total, paper,
           issued_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9)
        """,
        paper.receipt_id,
        paper.payment_id,
        movement_id,
        paper.organisation_id,
        paper.kind,
        sequence,
        paper.total.amount,
        msgspec.json.encode(paper).decode(),
        paper.issued_at,
    )


async def list_receipts(tx: Transaction, payment_id: PaymentId) -> list[Receipt]:
    """All papers of a payment, in the order in which they were issued."""
    rows = await tx.fetch(
        "select paper from receipt where payment_id = $1 order by sequence", payment_id
    )
    return [msgspec.json.decode(row["paper"], type=Receipt) for row in rows]


async def stop_payment(tx: Transaction, payment_id: PaymentId, now: datetime) -> None:
    """An authorise of this id comes too late from now on."""
    await tx.execute(
        """
        insert into stopped_payment (payment_id, stopped_at) values ($1, $2)
        on conflict (payment_id) do nothing
        """,
        payment_id,
        now,
    )


async def is_stopped(tx: Transaction, payment_id: PaymentId) -> bool:
    return bool(
        await tx.fetch_value(
            "select exists (select from stopped_payment where payment_id = $1)", payment_id
        )
    )

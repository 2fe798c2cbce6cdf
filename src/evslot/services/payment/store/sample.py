"""Made-up payments, written into all books at once; and their receipts."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.services.payment.domain import ledger
from evslot.services.payment.domain.receipts import Deal, Due
from evslot.services.payment.domain.sample import Past, Posted
from evslot.services.payment.messages import Bought, Receipt
from evslot.services.payment.store.payments import COLUMNS, LEDGER_LOCK
from evslot.spine.transaction import Transaction
from evslot.values import OrganisationId, PaymentId

NAMES = COLUMNS.replace(",", " ").split()


async def find_known(tx: Transaction, ids: Sequence[PaymentId]) -> set[PaymentId]:
    """Those that were written before."""
    rows = await tx.fetch("select payment_id from payment where payment_id = any($1::uuid[])", ids)
    return {row["payment_id"] for row in rows}


async def insert_past(tx: Transaction, pasts: Sequence[Past]) -> None:
    """Payments, what was bought, refunds, the provider's answers, papers that are due."""
    places = ", ".join(f"${number}" for number in range(1, len(NAMES) + 3))
    await tx.execute_many(
        f"insert into payment ({COLUMNS}, created_at, changed_at) values ({places})",  # noqa: S608
        [
            (*(getattr(one.record, name) for name in NAMES), one.asked_at, one.changed_at)
            for one in pasts
        ],
    )
    await tx.execute_many(
        "insert into made_up_payment (payment_id) values ($1)",
        [(one.record.payment_id,) for one in pasts],
    )
    await tx.execute_many(
        "insert into purchase (payment_id, bought) values ($1, $2::jsonb)",
        [(one.record.payment_id, msgspec.json.encode(one.bought).decode()) for one in pasts],
    )
    await tx.execute_many(
        """
        insert into refund (refund_id, payment_id, amount, state, reason, created_at, changed_at)
        values ($1, $2, $3, $4, $5, $6, $6)
        """,
        [
            (refund.refund_id, refund.payment_id, refund.amount, refund.state, refund.reason,
             one.changed_at)
            for one in pasts
            if (refund := one.refund) is not None
        ],
    )  # fmt: skip
    await _insert_calls(tx, pasts)
    await _insert_due(tx, pasts)


async def _insert_calls(tx: Transaction, pasts: Sequence[Past]) -> None:
    await tx.execute_many(
        """
        insert into provider_call
          (call_id, payment_id, kind, amount, refund_id, state, outcome, created_at, closed_at)
        values ($1, $2, $3, $4, $5, 'done', $6, $7, $7)
        """,
        [
            (made.call.call_id, one.record.payment_id, made.call.kind, made.call.amount,
             made.call.refund_id, made.answer.outcome, made.at)
            for one in pasts
            for made in one.answers
        ],
    )  # fmt: skip


async def _insert_due(tx: Transaction, pasts: Sequence[Past]) -> None:
    due = [(paper, one.record.organisation_id) for one in pasts for paper in one.papers]
    await tx.execute_many(
        """
        insert into receipt_due
          (receipt_id, payment_id, movement_id, organisation_id, kind, amount, moved_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        [
            (paper.receipt_id, paper.payment_id, paper.movement_id, organisation_id, paper.kind,
             paper.amount, paper.moved_at)
            for paper, organisation_id in sorted(due, key=lambda pair: pair[0].moved_at)
        ],
    )  # fmt: skip


POST = """
with fresh as (
  insert into ledger_transaction (kind, payment_id, call_id, at, legs, previous_hash, hash)
  select kind, payment_id, call_id, at, legs, previous_hash, hash
  from unnest($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::int[], $6::bytea[],
              $7::bytea[]) with ordinality
    as one (kind, payment_id, call_id, at, legs, previous_hash, hash, place)
  order by place
  returning transaction_id, hash)
select transaction_id, hash from fresh"""


async def post_past(tx: Transaction, lines: Sequence[Posted]) -> None:
    """Append to the ledger, in this order, under the lock that keeps the chain from forking."""
    await tx.fetch_value("select pg_advisory_xact_lock($1)", LEDGER_LOCK)
    # A statement of its own, after the lock: it sees what the one before us has committed.
    previous = await tx.fetch_value(
        "select hash from ledger_transaction order by transaction_id desc limit 1"
    )
    links: list[tuple[bytes | None, bytes]] = []
    for line in lines:
        links.append((previous, ledger.link(previous, line.posting, line.at)))
        previous = links[-1][1]
    rows = await tx.fetch(
        POST,
        [line.posting.kind for line in lines],
        [line.posting.payment_id for line in lines],
        [line.posting.call_id for line in lines],
        [line.at for line in lines],
        [len(line.posting.legs) for line in lines],
        [before for before, _ in links],
        [link for _, link in links],
    )
    numbers = {row["hash"]: row["transaction_id"] for row in rows}
    await tx.execute_many(
        """
        insert into ledger_entry (transaction_id, line, account, owner_id, amount, currency)
        values ($1, $2, $3, $4, $5, $6)
        """,
        [
            (numbers[link], number, leg.account, leg.owner_id, leg.amount, leg.currency)
            for line, (_, link) in zip(lines, links, strict=True)
            for number, leg in enumerate(line.posting.legs, start=1)
        ],
    )


class DueOfDeal(Struct, frozen=True, kw_only=True):
    """A paper to write, of which deal, and the papers that deal has already."""

    due: Due
    deal: Deal
    before: tuple[Receipt, ...]


TAKE_DUE = """
with taken as (
  delete from receipt_due d using made_up_payment m
  where d.organisation_id = $1 and m.payment_id = d.payment_id
  returning d.receipt_id, d.payment_id, d.movement_id, d.kind, d.amount, d.moved_at, d.place)
select t.*, p.reservation_id, p.organisation_id, p.payer_id, p.currency, b.bought,
  p.amount as price,
  array(select r.paper from receipt r where r.payment_id = t.payment_id order by r.sequence)
    as before
from taken t join payment p using (payment_id) join purchase b using (payment_id)
order by t.moved_at, t.place"""


async def take_made_up_due(tx: Transaction, organisation_id: OrganisationId) -> list[DueOfDeal]:
    """What is to be written of an organisation's made-up payments, as its money moved."""
    return [_due(row) for row in await tx.fetch(TAKE_DUE, organisation_id)]


def _due(row: Any) -> DueOfDeal:
    return DueOfDeal(
        due=Due(**{name: row[name] for name in Due.__struct_fields__}),
        deal=Deal(
            payment_id=row["payment_id"],
            reservation_id=row["reservation_id"],
            organisation_id=row["organisation_id"],
            payer_id=row["payer_id"],
            amount=row["price"],
            currency=row["currency"],
            bought=msgspec.json.decode(row["bought"], type=Bought),
        ),
        before=tuple(msgspec.json.decode(paper, type=Receipt) for paper in row["before"]),
    )


async def put_made_up_off(
    tx: Transaction, organisation_id: OrganisationId, wait: timedelta
) -> None:
    """The seller is not known: each payment asks for it again, as any other does."""
    await tx.execute(
        """
        update receipt_due set ask_again_at = now() + $2 from made_up_payment m
        where organisation_id = $1 and m.payment_id = receipt_due.payment_id
        """,
        organisation_id,
        wait,
    )


async def take_numbers(tx: Transaction, organisation_id: OrganisationId, count: int) -> int:
    """So many in a row, with the papers in one transaction; answers the first."""
    last = await tx.fetch_value(
        """
        insert into receipt_counter (organisation_id, last_number) values ($1, $2)
        on conflict (organisation_id)
        do update set last_number = receipt_counter.last_number + $2
        returning last_number
        """,
        organisation_id,
        count,
    )
    return int(last) - count + 1


async def insert_receipts(tx: Transaction, papers: Sequence[tuple[Receipt, UUID, int]]) -> None:
    """Each with the movement it is of, and its number."""
    await tx.execute_many(
        """
        insert into receipt
          (receipt_id, payment_id, movement_id, organisation_id, kind, sequence, total, paper,
           issued_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9)
        """,
        [
            (paper.receipt_id, paper.payment_id, movement_id, paper.organisation_id, paper.kind,
             sequence, paper.total.amount, msgspec.json.encode(paper).decode(), paper.issued_at)
            for paper, movement_id, sequence in papers
        ],
    )  # fmt: skip

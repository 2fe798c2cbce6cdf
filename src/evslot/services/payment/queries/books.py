"""Whether the books agree: the ledger, the payments, the papers and the provider's own list."""

from typing import Any, Protocol

from msgspec import Struct

from evslot.services.payment.domain import ledger
from evslot.spine.transaction import Row


class Reads(Protocol):
    """A database, or an open transaction."""

    async def fetch(self, sql: str, *arguments: Any) -> list[Row]: ...


class Discrepancy(Struct, frozen=True, kw_only=True):
    """Two books that do not agree, or one that does not add up."""

    what: str
    subject: str
    expected: int
    found: int


DIFFERENCES = """
with unbalanced as (
  select 'ledger does not sum to zero' as what, currency as subject,
         0::bigint as expected, sum(amount)::bigint as found
  from ledger_entry group by currency having sum(amount) <> 0),
booked as (
  select t.payment_id, sum(e.amount)::bigint as net
  from ledger_transaction t join ledger_entry e using (transaction_id)
  where e.account = 'provider_clearing' group by t.payment_id),
against_ledger as (
  select 'payment and ledger differ', p.payment_id::text,
         p.captured - p.refunded, coalesce(b.net, 0)
  from payment p left join booked b using (payment_id)
  where p.captured - p.refunded <> coalesce(b.net, 0)),
moved as (
  select a.merchant_id as payment_id,
         sum(case m.kind when 'captured' then m.amount else -m.amount end)::bigint as net
  from provider_log a join provider_log m using (reference)
  where a.merchant_id is not null and a.step = 0
    and a.kind in ('authorised', 'challenged') and m.kind in ('captured', 'refunded')
  group by a.merchant_id),
nets as (
  select payment_id, coalesce(b.net, 0) as ours, coalesce(m.net, 0) as theirs
  from booked b full join moved m using (payment_id)),
against_provider as (
  select 'ledger and provider differ', n.payment_id::text, n.ours, n.theirs
  from nets n
  where n.ours <> n.theirs
    and not exists (select from provider_call c
                    where c.payment_id = n.payment_id and c.state = 'open')),
papers as (
  select payment_id,
         sum(case kind when 'receipt' then total else -total end)::bigint as net
  from receipt group by payment_id),
against_papers as (
  select 'receipts and ledger differ', p.payment_id::text, coalesce(b.net, 0), p.net
  from papers p left join booked b using (payment_id)
  where p.net <> coalesce(b.net, 0)
    and exists (select from receipt r
                where r.payment_id = p.payment_id and r.kind = 'receipt')
    and not exists (select from receipt_due d where d.payment_id = p.payment_id)),
unknown as (
  select 'provider holds money for nobody', a.merchant_id::text, 0::bigint, a.amount
  from provider_log a
  where a.kind = 'authorised' and a.step = 0 and a.valid_until > now()
    and a.merchant_id is not null
    and not exists (select from payment p where p.payment_id = a.merchant_id)
    and not exists (select from provider_log m where m.reference = a.reference
                    and m.kind in ('captured', 'voided', 'declined'))),
gaps as (
  select 'receipt numbers have gaps', organisation_id::text, max(sequence), count(*)
  from receipt group by organisation_id having max(sequence) <> count(*))
select * from unbalanced union all select * from against_ledger
union all select * from against_provider union all select * from against_papers
union all select * from unknown union all select * from gaps limit 1000"""


async def discrepancies(reading: Reads) -> list[Discrepancy]:
    """Empty where ledger, payments, receipts and the provider's own list agree.

    Payments with a call under way are left out: the provider may be ahead of us by that call.
    """
    rows = await reading.fetch(DIFFERENCES)
    return [Discrepancy(**dict(row)) for row in rows]


async def broken_link(reading: Reads) -> int | None:
    """The first ledger transaction whose hash does not follow from what it says; None if sound.

    Reads the whole ledger, a thousand transactions at a time.
    """
    previous: bytes | None = None
    after = 0
    while True:
        rows = await reading.fetch(
            """
            select t.transaction_id, t.kind, t.payment_id, t.call_id, t.at, t.previous_hash, t.hash,
              array_agg(e.account order by e.line) as accounts,
              array_agg(e.owner_id order by e.line) as owners,
              array_agg(e.amount order by e.line) as amounts,
              array_agg(e.currency order by e.line) as currencies
            from ledger_transaction t join ledger_entry e using (transaction_id)
            where t.transaction_id > $1
            group by t.transaction_id order by t.transaction_id limit 1000
            """,
            after,
        )
        for row in rows:
            known = row["hash"]
            if row["previous_hash"] != previous or _link(dict(row), previous) != known:
                return int(row["transaction_id"])
            previous, after = known, row["transaction_id"]
        if not rows:
            return None


def _link(row: dict[str, Any], previous: bytes | None) -> bytes:
    columns = zip(row["accounts"], row["owners"], row["amounts"], row["currencies"], strict=True)
    legs = tuple(
        ledger.Leg(account=account, owner_id=owner, amount=amount, currency=currency)
        for account, owner, amount, currency in columns
    )
    posting = ledger.Posting(
        kind=row["kind"], payment_id=row["payment_id"], call_id=row["call_id"], legs=legs
    )
    return ledger.link(previous, posting, row["at"])

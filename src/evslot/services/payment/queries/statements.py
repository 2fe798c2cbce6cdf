"""Statements of an organisation: every sum is read off the ledger."""

from datetime import timedelta

from msgspec import Struct

from evslot.services.payment.messages import (
    GetStatement,
    ListStatementLines,
    PeriodInvalid,
    Statement,
    StatementForbidden,
    StatementLine,
    StatementLines,
    StatementNotFound,
    StatementSum,
)
from evslot.services.payment.queries.cursors import cursor_of, place_of
from evslot.spine.callers import Caller
from evslot.spine.handling import Queries
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reading, Row
from evslot.values import Money, OrganisationId, Period

queries = Queries()

LONGEST = timedelta(days=366)
PAGE_LIMIT = 500

# What the platform owes an operator is a credit: negative in the ledger, positive on a statement.
# A debit inside a capture is a fee (none is charged yet), a credit inside a refund gives it back.
SUMS = """
with moved as (
  select e.currency, t.at, t.kind, -e.amount as gained
  from ledger_entry e join ledger_transaction t using (transaction_id)
  where e.owner_id = $1 and e.account = 'operator_payable' and t.at < $3),
sums as (
  select currency,
    sum(gained) filter (where at < $2) as opening,
    sum(gained) filter (where at >= $2 and kind = 'capture' and gained > 0) as earned,
    -sum(gained) filter (where at >= $2 and kind = 'capture' and gained < 0) as charged,
    sum(gained) filter (where at >= $2 and kind = 'refund' and gained > 0) as fees_back,
    -sum(gained) filter (where at >= $2 and kind = 'refund' and gained < 0) as refunded,
    -sum(gained) filter (where at >= $2 and kind not in ('capture', 'refund')) as paid_out,
    sum(gained) as payable
  from moved group by currency)
select currency, coalesce(opening, 0)::bigint as opening, coalesce(earned, 0)::bigint as earned,
  (coalesce(charged, 0) - coalesce(fees_back, 0))::bigint as fees,
  coalesce(refunded, 0)::bigint as refunded, coalesce(paid_out, 0)::bigint as paid_out,
  payable::bigint as payable
from sums order by currency"""

LINES = """
select t.transaction_id as line_id, t.at, t.kind, t.payment_id, p.reservation_id,
  (select r.paper->>'number' from receipt r where r.movement_id = t.call_id) as receipt_number,
  -sum(e.amount)::bigint as amount, e.currency
from ledger_entry e join ledger_transaction t using (transaction_id)
  join payment p using (payment_id)
where e.owner_id = $1 and e.account = 'operator_payable' and t.at >= $2 and t.at < $3
  and t.transaction_id > $4
group by t.transaction_id, p.reservation_id, e.currency
order by t.transaction_id, e.currency limit $5"""


class Place(Struct, frozen=True):
    """Where a page ended."""

    line_id: int


@queries.on(GetStatement)
async def get_statement(query: GetStatement, reading: Reading) -> Statement:
    """Sums by currency; one in which nothing ever moved is left out."""
    _check_owner(reading.caller, query.organisation_id)
    _check_period(query.period)
    rows = await reading.fetch(SUMS, query.organisation_id, query.period.start, query.period.end)
    return Statement(
        organisation_id=query.organisation_id,
        period=query.period,
        sums=[StatementSum(**dict(row)) for row in rows],
    )


@queries.on(ListStatementLines)
async def list_statement_lines(query: ListStatementLines, reading: Reading) -> StatementLines:
    """The movements, oldest first."""
    _check_owner(reading.caller, query.organisation_id)
    _check_period(query.period)
    keys, scope = reading.resource(Keys), _scope(query)
    after = place_of(keys, scope, query.cursor, Place)
    limit = max(1, min(query.limit, PAGE_LIMIT))
    rows = await reading.fetch(
        LINES,
        query.organisation_id,
        query.period.start,
        query.period.end,
        after.line_id if after else 0,
        limit + 1,
    )
    lines = [_line(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return StatementLines(lines=lines)
    return StatementLines(lines=lines, next_cursor=cursor_of(keys, scope, Place(lines[-1].line_id)))


def _check_owner(caller: Caller, organisation_id: OrganisationId) -> None:
    """Role first, ownership after: a stranger's organisation is not there."""
    if caller.kind == "system":
        return
    caller.require_user()
    if caller.is_admin or caller.role_in(organisation_id) in ("owner", "manager"):
        return
    if not caller.is_operator or caller.role_in(organisation_id) is not None:
        raise StatementForbidden()
    raise StatementNotFound()


def _check_period(period: Period) -> None:
    if not timedelta() < period.length <= LONGEST:
        raise PeriodInvalid()


def _line(row: Row) -> StatementLine:
    return StatementLine(
        line_id=row["line_id"],
        at=row["at"],
        kind=row["kind"],
        payment_id=row["payment_id"],
        reservation_id=row["reservation_id"],
        receipt_number=row["receipt_number"],
        amount=Money(row["amount"], row["currency"]),
    )


def _scope(query: ListStatementLines) -> str:
    period = query.period
    return f"statement:{query.organisation_id}:{period.start.isoformat()}:{period.end.isoformat()}"

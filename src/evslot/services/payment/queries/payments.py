"""Questions about payments: one, and all of a payer."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from evslot.services.payment.domain.record import Record
from evslot.services.payment.messages import (
    GetPayment,
    ListPayments,
    Payment,
    PaymentNotFound,
    Payments,
)
from evslot.services.payment.queries.cursors import cursor_of, place_of
from evslot.services.payment.store.payments import COLUMNS
from evslot.spine.callers import Caller
from evslot.spine.handling import Queries
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reading
from evslot.values import OrganisationId, PaymentId, UserId

queries = Queries()

PAGE_LIMIT = 100


class Place(Struct, frozen=True):
    """Where a page ended."""

    created_at: datetime
    payment_id: UUID


@queries.on(GetPayment)
async def get_payment(query: GetPayment, reading: Reading) -> Payment:
    """For the payer, members of the operator's organisation, and services."""
    row = await reading.fetch_row(
        f"select {COLUMNS} from payment where payment_id = $1",  # noqa: S608
        query.payment_id,
    )
    record = None if row is None else Record(**dict(row))
    check_may_see(
        reading.caller,
        None if record is None else (record.payer_id, record.organisation_id),
    )
    if record is None:
        raise PaymentNotFound()
    return record.shown()


@queries.on(ListPayments)
async def list_payments(query: ListPayments, reading: Reading) -> Payments:
    """The caller's own payments, newest first."""
    if reading.caller.require_user() != query.payer_id:
        raise PaymentNotFound()
    keys = reading.resource(Keys)
    scope = _scope(query)
    after = place_of(keys, scope, query.cursor, Place)
    limit = max(1, min(query.limit, PAGE_LIMIT))
    rows = await reading.fetch(
        f"""
        select {COLUMNS}, created_at from payment
        where payer_id = $1 and ($2::text[] is null or state = any($2))
          and ($3::uuid is null or reservation_id = $3)
          and ($4::timestamptz is null or (created_at, payment_id) < ($4, $5))
        order by created_at desc, payment_id desc limit $6
        """,  # noqa: S608
        query.payer_id,
        query.states,
        query.reservation_id,
        after.created_at if after else None,
        after.payment_id if after else None,
        limit + 1,
    )
    found = [dict(row) for row in rows[:limit]]
    made = [row.pop("created_at") for row in found]
    payments = [Record(**row).shown() for row in found]
    if len(rows) <= limit:
        return Payments(payments=payments)
    last = Place(made[-1], payments[-1].payment_id)
    return Payments(payments=payments, next_cursor=cursor_of(keys, scope, last))


async def check_may_see_payment(payment_id: PaymentId, reading: Reading) -> None:
    """For the payer, members of the operator's organisation, and services; PaymentNotFound."""
    row = await reading.fetch_row(
        "select payer_id, organisation_id from payment where payment_id = $1", payment_id
    )
    owners = None if row is None else (row["payer_id"], row["organisation_id"])
    check_may_see(reading.caller, owners)


def check_may_see(caller: Caller, owners: tuple[UserId, OrganisationId] | None) -> None:
    """`owners`: payer and organisation; None where there is no such payment."""
    if caller.kind == "system" and owners is not None:
        return
    if caller.kind != "system":
        caller.require_user()
    if owners is None:
        raise PaymentNotFound()
    payer_id, organisation_id = owners
    if caller.user_id != payer_id and caller.role_in(organisation_id) is None:
        raise PaymentNotFound()


def _scope(query: ListPayments) -> str:
    states = ",".join(sorted(query.states)) if query.states is not None else "*"
    return f"payments:{query.payer_id}:{states}:{query.reservation_id}"

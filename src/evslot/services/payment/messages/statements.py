"""What an organisation has earned, read off the ledger."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from evslot.services.payment.messages.payments import Payment, PaymentState
from evslot.spine.message import Forbidden, Invalid, NotFound, Query
from evslot.values import Money, OrganisationId, PaymentId, Period, ReservationId, UserId


class StatementSum(Struct, frozen=True, kw_only=True):
    """One currency's sums in minor units: opening + earned - fees - refunded - paid_out = payable.

    `opening` is what was owed to the operator when the period began, `payable` when it ended.
    """

    currency: str
    opening: int
    earned: int
    fees: int
    refunded: int
    paid_out: int
    payable: int


class Statement(Struct, frozen=True, kw_only=True):
    """What the platform owes an organisation, over a period; one line a currency."""

    organisation_id: OrganisationId
    period: Period
    sums: list[StatementSum]


class StatementLine(Struct, frozen=True, kw_only=True):
    """One movement: `amount` is what the organisation gained (or, negative, gave back)."""

    line_id: int
    at: datetime
    kind: str
    payment_id: PaymentId
    reservation_id: ReservationId
    receipt_number: str | None
    amount: Money


class StatementLines(Struct, frozen=True, kw_only=True):
    """A page of movements, oldest first."""

    lines: list[StatementLine]
    next_cursor: str | None = None


class Payments(Struct, frozen=True, kw_only=True):
    """A page of payments, newest first."""

    payments: list[Payment]
    next_cursor: str | None = None


class GetStatement(Query[Statement], frozen=True, kw_only=True):
    """Sums of a period, for owners and managers of the organisation."""

    organisation_id: OrganisationId
    period: Period

    def key(self) -> str:
        return str(self.organisation_id)


class ListStatementLines(Query[StatementLines], frozen=True, kw_only=True):
    """The movements behind a statement, oldest first."""

    organisation_id: OrganisationId
    period: Period
    limit: int = 100
    cursor: str | None = None

    def key(self) -> str:
        return str(self.organisation_id)


class ListPayments(Query[Payments], frozen=True, kw_only=True):
    """The caller's own payments, newest first."""

    payer_id: UserId
    states: list[PaymentState] | None = None
    reservation_id: UUID | None = None
    limit: int = 20
    cursor: str | None = None

    def key(self) -> str:
        return str(self.payer_id)


class StatementForbidden(Forbidden):
    """Only owners and managers of an organisation read its statements."""


class StatementNotFound(NotFound):
    """There is no such organisation, or it is not yours."""


class PeriodInvalid(Invalid):
    """A statement covers a period of at most 366 days whose end is after its start."""


class CursorInvalid(Invalid):
    """This cursor does not belong to this list; start again without one."""

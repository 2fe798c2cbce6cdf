"""Double-entry postings of a payment, and the hash that chains them."""

import hashlib
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.values import OrganisationId, PaymentId, UserId

Account = Literal[
    "payer_receivable",  # what a payer owes for bookings; nil once the provider has taken it
    "provider_clearing",  # what the provider has taken and owes to us
    "operator_payable",  # what we owe to an operator
    "platform_revenue",  # what we keep; no fee is charged yet
]


class Leg(Struct, frozen=True, kw_only=True):
    """One line of a posting: debit is positive, credit negative; minor units."""

    account: Account
    owner_id: UUID | None
    """The payer or the operator; None for accounts of the platform."""
    amount: int
    currency: str


class Posting(Struct, frozen=True, kw_only=True):
    """One movement of money, once per provider call; its legs sum to zero per currency."""

    kind: Literal["capture", "refund"]
    payment_id: PaymentId
    call_id: UUID
    legs: tuple[Leg, ...]


def captured(
    payment_id: PaymentId,
    call_id: UUID,
    payer_id: UserId,
    organisation_id: OrganisationId,
    amount: int,
    currency: str,
) -> Posting:
    """The payer owes the operator's price, and the provider has taken it from the payer."""
    legs = _legs(payer_id, organisation_id, amount, currency)
    return Posting(kind="capture", payment_id=payment_id, call_id=call_id, legs=legs)


def refunded(
    payment_id: PaymentId,
    call_id: UUID,
    payer_id: UserId,
    organisation_id: OrganisationId,
    amount: int,
    currency: str,
) -> Posting:
    """A capture the other way round: the operator gives up the price, the provider pays it back."""
    legs = _legs(payer_id, organisation_id, -amount, currency)
    return Posting(kind="refund", payment_id=payment_id, call_id=call_id, legs=legs)


def balances(legs: tuple[Leg, ...]) -> dict[str, int]:
    """Sum of the legs per currency; all zero in a sound posting."""
    sums: dict[str, int] = {}
    for leg in legs:
        sums[leg.currency] = sums.get(leg.currency, 0) + leg.amount
    return sums


def link(previous: bytes | None, posting: Posting, at: datetime) -> bytes:
    """SHA-256 over the previous link and everything the posting says; 32 bytes.

    Whoever changes, drops or inserts a posting later has to change every link after it.
    """
    content = (
        (previous or b"").hex(),
        at.astimezone(UTC),
        posting.kind,
        posting.payment_id,
        posting.call_id,
        [(leg.account, leg.owner_id, leg.amount, leg.currency) for leg in posting.legs],
    )
    return hashlib.sha256(msgspec.json.encode(content)).digest()


def _legs(
    payer_id: UserId, organisation_id: OrganisationId, amount: int, currency: str
) -> tuple[Leg, ...]:
    def leg(account: Account, owner_id: UUID | None, signed: int) -> Leg:
        return Leg(account=account, owner_id=owner_id, amount=signed, currency=currency)

    return (
        leg("payer_receivable", payer_id, amount),
        leg("operator_payable", organisation_id, -amount),
        leg("provider_clearing", None, amount),
        leg("payer_receivable", payer_id, -amount),
    )

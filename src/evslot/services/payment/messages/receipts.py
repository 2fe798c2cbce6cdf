"""Receipts and credit notes: what was bought, who sold it, and the tax inside."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from evslot.spine.message import Event, NotFound, Query
from evslot.values import (
    Money,
    OrganisationId,
    PaymentId,
    Period,
    PriceLine,
    ReservationId,
    UserId,
)

PaperKind = Literal["receipt", "credit_note"]
Language = Literal["en", "de"]


class Bought(Struct, frozen=True, kw_only=True):
    """What a payment is for, as the receipt names it: no name of the buyer."""

    station_name: str
    charger_label: str
    zone: str
    """IANA zone of the station: the receipt shows its wall clock."""
    period: Period
    code: str
    """Of the booking."""
    lines: tuple[PriceLine, ...]
    """Add up to the price to the cent."""


class Seller(Struct, frozen=True, kw_only=True):
    """The operator's legal block as of the day the receipt was issued."""

    legal_name: str
    address: str
    country: str
    vat_id: str | None = None
    register: str | None = None
    contact_email: str | None = None
    phone: str | None = None


class ReceiptLine(Struct, frozen=True, kw_only=True):
    """One line; `amount` is gross, in minor units. Without a rate the tax is not known."""

    kind: str
    text: str
    amount: int
    vat_basis_points: int | None


class VatLine(Struct, frozen=True, kw_only=True):
    """The tax of one rate: net + vat = gross, minor units."""

    vat_basis_points: int
    net: int
    vat: int
    gross: int


class Receipt(Struct, frozen=True, kw_only=True):
    """A receipt or a credit note, frozen when it was issued; sums of a credit note are positive."""

    receipt_id: UUID
    kind: PaperKind
    number: str
    """Without gaps for one organisation, receipts and credit notes in one row."""
    payment_id: PaymentId
    reservation_id: ReservationId
    organisation_id: OrganisationId
    payer_id: UserId
    issued_at: datetime
    moved_at: datetime
    """When the money was taken or given back."""
    seller: Seller
    agent: str
    """Who issues it in the seller's name."""
    station_name: str | None
    charger_label: str | None
    zone: str
    period: Period | None
    code: str | None
    lines: tuple[ReceiptLine, ...]
    vat: tuple[VatLine, ...]
    total: Money
    refers_to: str | None = None
    """On a credit note: the number of the receipt it takes back."""


class ReceiptView(Struct, frozen=True, kw_only=True):
    """The receipt of a payment, and the credit notes that took some of it back."""

    receipt: Receipt
    credit_notes: tuple[Receipt, ...] = ()


class ReceiptPart(Struct, frozen=True, kw_only=True):
    """A piece of a PDF, at most 128 KiB; pieces 0 to `parts` - 1 make the whole."""

    receipt_id: UUID
    number: str
    part: int
    parts: int
    content: bytes


class GetReceipt(Query[ReceiptView], frozen=True, kw_only=True):
    """The receipt of a payment with its credit notes, for payer, operator and services."""

    payment_id: PaymentId

    def key(self) -> str:
        return str(self.payment_id)


class GetReceiptPdf(Query[ReceiptPart], frozen=True, kw_only=True):
    """A receipt as PDF, piece by piece; the same bytes every time."""

    payment_id: PaymentId
    receipt_id: UUID | None = None
    """A credit note; None = the receipt itself."""
    language: Language = "en"
    part: int = 0

    def key(self) -> str:
        return str(self.payment_id)


class ReceiptIssued(Event, frozen=True, kw_only=True):
    """There is a receipt (money was taken) or a credit note (money was given back)."""

    receipt_id: UUID
    kind: PaperKind
    number: str
    payment_id: PaymentId
    reservation_id: ReservationId
    organisation_id: OrganisationId
    payer_id: UserId
    total: Money
    issued_at: datetime
    version: int = 1

    def key(self) -> str:
        return str(self.payment_id)


class ReceiptNotFound(NotFound):
    """There is no such receipt yet: it comes soon after the money was taken."""

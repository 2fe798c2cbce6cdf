"""What a receipt or credit note says: lines and tax that explain a movement of money to the cent.

Tax is inside the gross prices: `vat = gross * rate / (1 + rate)`, rounded half-up once a rate. A
part of a price is split over its rates in proportion, by largest remainder. A credit note takes
back from what is left: after the last cent went back, each rate's gross and tax are nil.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from msgspec import Struct

from evslot.services.payment.domain.record import Decision, Record, undoing_refund_id
from evslot.services.payment.messages import (
    Bought,
    PaperKind,
    Receipt,
    ReceiptLine,
    Seller,
    VatLine,
)
from evslot.values import Money, OrganisationId, PaymentId, ReservationId, UserId

Rate = int | None
"""VAT in basis points; None = not known (payments made before what was bought was kept)."""
Split = dict[Rate, int]
"""Gross minor units by rate."""

FULL_RATE = 10_000
UNKNOWN_LINE = "Booking"
PART_LINE = "Part of the price kept"
RETURN_LINE = "Given back"


class Due(Struct, frozen=True, kw_only=True):
    """Money moved, and its paper is still to be written."""

    receipt_id: UUID
    payment_id: PaymentId
    movement_id: UUID
    """The provider call that moved the money."""
    kind: PaperKind
    amount: int
    moved_at: datetime


class Deal(Struct, frozen=True, kw_only=True):
    """Who bought what of whom: the same on every paper of a payment."""

    payment_id: PaymentId
    reservation_id: ReservationId
    organisation_id: OrganisationId
    payer_id: UserId
    amount: int
    """The whole price, of which a receipt may show a part."""
    currency: str
    bought: Bought | None


def due_papers(decision: Decision, now: datetime) -> list[Due]:
    """The papers that a decision makes due: one for each movement of a deal that stands.

    A payment that nobody wants any more when its money turns up is given back whole without any.
    Should the provider refuse that, the money stays, and so there is a receipt after all.
    """
    record, refund = decision.record, decision.refund
    undoing = refund is not None and refund.refund_id == undoing_refund_id(record.payment_id)
    if record.state == "declined":
        return []
    if undoing:
        stays = refund is not None and refund.state == "refused"
        return [_due(record, "receipt", record.captured, now, record.payment_id)] if stays else []
    return [
        _due(
            record,
            "receipt" if posting.kind == "capture" else "credit_note",
            abs(posting.legs[0].amount),
            now,
            posting.call_id,
        )
        for posting in decision.postings
    ]


def number_of(sequence: int) -> str:
    """`EV-000012`: the organisation's own row of numbers, kept here apart from its other books."""
    return f"EV-{sequence:06d}"


def receipt_lines(deal: Deal, taken: int) -> tuple[ReceiptLine, ...]:
    """The lines of the price where all of it was taken, else a fee line for each rate."""
    if deal.bought is not None and taken == sum(line.amount for line in deal.bought.lines):
        return tuple(
            _line(line.kind, line.text, line.amount, line.vat_basis_points)
            for line in deal.bought.lines
        )
    text = UNKNOWN_LINE if taken == deal.amount else PART_LINE
    return _lines_of(split(taken, _price_by_rate(deal)), text)


def credit_lines(left: Split, given_back: int) -> tuple[ReceiptLine, ...]:
    """What goes back, by rate; `left` is what the receipt and earlier credit notes leave."""
    return _lines_of(split(given_back, left), RETURN_LINE)


def left_of(receipt: Receipt, credit_notes: Sequence[Receipt]) -> Split:
    """Gross by rate that has not gone back yet."""
    left = gross_by_rate(receipt.lines)
    for note in credit_notes:
        for rate, amount in gross_by_rate(note.lines).items():
            left[rate] = left.get(rate, 0) - amount
    return left


def gross_by_rate(lines: Sequence[ReceiptLine]) -> Split:
    """Sums of the lines."""
    sums: Split = {}
    for line in lines:
        sums[line.vat_basis_points] = sums.get(line.vat_basis_points, 0) + line.amount
    return sums


def vat_of(gross: int, basis_points: int) -> int:
    """The tax inside a gross sum, rounded half-up; both in minor units."""
    inside = FULL_RATE + basis_points
    return (2 * gross * basis_points + inside) // (2 * inside)


def vat_lines(sums: Split) -> tuple[VatLine, ...]:
    """The tax of each known rate, highest rate first."""
    return tuple(
        _vat_line(rate, gross, vat_of(gross, rate))
        for rate, gross in sorted(_known(sums), reverse=True)
    )


def credit_vat_lines(left: Split, given_back: Split) -> tuple[VatLine, ...]:
    """The tax that goes back: the tax of what was left minus the tax of what is left now."""
    return tuple(
        _vat_line(rate, gross, vat_of(left[rate], rate) - vat_of(left[rate] - gross, rate))
        for rate, gross in sorted(_known(given_back), reverse=True)
    )


def split(amount: int, weights: Mapping[Rate, int]) -> Split:
    """`amount` in proportion to the weights, by largest remainder; the parts add up to it."""
    whole = sum(weights.values())
    if whole <= 0:
        raise ValueError("nothing to split a sum by")
    parts = {rate: amount * weight // whole for rate, weight in weights.items()}
    remainders = sorted(
        weights,
        key=lambda rate: (-(amount * weights[rate] % whole), -1 if rate is None else rate),
    )
    for rate in remainders[: amount - sum(parts.values())]:
        parts[rate] += 1
    return {rate: part for rate, part in parts.items() if part}


def receipt(due: Due, deal: Deal, sequence: int, now: datetime, parties: "Parties") -> Receipt:
    """The paper of money that was taken."""
    lines = receipt_lines(deal, due.amount)
    return _paper(due, deal, sequence, now, parties, lines, vat_lines(gross_by_rate(lines)))


def credit_note(
    due: Due,
    deal: Deal,
    sequence: int,
    now: datetime,
    parties: "Parties",
    before: Sequence[Receipt],
) -> Receipt:
    """The paper of money that went back; `before` is the receipt and its credit notes so far.

    Money that was taken before there were receipts has none to refer to.
    """
    taken = next((paper for paper in before if paper.kind == "receipt"), None)
    if taken is None:
        left = _price_by_rate(deal)
    else:
        left = left_of(taken, [paper for paper in before if paper.kind == "credit_note"])
    lines = credit_lines(left, due.amount)
    vat = credit_vat_lines(left, gross_by_rate(lines))
    refers_to = taken.number if taken else None
    return _paper(due, deal, sequence, now, parties, lines, vat, refers_to=refers_to)


class Parties(Struct, frozen=True, kw_only=True):
    """The seller, as of now, and who issues the paper in the seller's name."""

    seller: Seller
    agent: str


def _due(record: Record, kind: PaperKind, amount: int, now: datetime, movement: UUID) -> Due:
    """Named after the call that moved the money, so that it has one paper."""
    return Due(
        receipt_id=uuid5(movement, "paper"),
        payment_id=record.payment_id,
        movement_id=movement,
        kind=kind,
        amount=amount,
        moved_at=now,
    )


def _paper(
    due: Due,
    deal: Deal,
    sequence: int,
    now: datetime,
    parties: Parties,
    lines: tuple[ReceiptLine, ...],
    vat: tuple[VatLine, ...],
    **more: Any,
) -> Receipt:
    bought = deal.bought
    return Receipt(
        receipt_id=due.receipt_id,
        kind=due.kind,
        number=number_of(sequence),
        payment_id=deal.payment_id,
        reservation_id=deal.reservation_id,
        organisation_id=deal.organisation_id,
        payer_id=deal.payer_id,
        issued_at=now,
        moved_at=due.moved_at,
        seller=parties.seller,
        agent=parties.agent,
        station_name=bought.station_name if bought else None,
        charger_label=bought.charger_label if bought else None,
        zone=bought.zone if bought else "UTC",
        period=bought.period if bought else None,
        code=bought.code if bought else None,
        lines=lines,
        vat=vat,
        total=Money(due.amount, deal.currency),
        **more,
    )


def _price_by_rate(deal: Deal) -> Split:
    if deal.bought is None or not deal.bought.lines:
        return {None: deal.amount}
    sums: Split = {}
    for line in deal.bought.lines:
        sums[line.vat_basis_points] = sums.get(line.vat_basis_points, 0) + line.amount
    return sums


def _lines_of(sums: Split, text: str) -> tuple[ReceiptLine, ...]:
    return tuple(_line("FEE", text, amount, rate) for rate, amount in sums.items())


def _line(kind: str, text: str, amount: int, rate: Rate) -> ReceiptLine:
    return ReceiptLine(kind=kind, text=text, amount=amount, vat_basis_points=rate)


def _vat_line(rate: int, gross: int, vat: int) -> VatLine:
    return VatLine(vat_basis_points=rate, net=gross - vat, vat=vat, gross=gross)


def _known(sums: Split) -> list[tuple[int, int]]:
    return [(rate, gross) for rate, gross in sums.items() if rate is not None and gross]

"""Lines and tax of receipts and credit notes explain every movement of money to the cent."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from evslot.services.payment.domain import receipts
from evslot.services.payment.domain.receipts import Deal, Due, Parties
from evslot.services.payment.messages import Bought, Receipt, Seller
from evslot.values import (
    OrganisationId,
    PaymentId,
    Period,
    PriceLine,
    ReservationId,
    UserId,
)

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
PARTIES = Parties(
    seller=Seller(legal_name="Spree Charging GmbH", address="Uferstraße 1", country="DE"),
    agent="evslot",
)
RATES = st.sampled_from([0, 500, 700, 1400, 1800, 1900, 2550])
LINES = st.lists(
    st.builds(
        PriceLine,
        kind=st.sampled_from(["FLAT", "TIME"]),
        text=st.just("Booking fee"),
        amount=st.integers(1, 100_000),
        vat_basis_points=RATES,
    ),
    min_size=1,
    max_size=6,
).map(tuple)


def deal_of(lines: tuple[PriceLine, ...] | None, amount: int = 0) -> Deal:
    bought = None
    if lines is not None:
        bought = Bought(
            station_name="Uferstraße",
            charger_label="A1",
            zone="Europe/Berlin",
            period=Period(NOW, NOW + timedelta(hours=1)),
            code="K7M2PX",
            lines=lines,
        )
    return Deal(
        payment_id=PaymentId(uuid4()),
        reservation_id=ReservationId(uuid4()),
        organisation_id=OrganisationId(uuid4()),
        payer_id=UserId(uuid4()),
        amount=amount or sum(line.amount for line in lines or ()),
        currency="EUR",
        bought=bought,
    )


def due_of(deal: Deal, amount: int, kind: str = "receipt") -> Due:
    return Due(
        receipt_id=uuid4(),
        payment_id=deal.payment_id,
        movement_id=uuid4(),
        kind=kind,  # type: ignore[arg-type]
        amount=amount,
        moved_at=NOW,
    )


def check_sums(paper: Receipt) -> None:
    assert sum(line.amount for line in paper.lines) == paper.total.amount
    assert all(line.amount > 0 for line in paper.lines)
    known = [line for line in paper.lines if line.vat_basis_points is not None]
    assert sum(vat.gross for vat in paper.vat) == sum(line.amount for line in known)
    for vat in paper.vat:
        assert vat.net + vat.vat == vat.gross
        assert 0 <= vat.vat <= vat.gross
    rates = [vat.vat_basis_points for vat in paper.vat]
    assert rates == sorted(set(rates), reverse=True), "each rate once"


@given(lines=LINES, data=st.data())
def test_a_receipt_shows_what_was_taken_and_its_tax_line_by_line(
    lines: tuple[PriceLine, ...], data: st.DataObject
) -> None:
    deal = deal_of(lines)
    taken = data.draw(st.integers(1, deal.amount) | st.just(deal.amount))
    paper = receipts.receipt(due_of(deal, taken), deal, 12, NOW, PARTIES)
    check_sums(paper)
    assert (paper.number, paper.total.amount) == ("EV-000012", taken)
    if taken == deal.amount:
        assert [line.amount for line in paper.lines] == [line.amount for line in lines]
    for vat in paper.vat:
        exact = vat.gross * vat.vat_basis_points / (10_000 + vat.vat_basis_points)
        assert abs(vat.vat - exact) <= 0.5


@given(lines=LINES, data=st.data())
def test_credit_notes_take_back_what_the_receipt_says_and_no_cent_of_tax_more(
    lines: tuple[PriceLine, ...], data: st.DataObject
) -> None:
    deal = deal_of(lines)
    taken = data.draw(st.integers(1, deal.amount))
    papers = [receipts.receipt(due_of(deal, taken), deal, 1, NOW, PARTIES)]
    left = taken
    while left:
        back = data.draw(st.integers(1, left)) if len(papers) < 5 else left
        due = due_of(deal, back, "credit_note")
        papers.append(receipts.credit_note(due, deal, len(papers) + 1, NOW, PARTIES, papers))
        check_sums(papers[-1])
        assert papers[-1].refers_to == papers[0].number
        left -= back
    first, notes = papers[0], papers[1:]
    for vat in first.vat:
        given_back = [
            line
            for note in notes
            for line in note.vat
            if line.vat_basis_points == vat.vat_basis_points
        ]
        assert sum(line.gross for line in given_back) == vat.gross
        assert sum(line.vat for line in given_back) == vat.vat


@given(
    amount=st.integers(0, 10_000),
    weights=st.dictionaries(RATES, st.integers(1, 10_000), min_size=1),
)
def test_a_split_adds_up_and_no_part_is_off_by_a_cent(
    amount: int, weights: dict[int | None, int]
) -> None:
    parts = receipts.split(amount, weights)
    assert sum(parts.values()) == amount
    whole = sum(weights.values())
    for rate, weight in weights.items():
        assert abs(parts.get(rate, 0) - amount * weight / whole) < 1


def test_a_payment_of_before_has_a_paper_that_states_no_tax() -> None:
    deal = deal_of(None, 640)
    paper = receipts.receipt(due_of(deal, 640), deal, 1, NOW, PARTIES)
    assert [(line.text, line.vat_basis_points) for line in paper.lines] == [("Booking", None)]
    assert paper.vat == ()
    note = receipts.credit_note(due_of(deal, 40, "credit_note"), deal, 2, NOW, PARTIES, [])
    assert (note.refers_to, note.total.amount, note.vat) == (None, 40, ())

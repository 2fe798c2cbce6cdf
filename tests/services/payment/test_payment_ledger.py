"""Postings balance, and the chain shows whatever was changed later."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from evslot.services.payment.domain import ledger
from evslot.values import OrganisationId, PaymentId, UserId

AT = datetime(2030, 5, 1, 12, tzinfo=UTC)


def posting(amount: int = 640) -> ledger.Posting:
    return ledger.captured(
        PaymentId(uuid4()), uuid4(), UserId(uuid4()), OrganisationId(uuid4()), amount, "EUR"
    )


@given(amount=st.integers(1, 10**11))
def test_every_posting_sums_to_zero_per_currency(amount: int) -> None:
    taken = posting(amount)
    given_back = ledger.refunded(
        taken.payment_id, uuid4(), UserId(uuid4()), OrganisationId(uuid4()), amount, "EUR"
    )
    assert ledger.balances(taken.legs) == {"EUR": 0}
    assert ledger.balances(given_back.legs) == {"EUR": 0}


def test_a_capture_owes_the_operator_what_the_provider_has_taken() -> None:
    sums: dict[str, int] = {}
    for leg in posting(640).legs:
        sums[leg.account] = sums.get(leg.account, 0) + leg.amount
    assert sums == {"payer_receivable": 0, "provider_clearing": 640, "operator_payable": -640}


def test_a_link_changes_with_every_part_of_the_posting_and_with_what_was_before() -> None:
    first = posting()
    other_leg = msgspec.structs.replace(first.legs[0], amount=641)
    variants = [
        ledger.link(None, first, AT),
        ledger.link(b"x" * 32, first, AT),
        ledger.link(None, first, AT + timedelta(microseconds=1)),
        ledger.link(None, msgspec.structs.replace(first, kind="refund"), AT),
        ledger.link(None, msgspec.structs.replace(first, call_id=uuid4()), AT),
        ledger.link(None, msgspec.structs.replace(first, legs=(other_leg, *first.legs[1:])), AT),
    ]
    assert len(set(variants)) == len(variants)
    assert all(len(link) == 32 for link in variants)
    assert ledger.link(None, first, AT) == variants[0]

"""A price never changes between the quote and the receipt, to the cent and with its tax."""

import random
from datetime import UTC, datetime, timedelta

from tests.services.payment.test_payment_receipt_rules import (
    NOW,
    PARTIES,
    check_sums,
    deal_of,
    due_of,
)

from evslot.services.payment.domain import receipts
from evslot.services.station.domain.prices import price, price_lines
from evslot.services.station.messages import Tariff, TariffElement
from evslot.values import Period

ZONES = ["Europe/Berlin", "Europe/Helsinki", "Asia/Kolkata", "America/New_York"]
START = datetime(2030, 1, 1, tzinfo=UTC)


def random_tariff(dice: random.Random) -> Tariff:
    night = TariffElement(start=22 * 60, end=6 * 60, per_hour=dice.randrange(1, 500))
    weekend = TariffElement(weekdays=(6, 7), flat=dice.randrange(1, 300))
    return Tariff(
        currency=dice.choice(["EUR", "USD", "INR", "JPY"]),
        flat=dice.randrange(0, 400),
        per_hour=dice.randrange(1, 1999),
        vat_basis_points=dice.choice([0, 700, 1400, 1800, 1900, 2550]),
        elements=dice.choice([(), (night,), (night, weekend)]),
        version=1,
    )


def test_quoted_is_charged_is_on_the_receipt_for_500_random_slots() -> None:
    dice = random.Random(20_301_105)
    for _ in range(500):
        tariff, zone = random_tariff(dice), dice.choice(ZONES)
        start = START + timedelta(minutes=5 * dice.randrange(0, 105_000))
        period = Period(start, start + timedelta(minutes=5 * dice.randrange(1, 97)))
        lines = price_lines(tariff, period, zone)
        quoted = price(tariff, period, zone)
        deal = deal_of(lines)
        paper = receipts.receipt(due_of(deal, quoted.amount), deal, 1, NOW, PARTIES)
        check_sums(paper)
        assert paper.total.amount == quoted.amount == sum(line.amount for line in lines)
        assert [line.amount for line in paper.lines] == [line.amount for line in lines]
        assert [line.text for line in paper.lines] == [line.text for line in lines]

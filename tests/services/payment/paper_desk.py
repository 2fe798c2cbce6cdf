"""What a receipt needs in a test: something bought, and a user service that knows the seller."""

import asyncio
from datetime import UTC, datetime, timedelta

from tests.harness import Sent
from tests.services.payment.payment_desk import Desk

from evslot.services.payment.messages import Bought
from evslot.services.user.messages import GetOrganisation, OrganisationView
from evslot.spine.message import Refusal
from evslot.values import Money, Period, PriceLine

START = datetime(2030, 10, 27, 0, 30, tzinfo=UTC)
"""02:30 in Berlin, an hour before that hour comes a second time."""


def bought_for(*lines: PriceLine) -> Bought:
    return Bought(
        station_name="Uferstraße",
        charger_label="A1",
        zone="Europe/Berlin",
        period=Period(START, START + timedelta(hours=1)),
        code="K7M2PX",
        lines=lines or two_rates(100, 540),
    )


def two_rates(flat: int, time: int) -> tuple[PriceLine, ...]:
    """The booking fee at the full rate, the time at a reduced one."""
    return (
        PriceLine(kind="FLAT", text="Booking fee", amount=flat, vat_basis_points=1900),
        PriceLine(kind="TIME", text="60 minutes", amount=time, vat_basis_points=700),
    )


def total(lines: tuple[PriceLine, ...]) -> Money:
    return Money(sum(line.amount for line in lines), "EUR")


async def tell_sellers(desk: Desk, outcome: Refusal | None = None, *, at_once: bool = False) -> int:
    """The user service answers all that was asked of it since; how often that was."""
    await desk.h.run_jobs()
    asked = [sent for sent in desk.h.sent if isinstance(sent.command, GetOrganisation)]
    desk.h.sent.clear()
    telling = [desk.h.answer_asked(sent, outcome or _seller(sent)) for sent in asked]
    if at_once:
        await asyncio.gather(*telling)
        return len(asked)
    for one in telling:
        await one
    return len(asked)


def _seller(sent: Sent) -> OrganisationView:
    """With a name that would be markup, were it read as such."""
    assert isinstance(sent.command, GetOrganisation)
    return OrganisationView(
        organisation_id=sent.command.organisation_id,
        legal_name='Spree #Charging "GmbH" *&* Co. KG',
        address="Uferstraße 1\n10115 Berlin",
        country="DE",
        vat_id="DE999999999",
        register="HRB 12345 B, Amtsgericht Charlottenburg",
        contact_email="contact@charging.example",
        phone="+49301234567",
        approved=True,
    )

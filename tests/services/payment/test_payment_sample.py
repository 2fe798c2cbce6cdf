"""Made-up payments: refused wherever they could do harm, written once, paid on like any other."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.harness import Harness, driver
from tests.services.payment.paper_desk import bought_for, tell_sellers
from tests.services.payment.payment_desk import eur, open_desk

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment.messages import (
    CapturePayment,
    EnsureSamplePayments,
    PaymentNotFound,
    SampleMove,
    SamplePayment,
)
from evslot.services.payment.queries import broken_link, discrepancies
from evslot.services.payment.service import SERVICE
from evslot.services.user import messages as user
from evslot.spine.callers import SYSTEM
from evslot.values import OrganisationId, PaymentId, ReservationId, UserId

pytestmark = pytest.mark.anyio

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


def made_up(*moves: SampleMove, prepaid: bool = False) -> SamplePayment:
    return SamplePayment(
        payment_id=PaymentId(uuid4()),
        reservation_id=ReservationId(uuid4()),
        organisation_id=OrganisationId(uuid4()),
        payer_id=UserId(uuid4()),
        amount=eur(640),
        prepaid=prepaid,
        asked_at=YESTERDAY,
        moves=moves,
        bought=bought_for(),
    )


async def test_what_is_promised_is_captured_later_like_anybodys(
    postgres_server: PostgresServer,
) -> None:
    one = made_up()
    async with open_desk(postgres_server) as desk:
        command = EnsureSamplePayments(payments=(one,))
        assert (await desk.h.send(command, caller=SYSTEM)).written == 1
        assert (await desk.h.send(command, caller=SYSTEM)).written == 0
        taken = await desk.do(CapturePayment(payment_id=one.payment_id, amount=eur(640)))
        assert taken.state == "captured"
        await tell_sellers(desk)
        assert desk.told() == ["PaymentCaptured", "ReceiptIssued"]
        assert await discrepancies(desk.h.database) == []
        assert await broken_link(desk.h.database) is None


async def test_papers_wait_for_a_seller_that_is_not_known_yet(
    postgres_server: PostgresServer,
) -> None:
    back = SampleMove(kind="refund", amount=340, at=YESTERDAY + timedelta(hours=1))
    async with open_desk(postgres_server) as desk:
        command = EnsureSamplePayments(payments=(made_up(back, prepaid=True),))
        await desk.h.send(command, caller=SYSTEM)
        await tell_sellers(desk, user.OrganisationNotFound())
        assert await desk.h.fetch_value("select count(*) from receipt") == 0
        await desk.h.execute("update receipt_due set ask_again_at = now()")
        await desk.h.run_periodic()
        await tell_sellers(desk)
        papers = await desk.h.fetch("select kind, total, sequence from receipt order by sequence")
        found = [(row["kind"], row["total"], row["sequence"]) for row in papers]
        assert found == [("receipt", 640, 1), ("credit_note", 340, 2)]
        assert await discrepancies(desk.h.database) == []


async def test_only_the_system_makes_payments_up_and_only_in_development(
    postgres_server: PostgresServer,
) -> None:
    command = EnsureSamplePayments(payments=(made_up(),))
    async with open_desk(postgres_server) as desk:
        answer = await desk.h.submit(command, caller=driver())
        assert answer is not None
        assert answer.status == 403
        taking = CapturePayment(payment_id=command.payments[0].payment_id, amount=eur(640))
        refused = await desk.h.submit(taking, caller=SYSTEM)
        assert refused is not None
        assert refused.code == PaymentNotFound().code
    async with Harness(SERVICE, postgres_server, {"EVSLOT_ENVIRONMENT": "production"}) as h:
        answer = await h.submit(command, caller=SYSTEM)
        assert answer is not None
        assert answer.code == "sample_accounts_off"
        assert await h.fetch("select from payment") == []

"""The mail after a visit carries the receipt, whichever comes first; it never waits for ever."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace
from tests.harness import Harness, Sent
from tests.services.notification.made_up import MailServer, booking, refunded, text_of
from tests.services.notification.post_office import (
    DRIVER,
    answer_contacts,
    completed,
    confirmed,
    contact,
    in_app,
    states,
    told,
    unused,
)
from tests.services.notification.post_office import h as h
from tests.services.notification.post_office import mail as mail

from evslot.services.payment import messages as payment
from evslot.services.reservation import messages as reservation
from evslot.spine.message import Event
from evslot.values import Money, PaymentId

pytestmark = pytest.mark.anyio
PDF = [b"%PDF-1.7 first" + bytes(range(256)), b"second piece", b"third %%EOF"]


def issued(
    of: reservation.Reservation, kind: payment.PaperKind = "receipt"
) -> payment.ReceiptIssued:
    """What the payment service tells when there is a paper."""
    assert of.payment_id is not None
    return payment.ReceiptIssued(
        receipt_id=uuid4(),
        kind=kind,
        number="2026-000017",
        payment_id=of.payment_id,
        reservation_id=of.reservation_id,
        organisation_id=of.organisation_id,
        payer_id=of.driver_id,
        total=of.total,
        issued_at=of.changed_at,
    )


async def visited(h: Harness) -> reservation.Reservation:
    """A booking that was confirmed and mailed."""
    event = confirmed()
    await told(h, event)
    return event.reservation


def asked_papers(h: Harness) -> list[Sent]:
    return [sent for sent in h.sent if isinstance(sent.command, payment.GetReceiptPdf)]


async def answer_papers(h: Harness, pieces: Sequence[bytes] = PDF) -> None:
    """The payment service answers piece after piece, until nothing more is asked."""
    done: set[UUID] = set()
    while fresh := [sent for sent in asked_papers(h) if sent.command_id not in done]:
        for sent in fresh:
            done.add(sent.command_id)
            part = sent.command.part  # type: ignore[attr-defined]
            piece = payment.ReceiptPart(
                receipt_id=uuid4(),
                number="2026-000017",
                part=part,
                parts=len(pieces),
                content=pieces[part],
            )
            await h.answer_asked(sent, piece)


async def last_mail(
    h: Harness, mail: MailServer, title: str = "Thank you"
) -> tuple[str, list[bytes]]:
    """Text and PDFs of the mail after the end."""
    await answer_contacts(h)
    await h.run_jobs()
    (message,) = [one for one in mail.taken if title in str(one["Subject"])]
    files = list(message.iter_attachments())
    assert [file.get_content_type() for file in files] in ([], ["application/pdf"])
    assert [file.get_filename() for file in files] in ([], ["evslot-K7Q2XP.pdf"])
    return text_of(message), [file.get_payload(decode=True) for file in files]  # type: ignore[misc]


@pytest.mark.parametrize("first", ["receipt", "completed"])
async def test_the_receipt_goes_with_the_mail_whichever_comes_first(
    h: Harness, mail: MailServer, first: str
) -> None:
    booking = await visited(h)
    events = [issued(booking), completed(booking)]
    for event in events if first == "receipt" else reversed(events):
        await h.hear(event)
    await answer_papers(h)
    text, files = await last_mail(h, mail)
    assert "The receipt is attached." in text
    assert files == [b"".join(PDF)]
    assert [sent.command.part for sent in asked_papers(h)] == [0, 1, 2]  # type: ignore[attr-defined]
    assert await h.fetch("select from receipt_part") == []
    await h.hear(*events)
    await h.run_periodic()
    assert len(asked_papers(h)) == 3, "repeats ask nothing more"


async def test_in_the_list_it_stands_at_once(h: Harness) -> None:
    booking = await visited(h)
    await h.hear(completed(booking))
    newest, *_ = (await in_app(h)).notifications
    assert newest.kind == "reservation_completed"
    assert (await states(h))[-1] == ("waiting", None)


async def test_without_a_receipt_the_mail_waits_asks_once_and_goes_without(
    h: Harness, mail: MailServer
) -> None:
    booking = await visited(h)
    await h.hear(completed(booking))
    await h.run_periodic()
    assert asked_papers(h) == [], "not before its time is over"
    await h.execute("update delivery set due_at = now() where state = 'waiting'")
    await h.run_periodic()
    (asked,) = asked_papers(h)
    await h.answer_asked(asked, payment.ReceiptNotFound())
    text, files = await last_mail(h, mail)
    assert files == []
    assert "as soon as it is issued" in text


async def test_a_payment_service_that_is_silent_holds_no_mail_back(
    h: Harness, mail: MailServer
) -> None:
    booking = await visited(h)
    await h.hear(issued(booking), completed(booking))
    assert len(asked_papers(h)) == 1
    for _ in range(2):
        await h.execute("update delivery set due_at = now() where state = 'waiting'")
        await h.run_periodic()
    assert (await last_mail(h, mail))[1] == []
    await answer_papers(h)  # at last
    await answer_contacts(h)
    await h.run_jobs()
    assert len([one for one in mail.taken if "Thank you" in str(one["Subject"])]) == 1


async def test_a_paper_of_absurd_size_is_left_out(h: Harness, mail: MailServer) -> None:
    booking = await visited(h)
    await h.hear(issued(booking), completed(booking))
    await answer_papers(h, [b"piece"] * 50)
    assert (await last_mail(h, mail))[1] == []


async def test_what_cost_nothing_has_no_receipt_to_wait_for(h: Harness, mail: MailServer) -> None:
    event = confirmed(total=Money(0, "EUR"), lines=(), payment_id=None)
    await told(h, event)
    await h.hear(completed(event.reservation))
    text, files = await last_mail(h, mail)
    assert (files, asked_papers(h)) == ([], [])
    assert "receipt" not in text


async def test_what_is_kept_of_a_booking_nobody_came_to_has_a_receipt(
    h: Harness, mail: MailServer
) -> None:
    booking = await visited(h)
    await h.hear(issued(booking), unused(booking, fee=320))
    await answer_papers(h)
    text, files = await last_mail(h, mail, "Nobody checked in")
    assert "€3.20 is kept. The rest, €3.20, is released or given back" in text
    assert files == [b"".join(PDF)]


async def test_where_nothing_is_kept_no_receipt_is_waited_for(h: Harness, mail: MailServer) -> None:
    await h.hear(unused(await visited(h), fee=0))
    text, files = await last_mail(h, mail, "Nobody checked in")
    assert (files, asked_papers(h)) == ([], [])
    assert "nothing is kept. €6.40 is released or given back" in text
    assert "receipt" not in text


async def test_what_a_bank_did_not_pay_after_the_end_brings_no_receipt_to_wait_for(
    h: Harness, mail: MailServer
) -> None:
    over = unused(await visited(h), fee=320)
    await h.hear(over)
    owing = replace(over.reservation, version=7, payment_state="voided")
    refused = reservation.CaptureRefused(reservation=owing, version=7, reason="not_capturable")
    await h.hear(refused, refused)
    text, files = await last_mail(h, mail, "Nobody checked in")
    assert (files, asked_papers(h)) == ([], [])
    assert "receipt" not in text
    assert "Not paid by your bank" in [str(one["Subject"]).split(":")[0] for one in mail.taken]


async def test_a_credit_note_is_no_receipt(h: Harness) -> None:
    booking = await visited(h)
    await h.hear(issued(booking, "credit_note"), completed(booking))
    assert asked_papers(h) == []


async def test_a_refund_is_told_once_with_its_booking(h: Harness, mail: MailServer) -> None:
    booking = await visited(h)
    event = refunded(booking)
    await h.hear(event, event)
    await answer_contacts(h)
    await h.run_jobs()
    (message,) = [one for one in mail.taken if "back" in str(one["Subject"])]
    assert message["Subject"] == "€3.20 is on its way back to you"
    assert "of the €6.40 you paid" in text_of(message)
    assert "Ladepark Süd" in text_of(message)


async def test_each_refund_of_each_payment_of_a_booking_is_told_once(
    h: Harness, mail: MailServer
) -> None:
    """The first payment came too late for its hold; the second was cancelled, at one version."""
    booking = await visited(h)
    late = replace(booking, payment_id=PaymentId(uuid4()))
    events = [
        refunded(late, amount=640),
        refunded(booking, amount=100),
        refunded(booking, amount=320, version=6),
    ]
    await h.hear(*events, *events)
    await h.hear(*events)
    await answer_contacts(h)
    await h.run_jobs()
    back = sorted(str(one["Subject"]) for one in mail.taken if "back" in str(one["Subject"]))
    assert [subject.split()[0] for subject in back] == ["€1.00", "€3.20", "€6.40"]
    listed = (await in_app(h)).notifications
    assert [one.kind for one in listed].count("payment_refunded") == 3
    assert {one.reservation_id for one in listed} == {booking.reservation_id}


async def test_each_trouble_of_each_payment_of_a_booking_is_told(h: Harness) -> None:
    """Each is a version of its booking of its own, whichever payment it is about."""
    held = booking(DRIVER, state="held", held_until=datetime.now(UTC) + timedelta(minutes=9))
    events: list[Event] = []
    for version in (2, 4):
        at = replace(held, version=version, payment_id=PaymentId(uuid4()))
        failed = replace(at, version=version + 1)
        events += [
            reservation.PaymentChallenged(reservation=at, version=version),
            reservation.PaymentFailed(reservation=failed, version=version + 1, reason="declined"),
        ]
    owing = replace(held, version=9, state="completed", payment_state="voided")
    events.append(reservation.CaptureRefused(reservation=owing, version=9, reason="not_capturable"))
    await h.hear(*events, *events)
    kinds = [one.kind for one in (await in_app(h)).notifications]
    assert sorted(kinds) == [
        *("payment_challenged", "payment_challenged"),
        *("payment_failed", "payment_failed"),
        "payment_owed",
    ]


async def test_a_refund_of_what_was_never_confirmed_is_told_too(
    h: Harness, mail: MailServer
) -> None:
    """A prepaid payment whose hold was over by then: nobody heard of a booking."""
    of = confirmed(payment_id=PaymentId(uuid4())).reservation
    await told(h, refunded(of, amount=640), contact("de"))
    await h.run_jobs()
    (message,) = mail.taken
    assert "die bezahlten 6,40\xa0€ wurden auf Ihrem Zahlungsweg erstattet" in text_of(message)
    assert "Station" not in text_of(message)

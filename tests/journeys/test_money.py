"""Money over HTTP: one price up to the receipt, saved methods, statements, provider events."""

import csv
import io
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from evslot.services.payment.adapters.entries import Entry
from evslot.services.payment.adapters.webhooks import SignedEvent, signed_event
from evslot.services.payment.domain.record import ProviderAnswer, authorise_call_id
from evslot.services.payment.messages import (
    Payment,
    Payments,
    ReceiptView,
    SavedMethod,
    SavedMethods,
    Statement,
    StatementLines,
)
from evslot.services.reservation.messages import PaymentOutcome, Reservation
from evslot.services.station.messages import StationView
from evslot.spine.sealing import Keys
from evslot.values import Period
from tests.journeys.people import BERLIN, Person, Said, Town, eventually, tomorrow
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio

METHODS = "/v1/me/payment-methods"
SLOTS = 12
SEED = 20_301_105


async def test_a_price_is_the_same_from_search_to_receipt(operator: Person, town: Town) -> None:
    """Odd prices at odd rates of tax, for random slots more than six days ahead: paid at once."""
    dice = random.Random(SEED)
    driver = await town.sign_up()
    for number in range(SLOTS):
        tariff = {
            "currency": dice.choice(["EUR", "USD", "INR"]),
            "flat": dice.randrange(1, 400),
            "per_hour": dice.randrange(1, 999),
            "vat_basis_points": dice.choice([0, 700, 1400, 1800, 1900, 2550]),
        }
        # Apart from all the others, so that the search finds only this one.
        position = {"latitude": 51.0 + number / 50, "longitude": 11.0}
        station = await operator.fresh_station(tariff=tariff, position=position)
        minutes = 15 * dice.randrange(1, 17)
        window = tomorrow(hour=dice.randrange(0, 20), minutes=minutes, days=dice.randrange(8, 25))
        price = await shown_price(driver, station, window, position)
        quote = await driver.quote(station, window)
        assert quote.quote.total == price
        held = await driver.hold(quote)
        paid = await driver.pay(held)
        assert held.total == price
        receipt = (await awaited_receipt(driver, paid.reservation)).receipt
        assert receipt.total == price
        assert sum(line.amount for line in receipt.lines) == price.amount
        assert sum(vat.net + vat.vat for vat in receipt.vat) == price.amount
        assert [vat.vat_basis_points for vat in receipt.vat] == [tariff["vat_basis_points"]]


async def shown_price(
    driver: Person, station: StationView, window: Period, position: dict[str, float]
) -> Any:
    """What search and the list of slots say, which is the same."""
    day = window.start.astimezone(BERLIN).date()
    minutes = int(window.length.total_seconds() // 60)
    (charger,) = await driver.slots(station, day, minutes)
    slot = next(slot for slot in charger.slots if slot.period == window)
    found = await driver.search(
        lat=position["latitude"],
        lon=position["longitude"],
        radius=500,
        **{"from": window.start.isoformat(), "to": window.end.isoformat()},
    )
    line = next(one for one in found.stations if one.station_id == station.station_id)
    assert line.price == slot.price
    return slot.price


async def test_a_receipt_has_a_pdf_and_what_goes_back_a_credit_note(
    driver: Person, station: StationView, town: Town
) -> None:
    held = await driver.hold(await driver.quote(station, tomorrow(days=8)))
    paid = await driver.pay(held)
    view = await awaited_receipt(driver, paid.reservation)
    path = f"/v1/payments/{paid.reservation.payment_id}/receipt"
    english = await driver.request("GET", path, headers={"Accept": "application/pdf"})
    german = await driver.request("GET", path, params={"format": "pdf", "language": "de"})
    for pdf in (english, german):
        assert pdf.headers["content-type"] == "application/pdf"
        assert pdf.content.startswith(b"%PDF-")
    assert english.content != german.content
    again = await driver.request("GET", path, params={"format": "pdf"})
    assert again.content == english.content

    await driver.cancel(held)

    async def notes() -> ReceiptView:
        return await driver.get(path, ReceiptView)

    whole = await eventually(notes, lambda found: found.credit_notes)
    (note,) = whole.credit_notes
    assert (note.total, note.refers_to) == (view.receipt.total, view.receipt.number)
    assert [vat.vat for vat in note.vat] == [vat.vat for vat in view.receipt.vat]
    params = {"format": "pdf", "receipt_id": str(note.receipt_id)}
    assert (await driver.request("GET", path, params=params)).status_code == 200
    with pytest.raises(Said) as foreign:
        await town.made_up().get(path, ReceiptView)
    assert (foreign.value.status, foreign.value.code) == (404, "payment_not_found")


async def test_an_operator_s_statement_has_every_movement(
    town: Town, operator: Person, station: StationView
) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    driver = await town.sign_up()
    held = await driver.hold(await driver.quote(station, tomorrow(days=9)))
    paid = await driver.pay(held)
    number = (await awaited_receipt(driver, paid.reservation)).receipt.number
    assert operator.organisation is not None
    path = f"/v1/organisations/{operator.organisation.organisation_id}/statements"
    window = {"from": began.isoformat(), "to": (began + timedelta(days=1)).isoformat()}
    statement = await operator.get(path, Statement, window)
    (sums,) = [one for one in statement.sums if one.currency == "EUR"]
    assert sums.opening + sums.earned - sums.refunded - sums.fees == sums.payable
    assert sums.earned >= held.total.amount
    page = await operator.get(f"{path}/lines", StatementLines, {**window, "limit": 500})
    line = next(one for one in page.lines if one.payment_id == paid.reservation.payment_id)
    assert (line.amount, line.receipt_number) == (held.total, number)
    table = await operator.request("GET", f"{path}.csv", params=window)
    rows = list(csv.DictReader(io.StringIO(table.text)))
    minor = {row["payment_id"]: int(row["minor_units"]) for row in rows if row["kind"] == "capture"}
    assert minor[str(paid.reservation.payment_id)] == held.total.amount
    with pytest.raises(Said) as no:
        await driver.get(path, Statement, window)
    assert (no.value.status, no.value.code) == (403, "statement_forbidden")


async def test_a_method_is_saved_while_paying_and_pays_the_next_time(
    town: Town, station: StationView
) -> None:
    driver = await town.sign_up()
    held = await driver.hold(await driver.quote(station, tomorrow()))
    await pay(driver, held, {"method": "sim_ok:4242", "save_method": True})
    (first,) = await methods(driver)
    assert (first.shown.last_digits, first.is_default) == ("4242", True)
    second = await driver.post(METHODS, SavedMethod, {"method": "sim_challenge:1881"})
    chosen = await driver.request(
        "PUT", f"{METHODS}/default", body={"method_id": str(second.method_id)}
    )
    assert chosen.status_code == 200
    assert [method.method_id for method in await methods(driver)] == [
        second.method_id,
        first.method_id,
    ]
    later = await driver.hold(await driver.quote(station, tomorrow(hour=9)))
    paid = await pay(driver, later, {"method_id": str(first.method_id)})
    assert paid.reservation.state == "confirmed"
    gone = await driver.request("DELETE", f"{METHODS}/{first.method_id}")
    assert gone.status_code == 204
    assert [method.shown.last_digits for method in await methods(driver)] == ["1881"]
    with pytest.raises(Said) as unknown:
        await driver.post(METHODS, SavedMethod, {"method": "tok_4242"})
    assert unknown.value.code == "method_refused"
    for booking in (held, later):
        await driver.cancel(booking)


async def test_all_attempts_of_a_booking_are_listed(driver: Person, station: StationView) -> None:
    held = await driver.hold(await driver.quote(station, tomorrow()))
    with pytest.raises(Said):
        await driver.pay(held, "sim_decline")
    with pytest.raises(Said) as unknown:
        await pay(driver, held, {"method_id": str(uuid4())})
    assert unknown.value.code == "payment_refused"
    await driver.pay(held)
    assert [one.state for one in await attempts(driver, held)] == ["authorised", "declined"]
    await driver.cancel(held)


async def test_an_answer_that_was_lost_comes_by_the_provider_s_event(
    driver: Person, station: StationView, town: Town, system: RunningSystem
) -> None:
    """Signed over its very bytes, by whom the payment service knows; anybody else is refused."""
    held = await driver.hold(await driver.quote(station, tomorrow()))
    path = f"/v1/reservations/{held.reservation_id}/payment"
    asked = await driver.request(
        "POST", path, body={"method": "sim_lost"}, headers={"Prefer": "respond-async"}
    )
    assert asked.status_code == 202
    (payment,) = await eventually(lambda: attempts(driver, held), bool)
    event = approval(payment, system)
    provider = town.stranger()
    altered = await send(provider, event, event.body.replace(b"approved", b"declined"))
    assert (altered.status_code, altered.json()["code"]) == (403, "signature_invalid")
    missing = await provider.request("POST", "/v1/providers/simulated/events", content=b"{}")
    assert missing.status_code == 422
    outcomes = [(await send(provider, event)).json()["outcome"] for _ in range(2)]
    assert outcomes == ["applied", "known"]
    await driver.eventual_payment_state(held, "authorised")
    assert (await driver.booking(held)).reservation.state == "confirmed"
    await driver.cancel(held)
    await driver.eventual_payment_state(held, "voided")


def approval(payment: Payment, system: RunningSystem) -> SignedEvent:
    """What the simulated provider tells of an authorise that it approved."""
    keys = system.keys_folder
    own = Keys.load("payment", keys / "payment.json", keys / "public.jwks.json")
    call_id, now = authorise_call_id(payment.payment_id), datetime.now(UTC)
    reference = f"auth_{call_id.hex}"
    answer = ProviderAnswer(
        outcome="approved", reference=reference, valid_until=now + timedelta(days=7)
    )
    entry = Entry(
        idempotency_key=call_id,
        kind="authorised",
        reference=reference,
        amount=payment.amount.amount,
        currency=payment.amount.currency,
        answer=answer,
    )
    return signed_event(entry, now, own.fingerprint(b"webhooks of the simulated provider"), now)


async def send(provider: Person, event: SignedEvent, body: bytes | None = None) -> httpx.Response:
    content = event.body if body is None else body
    path = "/v1/providers/simulated/events"
    return await provider.request("POST", path, content=content, headers=event.headers)


async def pay(driver: Person, booking: Reservation, body: dict[str, Any]) -> PaymentOutcome:
    path = f"/v1/reservations/{booking.reservation_id}/payment"
    return await driver.post(path, PaymentOutcome, body)


async def methods(driver: Person) -> list[SavedMethod]:
    return (await driver.get(METHODS, SavedMethods)).methods


async def attempts(driver: Person, booking: Reservation) -> list[Payment]:
    params = {"reservation_id": str(booking.reservation_id)}
    return (await driver.get("/v1/payments", Payments, params)).payments


async def awaited_receipt(driver: Person, booking: Reservation) -> ReceiptView:
    """It follows the money within a moment: its seller is asked for first."""
    path = f"/v1/payments/{booking.payment_id}/receipt"

    async def asked() -> httpx.Response:
        return await driver.request("GET", path)

    answer = await eventually(asked, lambda found: found.status_code == 200)
    return msgspec.json.decode(answer.content, type=ReceiptView)

"""Somebody stands before a charger: the sticker says what can be had, and it can be had."""

from datetime import UTC, datetime

import pytest

from evslot.services.payment.messages import ProviderView
from evslot.services.reservation.messages import Reservation
from evslot.services.station.messages import (
    SignedQuote,
    StartOffer,
    StationView,
    Stickers,
    StickerView,
)
from tests.journeys.people import Person, Said, Town, eventually

pytestmark = pytest.mark.anyio


async def test_from_the_sticker_to_charging_and_the_next_one_sees_it_taken(
    town: Town, operator: Person, driver: Person, station: StationView
) -> None:
    listed = await operator.get(f"/v1/stations/{station.station_id}/stickers", Stickers)
    (sticker,) = listed.stickers
    path = f"/v1/stickers/{sticker.code[:4].lower()}-{sticker.code[4:]}"
    passer_by = town.stranger()
    seen = await passer_by.get(path, StickerView)
    assert seen.free_now
    assert seen.charger.charger_id == sticker.charger_id
    booking, offer = await _booked(driver, seen)
    assert booking.period.end == offer.period.end
    taken = await eventually(
        lambda: passer_by.get(path, StickerView), lambda now: now.reason == "taken"
    )
    assert taken.busy is not None
    assert taken.busy.end == booking.occupied.end
    wish = {"station": str(seen.station_id), "states": "confirmed,active"}
    mine = await driver.bookings(**wish, **{"from": datetime.now(UTC).isoformat()})
    assert [one.reservation_id for one in mine.reservations] == [booking.reservation_id]
    check_in = f"/v1/reservations/{booking.reservation_id}/check-in"
    begun = await driver.post(check_in, Reservation, {"label": seen.charger.label})
    assert begun.state == "active"
    with pytest.raises(Said) as unknown:
        await passer_by.get("/v1/stickers/22222222", StickerView)
    assert (unknown.value.status, unknown.value.code) == (404, "sticker_unknown")


async def _booked(driver: Person, seen: StickerView) -> tuple[Reservation, StartOffer]:
    """The shortest offer, at the price it said."""
    quote, offer = await _quoted(driver, seen)
    assert (quote.quote.total, quote.quote.period) == (offer.price, offer.period)
    method = (await driver.get("/v1/payment-provider", ProviderView)).test_methods[0].token
    return (await driver.pay(await driver.hold(quote), method)).reservation, offer


async def _quoted(driver: Person, seen: StickerView) -> tuple[SignedQuote, StartOffer]:
    """Both of the same minute: of three, two are not the last moment of one."""
    for _ in range(3):
        offer = (await driver.get(f"/v1/stickers/{seen.code}", StickerView)).offers[0]
        wish = {
            "station_id": str(seen.station_id),
            "charger_id": str(seen.charger.charger_id),
            "now": True,
            "period": {"end": offer.period.end.isoformat()},
        }
        quote = await driver.post("/v1/quotes", SignedQuote, wish)
        if quote.quote.period.start == offer.period.start:
            break
    return quote, offer

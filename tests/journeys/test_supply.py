"""An operator's work on stations that are on line, and what drivers then see and pay."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest

from evslot.services.payment.messages import Payment, Receipt, ReceiptView
from evslot.services.station.messages import (
    Charger,
    ChargerSlots,
    OwnStations,
    SignedQuote,
    StationView,
)
from evslot.values import Period
from tests.journeys.people import BERLIN, Person, Said, Town, around, eventually, tomorrow

pytestmark = pytest.mark.anyio

T = TypeVar("T")

TARIFF = {
    "currency": "EUR",
    "flat": 55,
    "per_hour": 333,
    "per_kwh": 49,
    "vat_basis_points": 1900,
    "elements": [{"start": 17 * 60 + 30, "end": 20 * 60, "per_hour": 777, "per_kwh": 59}],
}
"""From 17:30 to 20:00 it is dearer."""


async def put(person: Person, path: str, kind: type[T], body: Any) -> T:
    answer = await person.request("PUT", path, body=body, key=f"put-{path}-{hash(str(body))}")
    if answer.is_error:
        raise Said(answer)
    return msgspec.json.decode(answer.content, type=kind)


async def told(action: Any) -> tuple[int, str]:
    with pytest.raises(Said) as said:
        await action
    return said.value.status, said.value.code


def path_of(station: StationView, rest: str = "") -> str:
    return f"/v1/stations/{station.station_id}{rest}"


def at_charger(station: StationView, number: int, rest: str = "") -> str:
    return path_of(station, f"/chargers/{station.chargers[number].charger_id}{rest}")


async def test_details_hours_and_terms_change_and_drivers_see_it(
    operator: Person, driver: Person, station: StationView
) -> None:
    window = tomorrow(12)
    day = window.start.astimezone(BERLIN).date()
    changed = await put(
        operator,
        path_of(station),
        StationView,
        {
            "name": "Am Ufer",
            "hours": {
                "always": False,
                "weekly": [{"weekday": n, "start": 480, "end": 1080} for n in range(1, 8)],
                "exceptions": [{"day": day.isoformat(), "start": 780, "end": 900}],
            },
            "rule": {"grid": 30, "shortest": 30, "longest": 120, "buffer": 0},
        },
    )
    assert (changed.name, changed.version) == ("Am Ufer", 2)
    await eventually(
        lambda: driver.slots(station, day),
        lambda found: free_walls(found) == ["13:00", "13:30", "14:00"],
    )
    assert await told(driver.quote(station, window)) == (409, "station_closed")
    strict = await put(operator, path_of(station, "/terms"), StationView, {"terms": "strict"})
    assert strict.terms is not None
    quoted = await driver.quote(station, tomorrow(13))
    assert quoted.quote.terms == strict.terms
    outdated = put(operator, path_of(station), StationView, {"version": 1, "name": "X"})
    assert await told(outdated) == (409, "station_changed")
    for part, wish in (("/terms", {"terms": "usual"}), ("/tariff", {"currency": "EUR"})):
        late = put(operator, path_of(station, part), StationView, {**wish, "version": 1})
        assert await told(late) == (409, "station_changed")


async def test_a_price_over_a_boundary_is_one_price_from_search_to_receipt(
    operator: Person, driver: Person, station: StationView
) -> None:
    await put(operator, path_of(station, "/tariff"), StationView, TARIFF)
    window = tomorrow(17, days=8)
    day = window.start.astimezone(BERLIN).date()
    slots = await eventually(
        lambda: driver.slots(station, day), lambda found: price_at(found, window) == 55 + 167 + 389
    )
    window_asked = {"from": window.start.isoformat(), "to": window.end.isoformat()}
    found = await driver.search(**around(station), **window_asked)
    line = next(one for one in found.stations if one.station_id == station.station_id)
    quoted = await driver.quote(station, window)
    assert line.price == quoted.quote.total
    assert price_at(slots, window) == quoted.quote.total.amount
    assert [(one.kind, one.amount) for one in quoted.quote.lines] == [
        ("FLAT", 55),
        ("TIME", 167),  # 166.5
        ("TIME", 389),  # 388.5
    ]
    assert [one.per_kwh for one in quoted.quote.energy_prices] == [49, 59]
    held = await driver.hold(quoted)
    paid = await driver.pay(held)
    assert (held.total, held.lines) == (quoted.quote.total, quoted.quote.lines)
    payment = await driver.payment(paid.reservation.payment_id)
    assert payment.captured == quoted.quote.total
    receipt = await eventual_receipt(driver, payment)
    assert receipt.total == payment.captured
    assert [one.amount for one in receipt.lines] == [55, 167, 389]
    assert [one.gross for one in receipt.vat] == [611]
    assert [one.net + one.vat for one in receipt.vat] == [611]


async def eventual_receipt(driver: Person, payment: Payment) -> Receipt:
    """As soon as it is written."""
    path = f"/v1/payments/{payment.payment_id}/receipt"

    async def asked() -> Receipt | None:
        answer = await driver.request("GET", path)
        if answer.is_error:
            return None
        return msgspec.json.decode(answer.content, type=ReceiptView).receipt

    receipt = await eventually(asked, bool)
    assert receipt is not None
    return receipt


async def test_chargers_come_get_prices_of_their_own_and_go(
    operator: Person, driver: Person, station: StationView
) -> None:
    body = {"label": "B1", "connectors": [{"standard": "IEC_62196_T2", "max_watts": 11_000}]}
    two = await operator.post(path_of(station, "/chargers"), StationView, body, "add-b1")
    assert [charger.label for charger in two.chargers] == ["A1", "B1"]
    again = await operator.post(path_of(station, "/chargers"), StationView, body, "add-b1")
    assert again == two
    stronger = {"label": "C1", "connectors": [{"standard": "IEC_62196_T2", "max_watts": 22_000}]}
    changed = await put(operator, at_charger(two, 1), StationView, stronger)
    assert changed.chargers[1].label == "C1"
    cheap = {"currency": "EUR", "per_hour": 100, "per_kwh": 49}
    priced = await put(operator, at_charger(two, 1, "/tariff"), StationView, cheap)
    assert priced.chargers[1].tariff is not None

    kind = await quote_kind(driver, station, tomorrow())
    assert (kind.quote.charger_label, kind.quote.total.amount) == ("C1", 100)
    held = await driver.hold(kind)
    assert held.total == kind.quote.total
    await driver.cancel(held)

    answer = await operator.request("DELETE", at_charger(two, 1, "/tariff"), key="own-tariff-ends")
    assert answer.status_code == 204
    usual = await quote_kind(driver, station, tomorrow())
    assert (len(usual.quote.candidates), usual.quote.total.amount) == (2, 340)
    gone = await operator.post(at_charger(two, 0, "/retirement"), StationView)
    assert [charger.label for charger in gone.chargers] == ["C1"]
    last = operator.post(at_charger(two, 1, "/retirement"), StationView)
    assert await told(last) == (409, "last_charger")


async def test_a_state_is_told_with_its_source_and_age(
    operator: Person, driver: Person, station: StationView
) -> None:
    said = await put(operator, at_charger(station, 0, "/state"), Charger, {"state": "OUTOFORDER"})
    assert (said.state, said.state_source) == ("OUTOFORDER", "operator")
    assert said.state_at is not None
    assert abs(datetime.now(UTC) - said.state_at) < timedelta(seconds=30)
    seen = await eventually(
        lambda: driver.station(station.station_id), lambda found: found.chargers[0] == said
    )
    assert seen.version == station.version


async def test_from_now_on_needs_only_an_end(driver: Person, station: StationView) -> None:
    end = (datetime.now(UTC) + timedelta(minutes=75)).replace(second=0, microsecond=0)
    end = end.replace(minute=end.minute // 15 * 15)
    body = {
        "station_id": str(station.station_id),
        "charger_id": str(station.chargers[0].charger_id),
        "period": {"end": end.isoformat()},
        "now": True,
    }
    signed = await driver.post("/v1/quotes", SignedQuote, body)
    assert signed.quote.now
    assert timedelta() <= datetime.now(UTC) - signed.quote.period.start < timedelta(minutes=2)
    assert signed.quote.period.end == end
    start = {"start": end.isoformat(), "end": end.isoformat()}
    both = driver.post("/v1/quotes", SignedQuote, body | {"period": start})
    assert await told(both) == (422, "field_invalid")


async def test_the_operators_list_shows_what_is_retired_and_strangers_see_nothing(
    town: Town, operator: Person, driver: Person, station: StationView
) -> None:
    assert operator.organisation is not None
    mine = f"/v1/organisations/{operator.organisation.organisation_id}/stations"
    retired = await operator.post(path_of(station, "/retirement"), StationView)
    assert retired.status == "retired"
    twice = operator.post(path_of(station, "/retirement"), StationView)
    assert await told(twice) == (409, "station_retired")
    assert station.station_id in await listed(operator, mine, status="retired")
    assert station.station_id not in await listed(operator, mine, status="bookable")
    assert await told(driver.quote(station, tomorrow())) == (409, "station_not_bookable")
    assert await told(driver.get(mine, OwnStations)) == (403, "not_an_operator")
    rival = await town.sign_up()
    await rival.make_organisation()
    assert await told(rival.get(mine, OwnStations)) == (404, "organisation_not_found")
    theft = put(rival, path_of(station), StationView, {"name": "Mine"})
    assert await told(theft) == (404, "station_not_found")


@pytest.mark.parametrize(
    ("zone", "currency", "walls"),
    [
        ("Europe/Berlin", "EUR", "01:00 02:00 02:00 03:00"),
        ("Europe/Helsinki", "EUR", "02:00 03:00 03:00 04:00"),
        ("America/New_York", "USD", "00:00 01:00 01:00 02:00"),
        ("Asia/Kolkata", "INR", "01:00 02:00 03:00 04:00"),
    ],
)
async def test_a_day_has_the_hours_that_its_clock_shows(
    operator: Person, driver: Person, zone: str, currency: str, walls: str
) -> None:
    here = ZoneInfo(zone)
    station = await operator.fresh_station(
        zone=zone,
        tariff={"currency": currency, "per_hour": 100, "per_kwh": 10},
        rule={"grid": 60, "shortest": 60, "longest": 240, "earliest_notice_days": 365},
    )
    (charger,) = await driver.slots(station, day_the_clock_went_back(here))
    shown = [slot.period.start.astimezone(here).strftime("%H:%M") for slot in charger.slots]
    assert walls in " ".join(shown)


def day_the_clock_went_back(zone: ZoneInfo) -> date:
    """The last such day, or today where there is none."""
    today = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(370):
        begin, end = today - timedelta(days=back), today - timedelta(days=back - 1)
        if end.astimezone(UTC) - begin.astimezone(UTC) > timedelta(days=1):
            return begin.date()
    return today.date()


async def listed(person: Person, path: str, **params: Any) -> list[UUID]:
    """All pages of a list of stations."""
    found: list[UUID] = []
    cursor: dict[str, Any] = {}
    for _ in range(50):
        page = await person.get(path, OwnStations, {"limit": 20, **params, **cursor})
        found += [line.station_id for line in page.stations]
        if page.next_cursor is None:
            return found
        cursor = {"cursor": page.next_cursor}
    raise AssertionError("a list without end")


async def quote_kind(person: Person, station: StationView, period: Period) -> SignedQuote:
    body = {
        "station_id": str(station.station_id),
        "connector": "IEC_62196_T2",
        "min_power_kw": 11,
        "period": {"start": period.start.isoformat(), "end": period.end.isoformat()},
    }
    return await person.post("/v1/quotes", SignedQuote, body)


def free_walls(chargers: list[ChargerSlots]) -> list[str]:
    return [
        slot.period.start.astimezone(BERLIN).strftime("%H:%M")
        for slot in chargers[0].slots
        if slot.free
    ]


def price_at(chargers: list[ChargerSlots], window: Period) -> int | None:
    prices = [slot.price for slot in chargers[0].slots if slot.period == window]
    return prices[0].amount if prices and prices[0] else None

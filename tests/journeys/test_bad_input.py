"""Bad input is a clear problem with a stable code, and changes nothing (must-hold 10)."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from evslot.services.station.messages import SignedQuote, StationView, pack_quote
from evslot.spine.sealing import Keys
from evslot.values import OrganisationId
from tests.journeys.people import BERLIN, Person, Said, Town, tomorrow
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio

COUNTED = (
    ("reservation", "reservation"),
    ("reservation", "occupancy"),
    ("payment", "payment"),
    ("station", "station"),
    ("station", "charger"),
    ("user", "organisation"),
    ("user", "account"),
)


@pytest.fixture
async def unchanged(system: RunningSystem) -> AsyncIterator[None]:
    """What the databases hold is the same before and after."""
    before = await counts(system)
    yield
    assert await counts(system) == before


async def counts(system: RunningSystem) -> dict[str, int]:
    found = {}
    for part, table in COUNTED:
        async with system.database(part) as connection:
            found[table] = await connection.fetchval(f"select count(*) from {table}")  # noqa: S608
    return found


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and code; every no has the same form."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["title"]
    assert told["detail"]
    assert len(told["detail"]) < 500
    return answer.status_code, told["code"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("path", "content", "status", "code"),
    [
        ("/v1/reservations", b'{"quote": ', 400, "json_broken"),
        ("/v1/reservations", b"", 400, "body_missing"),
        ("/v1/reservations", b'{"quote": 7}', 422, "field_invalid"),
        ("/v1/reservations", b'{"quote": "q", "price": 1}', 422, "unknown_field"),
        ("/v1/reservations", b'{"quote": "%s"}' % (b"x" * 100_000), 413, "body_too_large"),
        ("/v1/reservations", b'{"quote": "a\\u0000b"}', 422, "text_invalid"),
        ("/v1/reservations", '{"quote": "🔌"}'.encode(), 422, "quote_invalid"),
        ("/v1/reservations", b'{"quote": "nonsense"}', 422, "quote_invalid"),
        ("/v1/quotes", b'{"station_id": "1"}', 422, "field_invalid"),
        ("/v1/organisations", b'{"legal_name": "%s"}' % (b"x" * 10_000), 422, "field_invalid"),
    ],
)
async def test_a_body_without_sense(
    driver: Person, path: str, content: bytes, status: int, code: str
) -> None:
    answer = await driver.request("POST", path, content=content)
    assert problem(answer) == (status, code)


def quarter(**ahead: int) -> datetime:
    """A point of the grid about so far ahead."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return now + timedelta(**ahead)


HOUR = timedelta(hours=1)
LAST_DAY = "9999-12-31T23:00:00Z"


def slot(start: datetime, length: timedelta = HOUR) -> dict[str, str]:
    return {"start": start.isoformat(), "end": (start + length).isoformat()}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("period", "status", "code"),
    [
        (lambda: slot(quarter(days=-1)), 422, "slot_in_past"),
        (lambda: slot(quarter(days=1), -HOUR), 422, "period_invalid"),
        (lambda: slot(quarter(days=1), timedelta(0)), 422, "period_invalid"),
        (lambda: slot(quarter(days=1) + timedelta(minutes=7)), 422, "slot_off_grid"),
        (lambda: slot(quarter(days=1), timedelta(minutes=50)), 422, "slot_off_grid"),
        (lambda: slot(quarter(days=1), timedelta(hours=5)), 422, "slot_length_invalid"),
        (lambda: slot(quarter(days=1), timedelta(days=4000)), 422, "slot_length_invalid"),
        (lambda: slot(quarter(days=60)), 409, "slot_too_far"),
        (lambda: {"start": "2026-12-01T17:00", "end": LAST_DAY}, 422, "field_invalid"),
        (lambda: {"start": "2026-12-01T17:00:00", "end": LAST_DAY}, 422, "offset_required"),
        (lambda: {"start": "soon", "end": "later"}, 422, "field_invalid"),
        (lambda: {"start": LAST_DAY, "end": "9999-12-31T23:59:59-12:00"}, 422, "field_invalid"),
    ],
)
async def test_a_period_without_sense(
    driver: Person,
    operator: Person,
    station_of_all: StationView,
    period: Any,
    status: int,
    code: str,
) -> None:
    answer = await quoted(driver, station_of_all, period())
    assert problem(answer) == (status, code)


@pytest.fixture(scope="package")
async def station_of_all(operator: Person) -> StationView:
    """One that only the refused look at."""
    return await operator.fresh_station()


async def quoted(
    driver: Person, station: StationView, period: dict[str, str], **changed: Any
) -> httpx.Response:
    body = {
        "station_id": str(station.station_id),
        "charger_id": str(station.chargers[0].charger_id),
        "period": period,
    }
    return await driver.request("POST", "/v1/quotes", body={**body, **changed})


async def test_closed_hours_are_not_sold(driver: Person, operator: Person) -> None:
    weekly = [{"weekday": day, "start": 9 * 60, "end": 17 * 60} for day in range(1, 8)]
    station = await operator.fresh_station(hours={"always": False, "weekly": weekly})
    night = tomorrow(20)
    answer = await quoted(driver, station, slot(night.start))
    assert problem(answer) == (409, "station_closed")
    assert (await quoted(driver, station, slot(tomorrow(10).start))).status_code == 200
    chargers = await driver.slots(station, night.start.astimezone(BERLIN).date())
    assert {one.reason for one in chargers[0].slots if one.period.start >= night.start} <= {
        "closed"
    }


@pytest.mark.usefixtures("unchanged")
async def test_unknown_ids_are_not_found(driver: Person, station_of_all: StationView) -> None:
    nobody = str(uuid4())
    charger = await quoted(driver, station_of_all, slot(quarter(days=1)), charger_id=nobody)
    assert problem(charger) == (404, "charger_not_found")
    unknown = await quoted(driver, station_of_all, slot(quarter(days=1)), station_id=nobody)
    assert problem(unknown) == (404, "station_not_found")
    for path, code in (
        (f"/v1/stations/{nobody}", "station_not_found"),
        (f"/v1/reservations/{nobody}", "reservation_not_found"),
        (f"/v1/payments/{nobody}", "payment_not_found"),
        (f"/v1/organisations/{nobody}", "organisation_not_found"),
        (f"/v1/operations/{nobody}", "operation_not_found"),
        ("/v1/stations/7", "not_found"),
    ):
        assert problem(await driver.request("GET", path)) == (404, code), path


async def test_what_belongs_to_others_is_not_there(
    town: Town, driver: Person, operator: Person, station: StationView
) -> None:
    held = await driver.hold(await driver.quote(station, tomorrow()))
    paid = await driver.pay(held)
    stranger = town.made_up()
    booking = f"/v1/reservations/{held.reservation_id}"
    assert operator.organisation is not None
    own = f"/v1/organisations/{operator.organisation.organisation_id}"
    for method, path, code in (
        ("GET", booking, "reservation_not_found"),
        ("POST", f"{booking}/payment", "reservation_not_found"),
        ("POST", f"{booking}/cancellation", "reservation_not_found"),
        ("GET", f"/v1/payments/{paid.reservation.payment_id}", "payment_not_found"),
        ("POST", f"/v1/payments/{paid.reservation.payment_id}/challenge", "payment_not_found"),
        ("GET", own, "organisation_not_found"),
    ):
        body = {"POST": {"method": "sim_ok"}, "GET": None}[method]
        if "challenge" in path:
            body = {"answer": "approve"}
        if "cancellation" in path:
            body = {"reason": "mine now"}
        answer = await stranger.request(method, path, body=body)
        assert problem(answer) == (404, code), path
    assert (await driver.booking(held)).reservation.state == "confirmed"


@pytest.mark.usefixtures("unchanged")
async def test_role_first_then_ownership(town: Town, driver: Person, operator: Person) -> None:
    driver.organisation = operator.organisation
    with pytest.raises(Said) as role:
        await driver.fresh_station()
    assert (role.value.status, role.value.code) == (403, "not_an_operator")
    own = {OrganisationId(uuid4()): "owner"}
    from_elsewhere = Person(town, town.token(organisations=own))
    from_elsewhere.organisation = operator.organisation
    with pytest.raises(Said) as owned:
        await from_elsewhere.fresh_station()
    assert owned.value.status == 404


@pytest.mark.usefixtures("unchanged")
async def test_tokens_that_prove_nothing(town: Town, driver: Person) -> None:
    assert driver.token is not None
    header, claims, signature, secret = driver.token.split(".")
    forged = json.loads(base64.urlsafe_b64decode(claims + "=="))
    forged["sub"] = str(uuid4())
    altered = base64.urlsafe_b64encode(json.dumps(forged).encode()).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt","kid":"x"}').rstrip(b"=")
    for token in (
        town.token(seconds=0),
        f"{header}.{altered}.{signature}.{secret}",
        f"{none.decode()}.{claims}..{secret}",
        f"{header}.{claims}.{signature}",  # as it travels through the topics
        f"{header}.{claims}.{signature}.{'x' * 43}",
        f"{header}.{claims}.{secret}.{signature}",
        "x",
    ):
        for method, path in (("GET", "/v1/me"), ("POST", "/v1/reservations")):
            answer = await Person(town, token).request(method, path)
            assert problem(answer) == (401, "token_invalid")
    nobody = await town.stranger().request("POST", "/v1/reservations", body={"quote": "q"})
    assert problem(nobody) == (401, "unauthenticated")


@pytest.mark.usefixtures("unchanged")
async def test_quotes_that_were_tampered_with(driver: Person, station_of_all: StationView) -> None:
    quote = await driver.quote(station_of_all, tomorrow())
    other = await driver.quote(station_of_all, tomorrow(19))
    station_id, payload, mac = quote.token.split(".", 2)
    cheaper = altered_payload(quote, lambda told: told["total"].update(amount=1))
    _, _, other_mac = other.token.split(".", 2)
    for token in (
        f"{station_id}.{cheaper}.{mac}",
        f"{station_id}.{payload}.{other_mac}",
        f"{uuid4()}.{payload}.{mac}",
        f"{station_id}.{payload}",
        f"{station_id}.{payload}.{mac}x",
        f"{station_id}..",
        station_id,
        "ä" * 100,
    ):
        answer = await driver.request("POST", "/v1/reservations", body={"quote": token})
        assert problem(answer) == (422, "quote_invalid"), token[:50]


def altered_payload(quote: SignedQuote, alter: Any) -> str:
    _, payload, _ = quote.token.split(".", 2)
    told = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    alter(told)
    return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()


@pytest.mark.usefixtures("unchanged")
async def test_a_quote_that_is_over(
    driver: Person, station_of_all: StationView, system: RunningSystem
) -> None:
    """Signed with the station service's own keys, valid until a moment ago."""
    quote = (await driver.quote(station_of_all, tomorrow())).quote
    folder = system.folder / "keys"
    keys = Keys.load("station", folder / "station.json", folder / "public.jwks.json")
    old = msgspec.structs.replace(quote, valid_until=datetime.now(UTC) - timedelta(seconds=1))
    token = pack_quote(old, lambda signed: keys.mac("reservation", signed))
    answer = await driver.request("POST", "/v1/reservations", body={"quote": token})
    assert problem(answer) == (410, "quote_outdated")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"name": "x" * 10_000}, "field_invalid"),
        ({"name": "a\u0000b"}, "text_invalid"),
        ({"position": {"latitude": 91, "longitude": 13}}, "field_invalid"),
        ({"zone": "Europe/Atlantis"}, "station_invalid"),
        ({"tariff": {"currency": "EUR", "per_hour": 10**30}}, "field_invalid"),
        ({"tariff": {"currency": "EUR", "per_hour": -1}}, "field_invalid"),
        ({"tariff": {"currency": "XQX", "per_hour": 100}}, "station_invalid"),
        ({"rule": {"grid": 7}}, "station_invalid"),
        ({"rule": {"grid": 0}}, "station_invalid"),
        ({"chargers": 0}, "field_invalid"),
    ],
)
async def test_a_station_without_sense(
    operator: Person, changed: dict[str, Any], code: str
) -> None:
    with pytest.raises(Said) as refused:
        await operator.fresh_station(**changed)
    assert (refused.value.status, refused.value.code) == (422, code)


async def test_emoji_are_names_like_any_other(operator: Person) -> None:
    station = await operator.fresh_station(name="Ladepark ⚡️ 充電 ١")
    assert (await operator.station(station.station_id)).name == "Ladepark ⚡️ 充電 ١"


@pytest.mark.usefixtures("unchanged")
async def test_a_cursor_that_was_tampered_with(driver: Person, operator: Person) -> None:
    for path, params in (
        ("/v1/stations", {"lat": 52.52, "lon": 13.4}),
        ("/v1/reservations", {}),
        ("/v1/notifications", {}),
    ):
        page = await driver.request("GET", path, params={**params, "limit": 1})
        assert page.status_code == 200
        cursor = page.json()["next_cursor"] or ""
        for broken in ("x", cursor[:-2] + "zz", "A" * 900, "🔌", cursor + "A"):
            answer = await driver.request("GET", path, params={**params, "cursor": broken})
            assert problem(answer) == (422, "cursor_invalid"), (path, broken)


@pytest.mark.usefixtures("unchanged")
async def test_searches_without_sense(driver: Person) -> None:
    for params, code in (
        ({"lat": 91, "lon": 13}, "field_invalid"),
        ({"lat": "nan", "lon": 13}, "field_invalid"),
        ({"lat": 52, "lon": 13, "radius": 10**9}, "field_invalid"),
        ({"lat": 52, "lon": 13, "colour": "red"}, "unknown_field"),
        ({"lat": 52, "lon": 13, "connector": "a\u0000b"}, "text_invalid"),
        ({"lat": 52, "lon": 13, "connector": "SCHUKO9"}, "search_invalid"),
        (window(2, -1), "period_invalid"),
    ):
        answer = await driver.request("GET", "/v1/stations", params=params)
        assert problem(answer) == (422, code), params


def window(days: int, hours: int) -> dict[str, Any]:
    start = quarter(days=days)
    end = start + timedelta(hours=hours)
    return {"lat": 52, "lon": 13, "from": start.isoformat(), "to": end.isoformat()}

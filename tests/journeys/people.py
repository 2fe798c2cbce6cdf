"""Drivers and operators who know the system by its HTTP API and their mailbox alone."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4
from zlib import crc32
from zoneinfo import ZoneInfo

import httpx
import msgspec

from evslot.gateway.answers import (
    NewOrganisation,
    OperationView,
    ReservationDetails,
    Session,
)
from evslot.gateway.people import Account
from evslot.services.payment.messages import Payment
from evslot.services.reservation.messages import (
    Cancellation,
    PaymentOutcome,
    Reservation,
    Reservations,
)
from evslot.services.station.messages import (
    ChargerSlots,
    DaySlots,
    FoundStations,
    SignedQuote,
    StationView,
)
from evslot.spine.callers import AccessTokens
from evslot.spine.sealing import Keys
from evslot.values import OrganisationId, Period, SessionId, UserId
from tests.journeys import used_routes
from tests.journeys.live_stream import LiveStream

T = TypeVar("T")

BERLIN = ZoneInfo("Europe/Berlin")
MAIL_SECONDS = 15.0
ANSWER_SECONDS = 20.0
"""No request may hang; the edge answers much earlier."""


class Said(Exception):
    """The system said no, as problem+json."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.problem: dict[str, Any] = answer.json() if answer.content else {}
        self.code: str = self.problem.get("code", "")
        self.headers = answer.headers
        super().__init__(f"{self.status} {self.code}: {self.problem.get('detail')}")


class Later(Exception):
    """202: taken; the outcome is at the operation."""

    def __init__(self, answer: httpx.Response) -> None:
        self.operation_id = UUID(answer.json()["operation_id"])
        super().__init__(f"later: {self.operation_id}")


class System(Protocol):
    """What people need of a system, however it was started."""

    @property
    def gateways(self) -> list[str]: ...

    @property
    def mail_url(self) -> str: ...

    @property
    def keys_folder(self) -> Path: ...


class Town:
    """The way to the system: its gateways over HTTP, and everybody's mailbox."""

    def __init__(self, system: System) -> None:
        self._gateways = [_client(address) for address in system.gateways]
        self._mail = _client(system.mail_url)
        keys = system.keys_folder
        self._tokens = AccessTokens(
            Keys.load("user", keys / "user.json", keys / "public.jwks.json")
        )

    async def close(self) -> None:
        for client in (*self._gateways, self._mail):
            await client.aclose()

    def gateway(self, number: int) -> httpx.AsyncClient:
        return self._gateways[number % len(self._gateways)]

    async def mails(self, to: str) -> list[dict[str, Any]]:
        """What was mailed to an address, newest first."""
        answer = await self._mail.get("/api/messages", params={"to": to})
        mails: list[dict[str, Any]] = answer.json()["messages"]
        return mails

    async def all_mails(self) -> list[dict[str, Any]]:
        """The last 500 to anybody; none while the catcher is away."""
        try:
            answer = await self._mail.get("/api/messages")
        except httpx.TransportError:
            return []
        mails: list[dict[str, Any]] = answer.json()["messages"]
        return mails

    async def mail(self, number: int) -> dict[str, Any]:
        """One mail with its text."""
        whole: dict[str, Any] = (await self._mail.get(f"/api/messages/{number}")).json()
        return whole

    async def awaited_mail(self, to: str, subject: str) -> dict[str, Any]:
        """The newest mail to somebody whose subject has these words, as soon as it is there."""

        async def fitting() -> list[dict[str, Any]]:
            return [mail for mail in await self.mails(to) if subject in mail["subject"]]

        mails = await eventually(fitting, bool)
        return await self.mail(mails[0]["number"])

    def token(
        self,
        user_id: UserId | None = None,
        *,
        seconds: int = 600,
        organisations: Mapping[OrganisationId, Any] | None = None,
    ) -> str:
        """What the user service would give somebody; services believe the signature."""
        return self._tokens.mint(
            user_id or UserId(uuid4()),
            SessionId(uuid4()),
            ["driver"],
            organisations or {},
            datetime.now(UTC),
            seconds,
        )

    def stranger(self, gateway: int = 0) -> "Person":
        """Somebody not signed in."""
        return Person(self, None, gateway)

    def made_up(self, gateway: int = 0) -> "Person":
        """A driver with a token but no account: 200 of them are there at once."""
        return Person(self, self.token(), gateway)

    async def sign_up(self, gateway: int = 0) -> "Person":
        """Somebody who signs in by e-mail and code."""
        person = Person(self, None, gateway, email=made_up_email())
        await person.post("/v1/sign-in-codes", Any, {"email": person.email, "language": "en"})
        code = await person.mailed_code()
        await person.sign_in(email=person.email, code=code)
        return person


class Person:
    """Somebody with a browser: every method is one request."""

    def __init__(
        self, town: Town, token: str | None = None, gateway: int = 0, email: str = ""
    ) -> None:
        self.town = town
        self.gateway = gateway
        self.email = email
        self.token = token
        self.session: Session | None = None
        self.organisation: NewOrganisation | None = None

    def headers(self, key: str | None = None) -> dict[str, str]:
        """Who asks, and under which key."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {**headers, **({"Idempotency-Key": key} if key else {})}

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content: bytes | None = None,
        key: str | None = None,
        params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """The raw answer, whatever it is."""
        return await self.town.gateway(self.gateway).request(
            method,
            path,
            json=body,
            content=content,
            params=params,
            headers={**self.headers(key), **(headers or {})},
        )

    async def get(self, path: str, kind: type[T], params: dict[str, Any] | None = None) -> T:
        return _read(await self.request("GET", path, params=params), kind)

    async def post(self, path: str, kind: type[T], body: Any = None, key: str | None = None) -> T:
        return _read(await self.request("POST", path, body=body, key=key), kind)

    async def mailed_code(self) -> str:
        """The newest code in the mailbox."""
        mail = await self.town.awaited_mail(self.email, "sign-in code")
        found = re.search(r"^\s*(\d{6})\s*$", mail["text"], re.MULTILINE)
        assert found, mail["text"]
        return found[1]

    async def sign_in(self, **credentials: str) -> Session:
        """By email and code, email and password, or refresh_token."""
        self.session = await self.post("/v1/sessions", Session, credentials)
        self.token = self.session.access_token
        return self.session

    async def refresh(self) -> Session:
        """The next pair of tokens; needed to act for a new organisation."""
        assert self.session is not None
        return await self.sign_in(refresh_token=self.session.refresh_token)

    async def me(self) -> Account:
        return await self.get("/v1/me", Account)

    async def make_organisation(self) -> NewOrganisation:
        body = {
            "legal_name": "Spree Charging GmbH",
            "address": "Uferstraße 1, 10115 Berlin",
            "country": "DE",
            "contact_email": "contact@charging.example",
            "phone": "+49301234567",
        }
        self.organisation = await self.post("/v1/organisations", NewOrganisation, body)
        await self.refresh()
        return self.organisation

    async def fresh_station(
        self, chargers: int = 1, key: str | None = None, **changed: Any
    ) -> StationView:
        """A new station of the own organisation, in the middle of Berlin."""
        assert self.organisation is not None
        plug = {"standard": "IEC_62196_T2", "max_watts": 22_000}
        name = changed.get("name") or f"Uferstraße {uuid4().hex[:6]}"
        body = {
            "organisation_id": str(self.organisation.organisation_id),
            "name": name,
            "address": "Uferstraße 1",
            "city": "Berlin",
            "postcode": "10115",
            "country": "DE",
            "position": place_of(name),
            "zone": "Europe/Berlin",
            "chargers": [{"label": f"A{n}", "connectors": [plug]} for n in range(1, chargers + 1)],
            "tariff": {"currency": "EUR", "flat": 100, "per_hour": 240, "per_kwh": 49},
            **changed,
        }
        return await self.post("/v1/stations", StationView, body, key)

    async def search(self, **params: Any) -> FoundStations:
        """Around the middle of Berlin, where nothing else is said."""
        return await self.get("/v1/stations", FoundStations, {"lat": 52.52, "lon": 13.4} | params)

    async def station(self, station_id: UUID) -> StationView:
        return await self.get(f"/v1/stations/{station_id}", StationView)

    async def slots(self, station: StationView, day: date, minutes: int = 60) -> list[ChargerSlots]:
        path = f"/v1/stations/{station.station_id}/slots"
        found = await self.get(path, DaySlots, {"day": day.isoformat(), "minutes": minutes})
        return found.chargers

    async def quote(self, station: StationView, period: Period, charger: int = 0) -> SignedQuote:
        body = {
            "station_id": str(station.station_id),
            "charger_id": str(station.chargers[charger].charger_id),
            "period": {"start": period.start.isoformat(), "end": period.end.isoformat()},
        }
        return await self.post("/v1/quotes", SignedQuote, body)

    async def hold(self, quote: SignedQuote, key: str | None = None) -> Reservation:
        return await self.post("/v1/reservations", Reservation, {"quote": quote.token}, key)

    async def pay(
        self, booking: Reservation, method: str = "sim_ok", key: str | None = None
    ) -> PaymentOutcome:
        path = f"/v1/reservations/{booking.reservation_id}/payment"
        return await self.post(path, PaymentOutcome, {"method": method}, key)

    async def cancel(self, booking: Reservation, key: str | None = None) -> Cancellation:
        path = f"/v1/reservations/{booking.reservation_id}/cancellation"
        return await self.post(path, Cancellation, {"reason": "plans changed"}, key)

    async def booking(self, booking: Reservation) -> ReservationDetails:
        return await self.get(f"/v1/reservations/{booking.reservation_id}", ReservationDetails)

    async def bookings(self, **params: Any) -> Reservations:
        return await self.get("/v1/reservations", Reservations, params)

    async def payment(self, payment_id: UUID | None) -> Payment:
        return await self.get(f"/v1/payments/{payment_id}", Payment)

    async def operation(self, operation_id: UUID) -> OperationView:
        return await self.get(f"/v1/operations/{operation_id}", OperationView)

    async def eventual_payment_state(self, booking: Reservation, state: str) -> ReservationDetails:
        """The booking, once the money behind it is where it should be."""
        return await eventually(
            lambda: self.booking(booking), lambda found: found.reservation.payment_state == state
        )

    @asynccontextmanager
    async def live(
        self, station: StationView | None = None, last_id: str | None = None
    ) -> AsyncIterator[LiveStream]:
        """The stream of a station, or of all that is one's own."""
        headers = self.headers() | ({"Last-Event-ID": last_id} if last_id else {})
        params = {"station": str(station.station_id)} if station else {}
        client = self.town.gateway(self.gateway)
        async with client.stream("GET", "/v1/live", params=params, headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            stream = LiveStream(answer)
            await stream.beginning()
            yield stream


async def eventually(
    ask: Callable[[], Awaitable[T]],
    holds: Callable[[T], object],
    seconds: float = MAIL_SECONDS,
) -> T:
    """The first answer for which something holds: views and mails follow the facts."""
    until = time.monotonic() + seconds
    while not holds(found := await ask()):
        assert time.monotonic() < until, found
        await asyncio.sleep(0.05)
    return found


async def pass_by(instant: datetime | None) -> None:
    """Until an instant is just over; the system runs on this machine, so its clock is ours."""
    assert instant is not None
    left = (instant - datetime.now(UTC)).total_seconds()
    await asyncio.sleep(max(0.0, left) + 0.01)


def place_of(name: str) -> dict[str, float]:
    """Near the middle of Berlin, each somewhere else: of a hundred at one place few are shown."""
    east, north = divmod(crc32(name.encode()), 1 << 16)
    return {
        "latitude": round(52.515 + north / (1 << 16) / 100, 6),
        "longitude": round(13.395 + east / (1 << 16) / 100, 6),
    }


def around(station: StationView) -> dict[str, float]:
    """A search that finds this station and hardly another."""
    at = station.position
    return {"lat": at.latitude, "lon": at.longitude, "radius": 20}


def made_up_email() -> str:
    return f"driver-{uuid4().hex[:12]}@people.example"


def tomorrow(hour: int = 17, minutes: int = 60, days: int = 1) -> Period:
    """A slot of Berlin's wall clock, some days ahead."""
    day = datetime.now(BERLIN).date() + timedelta(days=days)
    start = datetime(day.year, day.month, day.day, hour, tzinfo=BERLIN).astimezone(UTC)
    return Period(start, start + timedelta(minutes=minutes))


def soon() -> Period:
    """A quarter of an hour that starts within the hour, and so is held only for seconds."""
    now = datetime.now(UTC)
    start = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    return Period(start + timedelta(minutes=30), start + timedelta(minutes=45))


def _read(answer: httpx.Response, kind: type[T]) -> T:
    if answer.status_code == 202:
        raise Later(answer)
    if answer.is_error:
        raise Said(answer)
    return msgspec.json.decode(answer.content, type=kind)


def _client(address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=address,
        timeout=ANSWER_SECONDS,
        trust_env=False,
        event_hooks={"response": [used_routes.note]},
        limits=httpx.Limits(max_connections=400, max_keepalive_connections=400),
    )

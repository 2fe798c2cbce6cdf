"""Made-up drivers and signed quotes: the requests of a load, whole as they go over the wire."""

import json
import urllib.request
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from benchmarks.running import ADDRESS, RunningSystem
from evslot.services.station.messages import Quote, pack_quote
from evslot.spine.callers import AccessTokens
from evslot.values import ChargerId, OrganisationId, Period, SessionId, UserId, new_id

STATIONS = 24
CHARGERS = 40
SLOTS = 24 * 28
"""Hours from tomorrow on that each charger offers: 645,120 slots, each held once."""
HOLDS_PER_DRIVER = 2
"""Three are allowed. A driver who comes again brings a token that was seen before."""
TOKEN_SECONDS = 6 * 3600
HOUR = timedelta(hours=1)
LENGTH = timedelta(minutes=45)
BUFFER = timedelta(minutes=5)


class Wishes:
    """Requests `POST /v1/reservations`, each of which must succeed once."""

    def __init__(self, running: RunningSystem, apart: int = 0) -> None:
        """So many stations are kept apart, for `rivals`."""
        self._tokens = AccessTokens(running.keys("user"))
        self._station_keys = running.keys("station")
        self._now = datetime.now(UTC)
        self._ready: deque[bytes] = deque()
        self._drivers: list[str] = []
        stations = self._stations(running)
        self._apart = stations[:apart]
        self._quotes = self._all_quotes(stations[apart:])
        self._rivalries = 0

    def take(self, count: int) -> deque[bytes]:
        """So many requests; made now, so that making them is no part of a measurement."""
        while len(self._ready) < count:
            self._make_some()
        return deque(self._ready.popleft() for _ in range(count))

    def give_back(self, unused: deque[bytes]) -> None:
        """What nobody has sent is taken first the next time."""
        self._ready.extendleft(reversed(unused))

    def rivals(self, count: int, stations: int, drivers: int) -> deque[bytes]:
        """So many requests for slots at the first stations of those apart: one gets each slot."""
        made: deque[bytes] = deque()
        first = self._now.replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
        while len(made) < count:
            hour, place = divmod(self._rivalries, CHARGERS)
            self._rivalries += 1
            for pattern, chargers in self._apart[:stations]:
                for _ in range(drivers):
                    quote = self._quote(pattern, chargers[place], first + hour * HOUR)
                    made.append(self._request(self._token(), quote))
        return made

    def _make_some(self, drivers: int = 200) -> None:
        """Drivers come one after the other, then all of them again."""
        tokens = [self._token() for _ in range(drivers)]
        for _ in range(HOLDS_PER_DRIVER):
            for token in tokens:
                self._ready.append(self._request(token, next(self._quotes)))

    def _token(self) -> str:
        return self._tokens.mint(
            UserId(new_id()), SessionId(new_id()), {"driver"}, {}, self._now, TOKEN_SECONDS
        )

    def _request(self, token: str, quote: Quote) -> bytes:
        packed = pack_quote(quote, lambda signed: self._station_keys.mac("reservation", signed))
        body = msgspec.json.encode({"quote": packed})
        head = (
            "POST /v1/reservations HTTP/1.1\r\n"
            f"Host: {ADDRESS}\r\n"
            f"Authorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\n"
            f"Idempotency-Key: {uuid4()}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _all_quotes(self, stations: list[tuple[Quote, list[Any]]]) -> Iterator[Quote]:
        """Every charger of every station in one hour, then in the next."""
        first = self._now.replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
        for hour in range(SLOTS):
            start = first + hour * HOUR
            for place in range(CHARGERS):
                for pattern, chargers in stations:
                    yield self._quote(pattern, chargers[place], start)
        raise LookupError("all slots are used: a longer run needs more stations")

    def _quote(self, pattern: Quote, charger: Any, start: datetime) -> Quote:
        end = start + LENGTH
        return replace(
            pattern,
            quote_id=uuid4(),
            charger_id=ChargerId(charger.charger_id),
            charger_label=charger.label,
            period=Period(start, end),
            occupied=Period(start, end + BUFFER),
            valid_until=self._now + timedelta(hours=5),
        )

    def _stations(self, running: RunningSystem) -> list[tuple[Quote, list[Any]]]:
        """Real stations, so that the other parts have their usual work with every hold."""
        organisation = OrganisationId(new_id())
        token = self._tokens.mint(
            UserId(new_id()),
            SessionId(new_id()),
            {"driver"},
            {organisation: "owner"},
            self._now,
            TOKEN_SECONDS,
        )
        address = f"http://{ADDRESS}:{running.gateway_port}/v1"
        found = []
        for number in range(STATIONS):
            body = station_body(number, organisation)
            station = msgspec.json.decode(_post(f"{address}/stations", body, token), type=_Station)
            wish = self._quote_wish(station)
            quote = msgspec.json.decode(_post(f"{address}/quotes", wish, token), type=_Signed)
            found.append((quote.quote, list(station.chargers)))
        return found

    def _quote_wish(self, station: "_Station") -> dict[str, Any]:
        start = self._now.replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
        return {
            "station_id": str(station.station_id),
            "charger_id": str(station.chargers[0].charger_id),
            "period": {"start": start.isoformat(), "end": (start + LENGTH).isoformat()},
        }


class _Charger(msgspec.Struct):
    charger_id: ChargerId
    label: str


class _Station(msgspec.Struct):
    station_id: str
    chargers: list[_Charger]


class _Signed(msgspec.Struct):
    quote: Quote


def station_body(number: int, organisation: OrganisationId) -> dict[str, Any]:
    """A station with as many chargers as the load wants."""
    plug = {"standard": "IEC_62196_T2", "max_watts": 22_000}
    return {
        "organisation_id": str(organisation),
        "name": f"Station {number}",
        "address": f"Street {number}",
        "city": "Berlin",
        "postcode": "10178",
        "country": "DE",
        "position": {"latitude": 52.4 + number / 200, "longitude": 13.4},
        "zone": "Europe/Berlin",
        "chargers": [{"label": f"{n:02}", "connectors": [plug]} for n in range(CHARGERS)],
        "tariff": {"currency": "EUR", "flat": 100, "per_hour": 240, "per_kwh": 49},
    }


def _post(address: str, body: dict[str, Any], token: str) -> bytes:
    request = urllib.request.Request(
        address,
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=15.0) as answer:
        content: bytes = answer.read()
        return content

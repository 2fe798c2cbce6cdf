"""From the answer to a booking to the first search that shows it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from msgspec import Struct

from benchmarks.running import ADDRESS, RunningSystem
from evslot.services.station.domain.sample_cities import CITIES
from evslot.spine.callers import AccessTokens
from evslot.values import SessionId, UserId, new_id

PAUSE_SECONDS = 0.25
POLL_SECONDS = 0.005
GIVEN_UP_SECONDS = 10.0
TOKEN_SECONDS = 3600


class Freshness(Struct, frozen=True):
    """Sorted."""

    seconds: list[float]


async def measure_freshness(running: RunningSystem, seconds: float) -> Freshness:
    """One booking after the other, each at a station of its own."""
    found: list[float] = []
    address = f"http://{ADDRESS}:{running.gateway_port}"
    async with httpx.AsyncClient(base_url=address, timeout=20.0, trust_env=False) as client:
        booker = _Booker(client, AccessTokens(running.keys("user")))
        stations = await booker.stations()
        until = time.monotonic() + seconds
        while time.monotonic() < until and stations:
            taken = await booker.book(stations.pop())
            if taken is not None:
                found.append(taken)
            await asyncio.sleep(PAUSE_SECONDS)
    return Freshness(sorted(found))


class _Booker:
    def __init__(self, client: httpx.AsyncClient, tokens: AccessTokens) -> None:
        self._client = client
        self._tokens = tokens
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=5)
        self._window = {
            "start": start.isoformat(),
            "end": (start + timedelta(hours=1)).isoformat(),
        }

    async def stations(self) -> list[dict[str, Any]]:
        """With something free in five days, beyond what the view was filled with."""
        found = []
        for city in CITIES:
            district = city.districts[0]
            place = {"lat": district.latitude, "lon": district.longitude, "radius": 20_000}
            answer = await self._search({**place, "free": True, "limit": 100})
            found += answer
        return found

    async def book(self, station: dict[str, Any]) -> float | None:
        """Seconds until a search shows it; None where the slot was not to be had."""
        place = {
            "lat": station["position"]["latitude"],
            "lon": station["position"]["longitude"],
            "radius": 1,
        }
        before = await self._free(place, station["station_id"])
        if not await self._hold(station["station_id"]):
            return None
        answered = time.perf_counter()
        while await self._free(place, station["station_id"]) >= before:
            if time.perf_counter() - answered > GIVEN_UP_SECONDS:
                break
            await asyncio.sleep(POLL_SECONDS)
        return time.perf_counter() - answered

    async def _free(self, place: dict[str, Any], station_id: str) -> int:
        lines = await self._search(place)
        return next(int(one["chargers_free"]) for one in lines if one["station_id"] == station_id)

    async def _search(self, wish: dict[str, Any]) -> list[dict[str, Any]]:
        window = {"from": self._window["start"], "to": self._window["end"]}
        answer = await self._client.get("/v1/stations", params={**wish, **window})
        answer.raise_for_status()
        stations: list[dict[str, Any]] = answer.json()["stations"]
        return stations

    async def _hold(self, station_id: str) -> bool:
        wish = {"station_id": station_id, "period": self._window}
        quote = await self._client.post("/v1/quotes", json=wish)
        if quote.status_code >= 300:
            return False
        token = self._tokens.mint(
            UserId(new_id()), SessionId(new_id()), {"driver"}, {}, datetime.now(UTC), TOKEN_SECONDS
        )
        held = await self._client.post(
            "/v1/reservations",
            json={"quote": quote.json()["token"]},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())},
        )
        return held.status_code == 201

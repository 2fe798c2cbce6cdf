"""What people search: the requests of a load, whole as they go over the wire."""

from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import urlencode

from benchmarks.running import ADDRESS
from evslot.services.station.domain.sample_cities import CITIES

KINDS = {
    "around, with a window": 30,
    "around, now": 15,
    "plug and power": 15,
    "only free ones": 10,
    "a part of the map": 10,
    "accessible, direct current": 5,
    "open now": 3,
    "up to a price": 3,
    "by price": 3,
    "by start": 2,
    "places": 4,
}
"""How many of a hundred."""
PLUGS = ("IEC_62196_T2", "IEC_62196_T2_COMBO", "CHADEMO", "IEC_62196_T1_COMBO", "SAE_J3400")
LENGTHS = (30, 45, 60, 90, 120)
NEAR_DEGREES = 0.02
"""Somewhere in the district or beside it: no two ask from the same spot."""


class Questions:
    """An endless mix of searches, the same for the same chance."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._now = datetime.now(UTC)

    def next(self) -> tuple[str, bytes]:
        """The kind, and the request."""
        (kind,) = self._chance.choices(list(KINDS), list(KINDS.values()))
        if kind == "places":
            return kind, _request("/v1/places", {"q": self._typed()})
        if kind == "a part of the map":
            return kind, _request("/v1/stations", self._box() | self._window())
        return kind, _request("/v1/stations", self._place() | self._wishes(kind))

    def _place(self) -> dict[str, str]:
        district = self._chance.choice(self._chance.choice(CITIES).districts)
        latitude = district.latitude + self._chance.gauss(0, NEAR_DEGREES)
        longitude = district.longitude + self._chance.gauss(0, NEAR_DEGREES)
        return {"lat": f"{latitude:.6f}", "lon": f"{longitude:.6f}", "limit": "25"}

    def _box(self) -> dict[str, str]:
        place = self._place()
        south, west = float(place["lat"]), float(place["lon"])
        return {
            "box": f"{south:.5f},{west:.5f},{south + 0.03:.5f},{west + 0.05:.5f}",
            "limit": "25",
        }

    def _wishes(self, kind: str) -> dict[str, str]:
        match kind:
            case "around, now":
                return {}
            case "plug and power":
                power = self._chance.choice(("11", "22", "50", "150"))
                return self._window() | {
                    "connector": self._chance.choice(PLUGS),
                    "min_power_kw": power,
                }
            case "only free ones":
                return self._window() | {"free": "true", "bookable": "true"}
            case "accessible, direct current":
                return self._window() | {"accessible": "true", "current": "DC"}
            case "open now":
                return {"open_now": "true"}
            case "up to a price":
                return self._window() | {"max_price": self._chance.choice(("300", "900", "9000"))}
            case "by price":
                return self._window() | {"sort": "price"}
            case "by start":
                return self._window() | {"sort": "start"}
        return self._window()

    def _window(self) -> dict[str, str]:
        hours = self._chance.randint(1, 60)
        start = self._now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)
        end = start + timedelta(minutes=self._chance.choice(LENGTHS))
        return {"from": start.isoformat(), "to": end.isoformat()}

    def _typed(self) -> str:
        """The first letters of a district, with a slip now and then."""
        name = self._chance.choice(self._chance.choice(CITIES).districts).name
        if self._chance.random() < 0.3 and len(name) > 5:
            place = self._chance.randrange(1, len(name) - 1)
            name = name[:place] + name[place + 1 :]
        return name[: self._chance.randint(3, len(name))]


def _request(path: str, parameters: dict[str, str]) -> bytes:
    return f"GET {path}?{urlencode(parameters)} HTTP/1.1\r\nHost: {ADDRESS}\r\n\r\n".encode()

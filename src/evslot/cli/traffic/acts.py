"""What a made-up driver does next: one act at a time, decided by what is booked and by chance."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from evslot.cli.traffic.person import Person

Middle = Mapping[str, float]
"""Where people are about: `lat` and `lon`, in degrees."""
RADIUS_METRES = 5000
SEEN = 20
"""Stations of the opening view, nearest first."""
MOST_AHEAD = 3
"""Bookings that a driver has at a time."""
GUARDED = timedelta(hours=2)
"""So soon nobody made up takes the last charger of a station."""
LEFT_OVER = 1
AT_ONCE = 0.5
"""Of those who book for the next quarter of an hour: they stand before the charger already."""
METHOD, DECLINED = "sim_ok", "sim_decline"
LIVE = ("held", "confirmed", "active")


async def act(person: Person, luck: Random, middle: Middle) -> str:
    """One act; says in a word what it was. Raises Trouble."""
    mine = await person.get("/v1/reservations", states=",".join(LIVE), limit=20)
    bookings: list[dict[str, Any]] = (mine or {}).get("reservations", [])
    now = datetime.now(UTC)
    for booking in bookings:
        done = await _go_on(person, booking, now, luck)
        if done is not None:
            return done
    if len(bookings) >= MOST_AHEAD:
        return await _look(person, middle)
    return await _book(person, now, luck, middle)


async def _go_on(
    person: Person, booking: dict[str, Any], now: datetime, luck: Random
) -> str | None:
    """Pay what is held, come when it is time, leave at last, or give it up; None: just wait."""
    path = f"/v1/reservations/{booking['reservation_id']}"
    starts, ends = (_instant(booking["period"][edge]) for edge in ("start", "end"))
    if booking["state"] == "held":
        if luck.random() < 0.2:
            await person.post(f"{path}/cancellation")
            return "released"
        method = DECLINED if luck.random() < 0.05 else METHOD
        await person.post(f"{path}/payment", {"method": method})
        return "paid"
    if booking["state"] == "active":
        if luck.random() < 0.1 and now > starts + (ends - starts) / 2:
            await person.post(f"{path}/completion")
            return "left"
        return None
    if starts <= now < ends:
        await person.post(f"{path}/check-in", {"label": booking["charger_label"]})
        return "came"
    if luck.random() < 0.04:
        await person.post(f"{path}/cancellation", {"reason": "plans changed"})
        return "cancelled"
    return None


async def _look(person: Person, middle: Middle) -> str:
    await _stations(person, middle)
    return "looked"


async def _stations(person: Person, middle: Middle) -> list[dict[str, Any]]:
    wish = {**middle, "radius": RADIUS_METRES, "bookable": "true", "limit": SEEN}
    found = await person.get("/v1/stations", **wish)
    stations: list[dict[str, Any]] = (found or {}).get("stations", [])
    return stations


async def _book(person: Person, now: datetime, luck: Random, middle: Middle) -> str:
    """Hold a slot near the middle: one that leaves others a charger, if it is soon."""
    stations = await _stations(person, middle)
    if not stations:
        return "looked"
    place = luck.choice(stations)
    ahead = timedelta(hours=luck.choice((0, 0, 0, 1, 2, 3, 5, 8, 20, 26, 50)))
    path = f"/v1/stations/{place['station_id']}"
    day = (now + ahead).astimezone(ZoneInfo(place["zone"])).date().isoformat()
    minutes = luck.choice((30, 60, 60, 90, 120))
    found = await person.get(f"{path}/slots", day=day, minutes=minutes)
    slot = choose((found or {}).get("chargers", []), now, now + ahead, luck)
    if slot is None:
        return "looked"
    if not ahead and luck.random() < AT_ONCE:
        slot = {**slot, "now": True, "period": {"end": slot["period"]["end"]}}
    quote = await person.post("/v1/quotes", {"station_id": place["station_id"], **slot})
    if quote is None:
        return "looked"
    await person.post("/v1/reservations", {"quote": quote["token"]})
    return "held"


def choose(
    chargers: list[dict[str, Any]], now: datetime, about: datetime, luck: Random
) -> dict[str, Any] | None:
    """The first start from then on that is free, at one of those that have it free."""
    free: dict[datetime, list[dict[str, Any]]] = {}
    for charger in chargers:
        for slot in charger["slots"]:
            start = _instant(slot["period"]["start"])
            if slot["free"] and start >= about:
                wish = {"charger_id": charger["charger_id"], "period": slot["period"]}
                free.setdefault(start, []).append(wish)
    for start in sorted(free):
        spare = len(free[start]) - (LEFT_OVER if start < now + GUARDED else 0)
        if spare > 0:
            return luck.choice(free[start])
    return None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)

"""Drivers who search, hold, pay, come, change their minds and click twice, all written down."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from evslot.services.station.messages import StationView
from tests.faults.canaries import plant
from tests.faults.recording import Client, Procs, Told, Wanted, fresh_key
from tests.faults.rig import Rig
from tests.faults.wishes import Wishes
from tests.journeys.people import Person, around

TOKEN_SECONDS = 4 * 3600
PATIENCE_SECONDS = 150.0
"""So long a driver repeats after the load was told to end: longer than any fault lasts."""


METHODS = {
    "sim_ok": 60,
    "sim_decline": 8,
    "sim_challenge": 8,
    "sim_flaky": 6,
    "sim_timeout_after_charge": 6,
    "sim_slow": 3,
    "sim_webhook_late": 3,
    "sim_webhook_twice": 3,
    "sim_webhook_reversed": 3,
}


class Mix(Struct, frozen=True, kw_only=True):
    """How often drivers do what, of one; and how they pay."""

    looks: float = 0.25
    comes_now: float = 0.15
    clicks_twice: float = 0.12
    waits_not: float = 0.08
    """Prefer: respond-async; then asks the operation."""
    lets_lapse: float = 0.08
    remembers_late: float = 0.1
    """Pays for a hold that was forgotten: most are over by then."""
    gives_up_hold: float = 0.08
    prolongs: float = 0.1
    cancels: float = 0.25
    repeats_old: float = 0.1
    """Sends something again that was answered long ago."""
    thinks: float = 0.25
    """Seconds between two bookings, on average."""
    methods: Mapping[str, int] = field(default_factory=lambda: METHODS)


# Not sim_lapse: a promise that ends after two seconds is no fault but another contract than the
# seven days on which `prepay_days` rests; its bookings would stand without money until check-in.
PROVIDER_FAULTY = Mix(
    methods={
        "sim_ok": 25,
        "sim_decline": 8,
        "sim_challenge": 10,
        "sim_flaky": 12,
        "sim_timeout_after_charge": 15,
        "sim_slow": 5,
        "sim_lost": 8,
        "sim_webhook_late": 4,
        "sim_webhook_twice": 4,
        "sim_webhook_reversed": 4,
    }
)


class Load:
    """Drivers at a few stations with few chargers, until told to end."""

    def __init__(self, rig: Rig, mix: Mix) -> None:
        self.mix = mix
        self._rig = rig
        self._dice = random.Random(f"load {rig.seed}")
        self._procs = Procs()
        self._ended = asyncio.Event()
        self._clients: list[Client] = []
        self._lives: asyncio.Task[None] | None = None

    async def settle(self, drivers: int = 8, stations: int = 3) -> None:
        """Accounts and stations; while nothing is broken yet."""
        town = self._rig.town
        operator = await town.sign_up()
        await operator.make_organisation()
        self.stations = [
            await operator.fresh_station(chargers=2, terms=terms)
            for terms in _some(("usual", "relaxed", "strict"), stations)
        ]
        # Who comes now wants a charger that is free now: these have many.
        self.open_now = await operator.fresh_station(chargers=15)
        people = await asyncio.gather(*(town.sign_up(number) for number in range(drivers)))
        self._clients = [
            self._client(person, number) for number, person in enumerate([*people, operator])
        ]
        self._operator = self._clients.pop()
        tokens = [client.token for client in (*self._clients, self._operator)]
        await plant(self._rig.folder, town, [*people, operator], tokens)
        self._wishes = Wishes(self.stations, random.Random(f"wishes {self._rig.seed}"))

    def begin(self) -> None:
        self._ended.clear()
        self._lives = asyncio.create_task(self._live_all())

    async def end(self) -> None:
        """Nobody begins anything new; what is in hand is brought to its end."""
        until = time.monotonic() + PATIENCE_SECONDS
        for client in self._clients:
            client.until = until
        self._ended.set()
        if self._lives is not None:
            await self._lives
        for client in self._clients:
            client.until = float("inf")

    def _client(self, person: Person, number: int) -> Client:
        assert person.session is not None
        user = person.session.user_id
        token = self._rig.town.token(user, seconds=TOKEN_SECONDS)
        rig = self._rig
        return Client(rig.town, rig.history, self._procs, str(user), token, number)

    async def _live_all(self) -> None:
        async with asyncio.TaskGroup() as lives:
            for number, client in enumerate(self._clients):
                dice = random.Random(f"driver {self._rig.seed} {number}")
                lives.create_task(self._live(Driver(self, client, dice)))

    async def _live(self, driver: "Driver") -> None:
        while not self._ended.is_set():
            await driver.one_visit()
            await asyncio.sleep(driver.dice.expovariate(1 / self.mix.thinks))

    def wish(self) -> dict[str, Any]:
        return self._wishes.next()


class Driver:
    """One account and what it does next."""

    def __init__(self, load: Load, client: Client, dice: random.Random) -> None:
        self.dice = dice
        self._load = load
        self._mix = load.mix
        self._client = client
        self._old: list[Wanted] = []
        self._forgotten: list[str] = []

    async def one_visit(self) -> None:
        """From a look to a booking that is paid, used, given up, or forgotten."""
        if self._happens(self._mix.looks):
            await self._look()
        if self._old and self._happens(self._mix.repeats_old):
            await self._client.insist(self.dice.choice(self._old))
        if self._forgotten and self._happens(self._mix.remembers_late):
            await self._pay(self._forgotten.pop(), "sim_ok")
        now = self._happens(self._mix.comes_now)
        held = await self._hold(self._now_body() if now else self._load.wish())
        if held is None:
            return
        if self._happens(self._mix.lets_lapse):
            self._forgotten.append(held)
            return
        if self._happens(self._mix.gives_up_hold):
            await self._on_booking("cancel", "cancellation", held, {"reason": "plans changed"})
            return
        if self._happens(self._mix.prolongs):
            await self._on_booking("prolong", "hold", held, None)
        if not await self._paid(held):
            return
        if now:
            await self._use(held)
        elif self._happens(self._mix.cancels):
            await self._on_booking("cancel", "cancellation", held, {"reason": "plans changed"})
        if self._happens(0.2):
            await self._read(held)

    async def _look(self) -> None:
        station = self.dice.choice(self._load.stations)
        await self._client.get("search", "/v1/stations", around(station))
        day = (datetime.now(UTC) + timedelta(days=self.dice.randint(2, 20))).date().isoformat()
        path = f"/v1/stations/{station.station_id}/slots"
        await self._client.get("slots", path, {"day": day, "minutes": 45})

    def _now_body(self) -> dict[str, Any]:
        """From this minute to the second quarter of an hour after the next."""
        station: StationView = self._load.open_now
        charger = station.chargers[self.dice.randrange(len(station.chargers))].charger_id
        now = datetime.now(UTC)
        end = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
        return {
            "station_id": str(station.station_id),
            "charger_id": str(charger),
            "period": {"end": (end + timedelta(minutes=30)).isoformat()},
            "now": True,
        }

    async def _hold(self, wish: dict[str, Any]) -> str | None:
        """The booking's id; None where somebody else has the slot, or it is not for this driver."""
        asked = Wanted(f="quote", method="POST", path="/v1/quotes", body=wish, args=wish)
        quote = await self._client.insist(asked)
        if quote.type != "ok":
            return None
        said = quote.body["quote"]
        args = {
            "station_id": wish["station_id"],
            "charger_id": wish["charger_id"],
            "start": said["period"]["start"],
            "end": said["period"]["end"],
            "occupied_until": said["occupied"]["end"],
        }
        body = {"quote": quote.body["token"]}
        held = await self._act("hold", "/v1/reservations", body, args)
        return held.body["reservation_id"] if held.type == "ok" else None

    async def _paid(self, booking: str) -> bool:
        methods = self._mix.methods
        method = self.dice.choices(list(methods), list(methods.values()))[0]
        paid = await self._pay(booking, method)
        if paid.type == "fail" and paid.code == "payment_refused" and self._happens(0.6):
            paid = await self._pay(booking, "sim_ok")
        if paid.type == "ok" and paid.body.get("challenge_url"):
            answer = self.dice.choices(("approve", "refuse"), (3, 1))[0]
            payment_id = paid.body["reservation"]["payment_id"]
            args = {"reservation_id": booking, "payment_id": payment_id, "answer": answer}
            answered = await self._act(
                "challenge", paid.body["challenge_url"], {"answer": answer}, args
            )
            return answered.type == "ok" and answer == "approve"
        return paid.type == "ok"

    async def _pay(self, booking: str, method: str) -> Told:
        body, args = {"method": method}, {"reservation_id": booking, "method": method}
        return await self._act("pay", f"/v1/reservations/{booking}/payment", body, args)

    async def _use(self, booking: str) -> None:
        """Plug in, charge for a moment, leave: the charger is free for the next one."""
        if self._happens(0.15):  # thinks better of it at the last moment; that costs
            await self._on_booking("cancel", "cancellation", booking, {"reason": "too late"})
            return
        begun = await self._on_booking("check_in", "check-in", booking, None)
        if begun.type == "ok":
            await asyncio.sleep(self.dice.uniform(0.1, 1.0))
            await self._on_booking("complete", "completion", booking, None)

    async def _read(self, booking: str) -> None:
        path = f"/v1/reservations/{booking}"
        await self._client.get("get", path, reservation_id=booking)
        if self._happens(0.3):
            await self._client.get("list", "/v1/reservations", {"limit": 50})

    async def _on_booking(self, f: str, verb: str, booking: str, body: Any) -> Told:
        path = f"/v1/reservations/{booking}/{verb}"
        return await self._act(f, path, body, {"reservation_id": booking})

    async def _act(self, f: str, path: str, body: Any, args: dict[str, Any]) -> Told:
        """A command under a key of its own, by one of the manners of clicking."""
        key = fresh_key()
        wanted = Wanted(f=f, method="POST", path=path, body=body, args=args, key=key)
        self._old = [*self._old[-20:], wanted]
        if self._happens(self._mix.clicks_twice):
            return await self._client.twice(wanted)
        if self._happens(self._mix.waits_not):
            return await self._client.insist(replace(wanted, respond_async=True))
        return await self._client.insist(wanted)

    def _happens(self, share: float) -> bool:
        return self.dice.random() < share


def _some(names: Sequence[str], count: int) -> list[str]:
    return [names[number % len(names)] for number in range(count)]

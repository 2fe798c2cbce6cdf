"""The story of the demonstration: two drivers, two bookings, one service killed in between."""

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from evslot.cli.demo.telling import Narrator, moment, money
from evslot.cli.demo.visitor import Answered, DemoFailed, Post, Visitor

ALEXANDERPLATZ = {"lat": 52.5219, "lon": 13.4132}
PLUG = "IEC_62196_T2"
PREPAID_DAYS = 8
"""Further ahead than an authorisation of a card lasts: the money is taken at once."""
BACK_SECONDS = 20.0


class Place(Struct, frozen=True, kw_only=True):
    """Where the story plays."""

    station_id: str
    name: str
    zone: str


class Story:
    """Told step by step; each is a method, in order."""

    def __init__(
        self, narrator: Narrator, driver: Visitor, rival: Visitor, post: Post, folder: Path
    ) -> None:
        self._tell = narrator
        self._driver = driver
        self._rival = rival
        self._post = post
        self._folder = folder

    async def play(self) -> None:
        """Raises DemoFailed where the system does not do what the story says."""
        await self._arrive()
        place = await self._find()
        quote = await self._quote(place, _now_wish)
        held = await self._hold(quote)
        await self._rival_is_refused(quote)
        await self._pay(held)
        await self._kill_and_look(held)
        await self._visit(held)
        later = await self._quote(place, await self._later_wish(place))
        prepaid = await self._hold(later)
        await self._pay(prepaid)
        await self._cancel(prepaid)

    async def _arrive(self) -> None:
        self._tell.step("A driver comes: an e-mail address and a mailed code, no password")
        signed_in = await self._driver.sign_in()
        await self._rival.sign_in()
        self._tell.say(f"{self._driver.email} has account {signed_in.body['user_id']}")
        await self._tell.way(signed_in)

    async def _find(self) -> Place:
        self._tell.step("Search around Alexanderplatz, Berlin: Type 2, free from now on")
        wish = ALEXANDERPLATZ | {"radius": 20_000, "connector": PLUG, "free": "true"}
        found = (await self._driver.get("/v1/stations", {**wish, "bookable": "true"})).done()
        stations = found.body["stations"]
        if not stations:
            raise DemoFailed("no station is free there: bring some in with `evslot import sample`")
        for station in stations[:3]:
            self._tell.say(
                f"{station['name']}, {station['distance_metres']} m:"
                f" {station['chargers_free_now']} of {station['chargers_total']} free now"
            )
        await self._tell.way(found)
        place = stations[0]
        return Place(station_id=place["station_id"], name=place["name"], zone=place["zone"])

    async def _later_wish(self, place: Place) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """The first free slot of an hour, more than six days ahead."""
        day = (datetime.now(UTC) + timedelta(days=PREPAID_DAYS)).date().isoformat()
        path = f"/v1/stations/{place.station_id}/slots"
        slots = (await self._driver.get(path, {"day": day, "minutes": 60})).done()
        for charger in slots.body["chargers"]:
            for slot in charger["slots"]:
                if slot["free"]:
                    return lambda _: {
                        "charger_id": charger["charger_id"],
                        "period": slot["period"],
                    }
        raise DemoFailed(f"{place.name} has nothing free on {day}")

    async def _quote(
        self, place: Place, wish: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        self._tell.step(f"What would it cost at {place.name}? A signed quote, line by line")
        path = f"/v1/stations/{place.station_id}"
        station = (await self._driver.get(path)).done()
        asked = {"station_id": place.station_id, **wish(station.body)}
        quoted = (await self._driver.post("/v1/quotes", asked)).done()
        quote: dict[str, Any] = quoted.body["quote"]
        for line in quote["lines"]:
            amount = {"amount": line["amount"], "currency": quote["total"]["currency"]}
            vat = line["vat_basis_points"] / 100
            self._tell.say(f"{line['text']}: {money(amount)} (with {vat:g} % VAT)")
        self._tell.say(
            f"{money(quote['total'])} for {moment(quote['period']['start'], quote['zone'])} to"
            f" {moment(quote['period']['end'], quote['zone'])}; valid until"
            f" {moment(quote['valid_until'], quote['zone'])}"
        )
        await self._tell.way(quoted)
        token: dict[str, Any] = quoted.body
        return token

    async def _hold(self, quote: dict[str, Any]) -> dict[str, Any]:
        self._tell.step("Hold it: the slot is taken until it is paid")
        held = (await self._driver.post("/v1/reservations", {"quote": quote["token"]})).done()
        booking: dict[str, Any] = held.body
        until = moment(booking["held_until"], booking["zone"])
        self._tell.say(
            f"reservation {booking['reservation_id']} at charger {booking['charger_label']},"
            f" held until {until}"
        )
        await self._tell.way(held, until="reservation.SlotHeld")
        return booking

    async def _rival_is_refused(self, quote: dict[str, Any]) -> None:
        self._tell.step("A rival wants the same slot: the database refuses")
        token = quote["token"]
        if quote["quote"].get("candidates"):
            token = await self._same_charger(quote["quote"])
        refused = await self._rival.post("/v1/reservations", {"quote": token})
        refused.expect(409)
        self._tell.say(f"409 {refused.body['code']}: {refused.body['detail']}")
        await self._tell.way(refused)

    async def _same_charger(self, quote: dict[str, Any]) -> str:
        """A quote of a kind goes to another charger that fits; the rival wants this one."""
        wish = {
            "station_id": quote["station_id"],
            "charger_id": quote["charger_id"],
            "now": True,
            "period": {"end": quote["period"]["end"]},
        }
        token: str = (await self._rival.post("/v1/quotes", wish)).done().body["token"]
        return token

    async def _pay(self, booking: dict[str, Any]) -> None:
        self._tell.step(f"Book and pay {money(booking['total'])}")
        path = f"/v1/reservations/{booking['reservation_id']}"
        paid = (await self._driver.post(f"{path}/payment", {"method": "sim_ok"})).done()
        now = paid.body["reservation"]
        self._tell.say(
            f"{now['state']}, payment {now['payment_id']} is {now['payment_state']};"
            f" the code at the station is {now['code']}"
        )
        await self._tell.way(paid, until="notification.NotificationDelivered")
        await self._show_mail("booked")

    async def _show_mail(self, subject: str) -> None:
        mail = await self._post.mail(self._driver.email, subject)
        names = [str(part) for part in mail.get("attachments") or []]
        self._tell.say(f"mail: “{mail['subject']}”" + "".join(f", with {name}" for name in names))

    async def _kill_and_look(self, booking: dict[str, Any]) -> None:
        pid = _pid_of(self._folder, "reservation")
        if pid is None:
            self._tell.step("(The reservation service runs elsewhere: it is not killed here)")
            return
        self._tell.step(f"Kill the reservation service (SIGKILL, process {pid}): who has the slot?")
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        answered = await self._until_back(f"/v1/reservations/{booking['reservation_id']}")
        state = answered.body["reservation"]["state"]
        self._tell.say(
            f"it answers again after {time.monotonic() - killed:.1f} s, by process"
            f" {_pid_of(self._folder, 'reservation')}: the booking is {state}"
        )
        await self._tell.way(answered)

    async def _until_back(self, path: str) -> Answered:
        until = time.monotonic() + BACK_SECONDS
        while True:
            answered = await self._driver.get(path)
            if answered.status == 200 or time.monotonic() > until:
                return answered.done()

    async def _visit(self, booking: dict[str, Any]) -> None:
        path = f"/v1/reservations/{booking['reservation_id']}"
        self._tell.step(f"Check in at charger {booking['charger_label']}: the money is taken now")
        arrived = await self._driver.post(f"{path}/check-in", {"label": booking["charger_label"]})
        self._tell.say(f"the booking is {arrived.done().body['state']}")
        await self._tell.way(arrived, until="payment.ReceiptIssued")
        self._tell.step("Leave: what is left of the slot is free at once")
        left = (await self._driver.post(f"{path}/completion")).done()
        self._tell.say(f"the booking is {left.body['state']}")
        await self._tell.way(left, until="notification.NotificationDelivered")
        await self._show_mail("thank you")
        pdf = await self._receipt(left.body["payment_id"])
        self._tell.say(f"the receipt is a PDF of {len(pdf) / 1024:.0f} kB")

    async def _receipt(self, payment_id: str) -> bytes:
        path = f"/v1/payments/{payment_id}/receipt"
        answered = (await self._driver.fetch(path, "application/pdf")).done()
        if not answered.content.startswith(b"%PDF"):
            raise DemoFailed(f"{path} is no PDF")
        content: bytes = answered.content
        return content

    async def _cancel(self, booking: dict[str, Any]) -> None:
        self._tell.step("Plans change: cancel, and the terms decide")
        path = f"/v1/reservations/{booking['reservation_id']}/cancellation"
        given_up = (await self._driver.post(path, {"reason": "plans changed"})).done()
        fee, refund = given_up.body["fee"], given_up.body["refund"]
        self._tell.say(f"kept by the terms: {money(fee)}; given back: {money(refund)}")
        await self._tell.way(given_up, until="payment.PaymentRefunded")
        await self._show_mail("cancelled")


def _now_wish(station: dict[str, Any]) -> dict[str, Any]:
    """From this minute to the next end on the grid that leaves the shortest slot at least."""
    grid = timedelta(minutes=station["rule"]["grid"])
    start = datetime.now(UTC) + timedelta(minutes=station["rule"]["shortest"])
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    end = day + ((start - day) // grid + 1) * grid
    return {"now": True, "period": {"end": end.isoformat()}, "connector": PLUG}


def _pid_of(folder: Path, part: str) -> int | None:
    """Where `evslot up` runs on this machine, the process of a part."""
    try:
        states = msgspec.json.decode((folder / "processes.json").read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError):
        return None
    pid: int | None = states.get(part, {}).get("pid")
    return pid

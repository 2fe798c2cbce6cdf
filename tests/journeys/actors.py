"""Who asks in the matrix of actors, and the things of theirs that are asked for."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from evslot.services.reservation.messages import Reservation
from evslot.services.station.messages import StationView
from evslot.services.user.messages import OrganisationView
from evslot.values import Period, UserId
from tests.journeys.people import Person, Town, eventually, made_up_email, tomorrow

Ids = dict[str, Any]


async def there(person: Person, path: str) -> None:
    """Until something can be read that follows from what was done."""
    await eventually(lambda: person.request("GET", path), lambda told: told.status_code == 200)


async def accept(person: Person, organisation_id: UUID) -> OrganisationView:
    """Belong to an organisation that has invited this person."""
    path = f"/v1/me/invitations/{organisation_id}/acceptance"
    return await person.post(path, OrganisationView)


class World:
    """A driver and an operator with all they may have; a stranger, a rival operator, a viewer."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self._slots = (
            (tomorrow(hour, days=day), charger)
            for day in range(1, 6)
            for hour in range(6, 22, 2)
            for charger in range(3)
        )

    async def settle(self) -> None:
        """Everybody has an account; the viewer belongs to the operator's organisation."""
        people = await asyncio.gather(*(self.town.sign_up() for _ in range(5)))
        self.driver, self.operator, self.stranger, self.other, self.viewer = people
        self.nobody = self.town.stranger()
        self.admin = await self.sample("admin")
        await asyncio.gather(self.operator.make_organisation(), self.other.make_organisation())
        await self.take_in(self.viewer)
        await self.viewer.refresh()
        self.station = await self.operator.fresh_station(chargers=3)
        self.user_ids = {name: (await person.me()).user_id for name, person in self.named()}

    def named(self) -> list[tuple[str, Person]]:
        return [("driver", self.driver), ("viewer", self.viewer), ("operator", self.operator)]

    @property
    def organisation_id(self) -> UUID:
        assert self.operator.organisation is not None
        return self.operator.organisation.organisation_id

    async def sample(self, role: str) -> Person:
        person = Person(self.town)
        session = await person.post("/v1/sample-sessions", dict[str, Any], {"role": role})
        person.token = session["access_token"]
        return person

    async def fresh(self) -> Person:
        """An account that nobody needs afterwards."""
        return await self.town.sign_up()

    async def invite(self, email: str, role: str = "viewer") -> Ids:
        path = f"/v1/organisations/{self.organisation_id}/invitations"
        return await self.operator.post(path, Ids, {"email": email, "role": role})

    async def take_in(self, person: Person) -> None:
        """Invited and accepted."""
        await self.invite(person.email)
        await accept(person, self.organisation_id)

    async def held(self, driver: Person, days_later: int = 0) -> Reservation:
        """A hold of an hour that nobody else wants."""
        slot, charger = next(self._slots)
        slot = Period(*(at + timedelta(days=days_later) for at in (slot.start, slot.end)))
        return await driver.hold(await driver.quote(self.station, slot, charger))

    async def paid(self, driver: Person, method: str = "sim_ok") -> Reservation:
        booking = await self.held(driver)
        return (await driver.pay(booking, method)).reservation

    # --- ids for the parameters of a path; `owner` where the thing has another than usual ----

    async def of_organisation(self) -> Ids:
        return {"organisation_id": self.organisation_id}

    async def of_station(self) -> Ids:
        charger = self.station.chargers[0]
        return {"station_id": self.station.station_id, "charger_id": charger.charger_id}

    async def of_sticker(self) -> Ids:
        path = f"/v1/stations/{self.station.station_id}/stickers"
        told = await self.operator.get(path, Ids)
        return {"code": told["stickers"][0]["code"]}

    async def of_fresh_station(self) -> Ids:
        station: StationView = await self.operator.fresh_station(chargers=2)
        charger = station.chargers[0]
        return {"station_id": station.station_id, "charger_id": charger.charger_id}

    async def of_hold(self) -> Ids:
        driver = self.town.made_up()
        return {"reservation_id": (await self.held(driver)).reservation_id, "owner": driver}

    async def of_booking(self, method: str = "sim_ok") -> Ids:
        driver = self.town.made_up()
        booking = await self.paid(driver, method)
        ids = {"reservation_id": booking.reservation_id, "payment_id": booking.payment_id}
        return {**ids, "owner": driver}

    async def of_calendar(self) -> Ids:
        """A booking that the notification service has heard of."""
        ids = await self.of_booking()
        await there(ids["owner"], f"/v1/reservations/{ids['reservation_id']}/calendar.ics")
        return ids

    async def of_receipt(self) -> Ids:
        """So far ahead that it is paid at once."""
        driver = self.town.made_up()
        booking = (await driver.pay(await self.held(driver, days_later=14))).reservation
        ids = {"payment_id": booking.payment_id, "owner": driver}
        await there(driver, f"/v1/payments/{booking.payment_id}/receipt")
        return ids

    async def of_provider(self) -> Ids:
        return {"provider": "simulated"}

    async def of_method(self) -> Ids:
        made = await self.driver.post("/v1/me/payment-methods", Ids, {"method": "sim_ok:4242"})
        return {"method_id": made["method_id"]}

    async def of_challenge(self) -> Ids:
        return await self.of_booking("sim_challenge")

    async def of_vehicle(self) -> Ids:
        car = {"name": "Blue", "connector": "IEC_62196_T2"}
        made = await self.driver.post("/v1/me/vehicles", Ids, car)
        return {"vehicle_id": made["vehicle_id"]}

    async def of_session(self) -> Ids:
        """Another session of the driver."""
        elsewhere = Person(self.town, email=self.driver.email)
        wish = {"email": self.driver.email, "language": "en"}
        before = len(await self.town.mails(self.driver.email))
        await elsewhere.post("/v1/sign-in-codes", Any, wish)
        await eventually(lambda: self.town.mails(self.driver.email), lambda got: len(got) > before)
        session = await elsewhere.sign_in(
            email=self.driver.email, code=await elsewhere.mailed_code()
        )
        return {"session_id": session.session_id}

    async def of_invitation(self) -> Ids:
        made = await self.invite(made_up_email())
        return {
            **await self.of_organisation(),
            "invitation_id": made["invitation"]["invitation_id"],
        }

    async def of_received_invitation(self) -> Ids:
        fresh = await self.fresh()
        await self.invite(fresh.email)
        return {**await self.of_organisation(), "owner": fresh}

    async def of_member(self) -> Ids:
        fresh = await self.fresh()
        await self.take_in(fresh)
        user_id: UserId = (await fresh.me()).user_id
        return {**await self.of_organisation(), "user_id": user_id}

    async def of_account(self) -> Ids:
        return {"user_id": (await (await self.fresh()).me()).user_id}

    async def of_api_key(self) -> Ids:
        path = f"/v1/organisations/{self.organisation_id}/api-keys"
        wish = {"name": "gate", "scopes": ["organisation:read"]}
        made = await self.operator.post(path, Ids, wish)
        return {**await self.of_organisation(), "api_key_id": made["api_key"]["api_key_id"]}

    async def of_closure(self) -> Ids:
        ids = await self.of_station()  # which the reservation service has heard of by now
        slot = tomorrow(9, days=28)
        period = {"start": slot.start.isoformat(), "end": slot.end.isoformat()}
        wish = {"period": period, "reason": "works"}
        path = f"/v1/stations/{ids['station_id']}/closures"
        made = await self.operator.post(path, Ids, wish)
        return {**ids, "closure_id": made["closure"]["closure_id"]}

    async def of_notification(self) -> Ids:
        await self.paid(self.driver)

        async def told() -> list[Ids]:
            return (await self.driver.get("/v1/notifications", Ids))["notifications"]  # type: ignore[no-any-return]

        found = await eventually(told, bool)
        return {"notification_id": found[0]["notification_id"]}

    async def of_operation(self) -> Ids:
        answer = await self.driver.request(
            "PATCH", "/v1/me", body={"units": "metric"}, headers={"Prefer": "respond-async"}
        )
        assert answer.status_code == 202, answer.text
        return {"operation_id": answer.json()["operation_id"]}

    async def quote_body(self) -> Ids:
        slot = tomorrow(12, days=26)
        period = {"start": slot.start.isoformat(), "end": slot.end.isoformat()}
        ids = await self.of_station()
        return {**{name: str(value) for name, value in ids.items()}, "period": period}

    async def hold_body(self) -> Ids:
        slot = tomorrow(12, days=26)
        return {"quote": (await self.driver.quote(self.station, slot)).token}

    async def closure_body(self) -> Ids:
        slot = tomorrow(15, days=28)
        return {"period": {"start": slot.start.isoformat(), "end": slot.end.isoformat()}}

    async def station_body(self) -> Ids:
        return {"organisation_id": str(self.organisation_id), "name": uuid4().hex}

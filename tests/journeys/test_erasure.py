"""Whoever erases their account is found nowhere any more; what was paid stays in the books.

What they had booked is cancelled by its terms: eight days before, all of it is given back.
"""

from typing import Any
from uuid import UUID, uuid4

import pytest

from evslot import system as parts
from evslot.services.station.messages import StationView
from tests.journeys.people import Person, Said, Town, eventually, tomorrow
from tests.journeys.running_system import RunningSystem
from tests.journeys.test_secrets import found_in, logs, records, rows

pytestmark = pytest.mark.anyio

LEDGER = """
select count(*) as entries, sum(abs(e.amount)) as moved
from ledger_entry e join ledger_transaction using (transaction_id) join payment using (payment_id)
where payer_id = $1"""
RECEIPTS = """
select count(*) as receipts, sum(total) as total
from receipt join payment using (payment_id) where payer_id = $1"""


async def test_an_erased_person_is_found_nowhere_and_the_books_keep_what_moved(
    town: Town, station: StationView, system: RunningSystem
) -> None:
    mark = uuid4().hex
    person = await town.sign_up()
    planted = {
        "email": person.email,
        "name": f"Planted Name {mark}",
        "address": f"Planted Street {mark}",
        "company": f"Planted Company {mark}",
        "car": f"Planted Car {mark}",
        "reason": f"Planted reason {mark}",
        "card": f"sim_ok:planted-{mark}",
    }
    await _live_a_little(person, station, planted)
    user_id = (await person.me()).user_id
    before = await eventually(lambda: _books(system, user_id), lambda books: books[1]["receipts"])

    erased = await person.request("DELETE", "/v1/me")
    assert erased.status_code == 204, erased.text

    ledger, papers = before
    given_back = [
        {name: 2 * figure for name, figure in table.items()} for table in (ledger, papers)
    ]
    await eventually(lambda: _books(system, user_id), lambda books: books == given_back)

    async def left() -> dict[str, set[str]]:
        return {part: found_in(planted, *await rows(system, part)) for part in parts.NAMES}

    await eventually(left, lambda found: not any(found.values()))
    assert found_in(planted, *await records(system)) == set()
    assert found_in(planted, *logs(system.folder / "logs")) == set()
    with pytest.raises(Said) as refused:
        await person.me()
    assert refused.value.status == 401


async def _live_a_little(person: Person, station: StationView, planted: dict[str, str]) -> None:
    """A profile, a car, a booking paid and taken at once, one given up with a reason."""
    profile = {
        "name": planted["name"],
        "invoice_address": planted["address"],
        "company": planted["company"],
    }
    changed = await person.request("PATCH", "/v1/me", body=profile)
    assert changed.status_code == 200, changed.text
    car = {"name": planted["car"], "connector": "IEC_62196_T2"}
    await person.post("/v1/me/vehicles", Any, car)
    card = {"method": planted["card"]}
    await person.post("/v1/me/payment-methods", Any, card)
    prepaid = await person.hold(await person.quote(station, tomorrow(days=8)))
    await person.pay(prepaid, planted["card"])
    await person.eventual_payment_state(prepaid, "captured")
    given_up = await person.hold(await person.quote(station, tomorrow(hour=20)))
    path = f"/v1/reservations/{given_up.reservation_id}/cancellation"
    await person.post(path, Any, {"reason": planted["reason"]})
    details = await person.booking(given_up)
    assert planted["reason"] in {line.reason for line in details.story}
    await person.town.awaited_mail(person.email, station.name)


async def _books(system: RunningSystem, payer: UUID) -> list[dict[str, Any]]:
    """What the ledger and the receipts say of one payer."""
    async with system.database("payment") as connection:
        return [dict(await connection.fetchrow(sql, payer)) for sql in (LEDGER, RECEIPTS)]

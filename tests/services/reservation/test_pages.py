"""Pages of bookings and closures: they end where a record is full, and read no whole past."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.reservation.acting import hold, soon
from tests.services.reservation.closing import close, know_station, owner
from tests.services.reservation.copies import copy_booking, copy_closures
from tests.services.reservation.made_up import CHARGER, ORGANISATION, STATION

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation.messages import (
    ListClosures,
    ListReservations,
    ListStationBookings,
)
from evslot.services.reservation.queries import bookings
from evslot.services.reservation.service import SERVICE
from evslot.values import ChargerId, PriceLine

pytestmark = pytest.mark.anyio

LEAVE = """
update reservation set state = 'confirmed', confirmed_at = now() where lower(period) = $1"""


async def test_a_page_is_cut_where_a_record_is_full(postgres_server: PostgresServer) -> None:
    """Many price elements, many chargers: a hundred of those are no answer that Kafka takes."""
    lines = tuple(
        PriceLine(kind="TIME", text="A part of the day " * 5, amount=0, vat_basis_points=1900)
        for _ in range(24)
    )
    chargers = [CHARGER, *(ChargerId(uuid4()) for _ in range(199))]
    async with Harness(SERVICE, postgres_server) as h:
        await copy_booking(h, await hold(h, soon(), driver(), lines=lines, price=0), 99)
        await know_station(h, *chargers)
        await close(h, soon(), 1)
        await copy_closures(h, 39)
        booked = ListStationBookings(organisation_id=ORGANISATION, limit=100)
        closures = ListClosures(station_id=STATION, limit=100)
        for asked, name, made in ((booked, "reservation", 100), (closures, "closure", 40)):
            seen: list[Any] = []
            pages, cursor = 0, None
            while not pages or cursor is not None:
                page: Any = await h.ask(replace(asked, cursor=cursor), caller=owner())
                seen += [getattr(one, f"{name}_id") for one in getattr(page, f"{name}s")]
                pages, cursor = pages + 1, page.next_cursor
            assert (len(seen), len(set(seen))) == (made, made), name
            assert 1 < pages < 4


async def test_a_list_of_what_is_to_come_does_not_read_the_past(
    postgres_server: PostgresServer,
) -> None:
    """Also while a booking stands that an outage left: it is shown."""
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booked = await hold(h, soon(), me)
        await copy_booking(h, booked, 800, timedelta(hours=-1))
        await h.execute("update reservation set state = 'expired' where lower(period) < now()")
        await h.execute(LEAVE, booked.period.start - timedelta(hours=200))
        await h.execute("analyze reservation")
        floor = await h.fetch_value(bookings.LIVE_SINCE, booked.created_at)
        live, since = sorted(bookings.LIVE), booked.created_at
        for sql, owner in (
            (bookings.PAGE_OF_DRIVER, me.user_id),
            (bookings.PAGE_OF_ORGANISATION, ORGANISATION),
        ):
            for first, read in (((live, None, None, floor), 250), ((None, None, since, None), 80)):
                wished = (owner, *first, None, None, None, 101)
                plan = str(await h.fetch(f"explain (analyze, timing off) {sql}", *wished))
                removed = sum(map(int, re.findall(r"Rows Removed by Filter: (\d+)", plan)))
                assert removed < read, plan
        shown = ListReservations(
            driver_id=booked.driver_id, states=["confirmed", "held"], limit=100
        )
        page = await h.ask(shown, caller=me)
        starts = [one.period.start for one in page.reservations]
        assert starts[-1] == booked.period.start - timedelta(hours=200)

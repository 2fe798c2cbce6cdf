"""The past that is made up: the same for a seed and a day, and such as could have been."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest

from evslot.cli.history.own import own_visits
from evslot.cli.history.parts import PART_BYTES, bookings
from evslot.cli.history.plan import Planned, known_by
from evslot.services.station.domain.slots import check_slot
from evslot.services.station.messages import StationView
from tests.services.reservation.sample_past import DRIVERS, few_stations, planned

NOW = datetime(2026, 11, 23, 15, 20, tzinfo=UTC)
"""A Monday; the clocks were changed within the weeks before."""
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def stations() -> list[StationView]:
    return few_stations()


@pytest.fixture(scope="module")
def made(stations: list[StationView]) -> list[Planned]:
    return planned(stations, NOW)[0]


def test_the_same_moment_has_the_same_past(
    stations: list[StationView], made: list[Planned]
) -> None:
    assert planned(stations, NOW)[0] == made


def test_the_next_day_only_adds(stations: list[StationView], made: list[Planned]) -> None:
    whole = planned(stations, NOW + DAY)[0]
    fresh = planned(stations, NOW + DAY, since=NOW)[0]
    kept = [one for one in made if one.visit.period.start > NOW - 58 * DAY]
    assert all(one in whole for one in kept)
    assert fresh
    assert not any(one in made for one in fresh)
    assert all(NOW < one.visit.booked_at <= NOW + DAY for one in fresh)


def test_it_reaches_from_two_months_ago_to_two_weeks_ahead(made: list[Planned]) -> None:
    days = sorted(one.visit.period.start for one in made)
    assert NOW - 61 * DAY < days[0] < NOW - 58 * DAY
    assert NOW + 5 * DAY < days[-1] < NOW + 15 * DAY
    assert all(one.visit.booked_at <= NOW for one in made)


def test_neither_chargers_nor_drivers_are_in_two_bookings_at_once(made: list[Planned]) -> None:
    claims, drives = defaultdict(list), defaultdict(list)
    for one in made:
        claims[one.visit.charger_id].append(one.visit.occupied)
        drives[one.visit.driver_id].append(one.visit.period)
    for spans in (*claims.values(), *drives.values()):
        spans.sort(key=lambda span: span.start)
        assert all(a.end <= b.start for a, b in pairwise(spans))


def test_every_visit_could_have_been_booked_when_it_was(made: list[Planned]) -> None:
    for one in made:
        check_slot(one.station, one.visit.period, one.visit.booked_at)
        assert sum(line.amount for line in one.visit.lines) > 0


def test_acts_come_in_an_order_that_could_be(made: list[Planned]) -> None:
    for visit in (one.visit for one in made):
        left = visit.left_at or visit.period.end
        if visit.came_at is not None:
            assert visit.booked_at < visit.came_at < left <= visit.period.end
        if visit.ended_at is not None:
            assert visit.booked_at < visit.ended_at < visit.period.end
        assert (visit.came_at is not None) == (visit.end == "stays")
        assert (visit.ended_at is not None) == (visit.end in ("cancelled", "no_show"))


def test_working_days_are_busier_than_sundays_and_evenings_than_dawn(made: list[Planned]) -> None:
    local = [one.visit.period.start.astimezone(ZoneInfo(one.station.zone)) for one in made]
    weekdays = Counter(start.weekday() for start in local if start < NOW - DAY)
    assert weekdays[4] > 1.3 * weekdays[6]
    hours = Counter(start.hour for start in local)
    assert hours[17] + hours[18] > 3 * (hours[5] + hours[6])


def test_no_part_is_too_long_for_a_record_and_none_is_lost(made: list[Planned]) -> None:
    parts = list(bookings(made))
    assert len(parts) > 1
    assert all(len(msgspec.json.encode(part)) < PART_BYTES * 1.05 for part in parts)
    sent = [(part.sites[visit.site].station_id, visit) for part in parts for visit in part.visits]
    assert [visit.period for _, visit in sent] == [one.visit.period for one in made]
    assert [place for place, _ in sent] == [one.station.station_id for one in made]


def test_the_sample_driver_was_there_and_comes_tomorrow(
    stations: list[StationView], made: list[Planned]
) -> None:
    own = list(own_visits(stations, made, DRIVERS[0], NOW))
    assert len(own) == 6
    ahead = [one for one in own if one.visit.period.start > NOW]
    assert [one.visit.period.start.date() for one in ahead] == [(NOW + DAY).date()]
    assert all(known_by(one, NOW, None) for one in own)
    assert ahead[0].visit.booked_at < NOW - DAY, "old news: nobody is mailed of it"
    for one in own:
        claims = [o.visit.occupied for o in made if o.visit.charger_id == one.visit.charger_id]
        assert not any(one.visit.occupied.overlaps(claim) for claim in claims)

"""Stations go out as OCPI Locations and come in again as they were, as far as OCPI has words."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.services.station.supplies import CCS, TYPE_2, a_station

from evslot.services.station.domain.claims import LastImport, Merged, imported
from evslot.services.station.domain.details import check_hours
from evslot.services.station.domain.drafts import Draft, Skipped
from evslot.services.station.domain.hours import open_spans
from evslot.services.station.domain.locations import MOST_BYTES, location_of
from evslot.services.station.domain.ocpi import Origin, alpha_2, read_locations
from evslot.services.station.domain.plugs import DC_ONLY, STANDARDS
from evslot.services.station.messages import (
    Charger,
    Connector,
    Hours,
    Opening,
    OpeningException,
    Position,
    StationView,
)
from evslot.values import ChargerId, Period

AT = datetime(2027, 1, 4, tzinfo=UTC)
FIRST, LAST = date(2027, 1, 4), date(2027, 2, 28)
"""No clock is changed between them."""
ZONES = ("Europe/Berlin", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati")

words = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=20)
plugs = st.builds(
    Connector,
    standard=st.sampled_from(sorted(STANDARDS)),
    cable=st.booleans(),
    max_watts=st.one_of(st.none(), st.integers(1, 100_000)),
)
chargers = st.builds(
    Charger,
    charger_id=st.uuids(version=4).map(ChargerId),
    label=words.map(lambda word: word[:3]),
    connectors=st.lists(plugs, min_size=1, max_size=3),
    current=st.sampled_from(("AC", "DC")),
    accessible=st.booleans(),
)
openings = st.builds(
    lambda weekday, start, length: Opening(weekday=weekday, start=start, end=start + length),
    st.integers(1, 7),
    st.integers(0, 1438),
    st.integers(1, 1440),
).filter(lambda opening: opening.end != 1439)  # which stands for midnight
exceptions = st.builds(
    lambda day, span: OpeningException(
        day=day, start=span and span[0], end=span and sum(span) if span else None
    ),
    st.dates(FIRST + timedelta(days=3), LAST - timedelta(days=3)),
    st.one_of(st.none(), st.tuples(st.integers(0, 1438), st.integers(1, 1440))),
)
hours = st.builds(
    Hours,
    always=st.booleans(),
    weekly=st.lists(openings, min_size=1, max_size=10).map(tuple),
    exceptions=st.lists(exceptions, max_size=6, unique_by=lambda e: e.day).map(tuple),
)
positions = st.builds(
    Position,
    st.integers(-90 * 10**7, 90 * 10**7).map(lambda n: n / 10**7),
    st.integers(-180 * 10**7, 180 * 10**7).map(lambda n: n / 10**7),
).filter(lambda position: position != Position(0.0, 0.0))
stations = st.builds(
    lambda **changes: a_station(**changes),
    name=words,
    address=words,
    city=words,
    postcode=st.one_of(st.just(""), st.from_regex(r"[A-Z0-9]{3,8}", fullmatch=True)),
    country=st.sampled_from(sorted(set(alpha_2().values()))),
    position=positions,
    zone=st.sampled_from(ZONES),
    how_to_find=st.one_of(st.just(""), st.lists(words, min_size=1, max_size=3).map("\n".join)),
    source=st.one_of(st.none(), words),
    hours=hours,
    chargers=st.lists(
        chargers, min_size=1, max_size=6, unique_by=(lambda c: c.label, lambda c: c.charger_id)
    ),
)


def read(*records: Any, now: datetime = AT) -> list[Draft | Skipped]:
    return list(read_locations(list(records), lambda _: "Europe/Berlin", Origin(), now))


def again(station: StationView) -> Draft:
    """Out, over the wire, in."""
    told = msgspec.json.decode(msgspec.json.encode(location_of(station, AT)))
    (draft,) = read(told)
    assert isinstance(draft, Draft), draft
    return draft


@settings(max_examples=80)
@given(stations)
def test_what_goes_out_comes_in_as_it_was(station: StationView) -> None:
    draft = again(station)
    assert (draft.name, draft.address, draft.city) == (station.name, station.address, station.city)
    assert (draft.postcode, draft.country) == (station.postcode, station.country)
    assert (draft.position, draft.zone) == (station.position, station.zone)
    assert draft.how_to_find == station.how_to_find
    assert draft.source == (station.source or "ocpi")
    assert draft.notes == ()
    known = [(c.label, c.current, c.accessible, tuple(c.connectors)) for c in station.chargers]
    assert [(p.label, p.current, p.accessible, p.connectors) for p in draft.points] == known
    assert [p.uid for p in draft.points] == [str(c.charger_id) for c in station.chargers]


@settings(max_examples=80)
@given(hours, st.sampled_from(ZONES))
def test_it_is_open_when_it_was(told: Hours, zone: str) -> None:
    """Not in the same words: OCPI has no hours over midnight and no 24:00."""
    back = again(a_station(hours=told, zone=zone)).hours
    assert back is not None
    check_hours(back)
    assert open_between(back, zone) == open_between(told, zone)


def open_between(told: Hours, zone: str) -> list[Period]:
    """Without the days at the edges, where spans begin or end for want of a neighbour."""
    begin, end = (datetime.combine(day, datetime.min.time(), UTC) for day in (FIRST, LAST))
    inside = Period(begin + timedelta(days=2), end - timedelta(days=2))
    return [
        Period(max(span.start, inside.start), min(span.end, inside.end))
        for span in open_spans(told, zone, FIRST, LAST)
        if span.overlaps(inside)
    ]


@settings(max_examples=25)
@given(stations)
def test_importing_again_changes_nothing(station: StationView) -> None:
    draft = again(station)
    first = imported(draft, None, None)
    assert not isinstance(first, Skipped)
    last = msgspec.json.decode(msgspec.json.encode(first.last), type=LastImport)
    assert last == first.last
    for known in (None, last):
        second = imported(draft, first.station, None, known)
        assert isinstance(second, Merged)
        assert (second.station, second.last) == (first.station, last)


@settings(max_examples=25)
@given(stations, st.sampled_from(("AVAILABLE", "CHARGING", "OUTOFORDER", "not_known")))
def test_a_location_has_what_ocpi_demands(station: StationView, state: str) -> None:
    """The cardinality 1 fields of OCPI 2.3 Locations, with their forms and lengths."""
    some = [replace(c, state=state, state_at=AT) for c in station.chargers]
    location = location_of(replace(station, chargers=some), AT)
    assert set(location) >= {"publish", "coordinates", "last_updated", "time_zone", "evses"}
    assert len(location["country_code"]) == 2
    assert len(location["party_id"]) == 3
    assert len(location["country"]) == 3
    for name, most in (("id", 36), ("address", 45), ("city", 45)):
        assert len(location[name]) <= most
    assert re.fullmatch(r"-?[0-9]{1,2}\.[0-9]{5,7}", location["coordinates"]["latitude"])
    assert re.fullmatch(r"-?[0-9]{1,3}\.[0-9]{5,7}", location["coordinates"]["longitude"])
    for regular in location["opening_times"].get("regular_hours", ()):
        assert "00:00" <= regular["period_begin"] < regular["period_end"] <= "23:59"
    places = {place["id"] for place in location.get("parking_places", ())}
    for evse in location["evses"]:
        assert evse["status"] == ("UNKNOWN" if state == "not_known" else state)
        assert evse["last_updated"] == "2027-01-04T00:00:00Z"
        assert {one["parking_id"] for one in evse.get("parking", ())} <= places
        for plug in evse["connectors"]:
            assert plug["power_type"] in ("AC_1_PHASE", "AC_3_PHASE", "DC")
            assert isinstance(plug["max_voltage"], int)
            assert isinstance(plug["max_amperage"], int)


def test_a_retired_station_is_removed_for_others_too() -> None:
    (gone,) = read(location_of(a_station(status="retired"), AT))
    assert isinstance(gone, Skipped)
    assert gone.gone


def test_only_what_is_bookable_says_so() -> None:
    for status, capabilities in (("bookable", ["RESERVABLE"]), ("listed", None)):
        (evse, *_) = location_of(a_station(status=status), AT)["evses"]
        assert evse.get("capabilities") == capabilities


def test_a_station_too_large_for_a_record_loses_chargers() -> None:
    plug = [TYPE_2, CCS, TYPE_2, CCS, TYPE_2, CCS, TYPE_2, CCS]
    (pattern, *_) = a_station().chargers
    many = [replace(pattern, label=str(n), connectors=plug) for n in range(200)]
    location = location_of(a_station(chargers=many), AT)
    assert len(msgspec.json.encode(location)) <= MOST_BYTES
    assert 10 < len(location["evses"]) < 200


def test_hours_too_large_for_a_record_lose_the_exceptions_that_are_past_or_furthest_ahead() -> None:
    weekly = tuple(
        Opening(weekday=day, start=120 + 180 * number, end=180 + 180 * number)
        for day in range(1, 8)
        for number in range(7)
    )
    exceptions = tuple(
        OpeningException(day=FIRST + timedelta(days=2 * number), start=1439, end=1439 + 100)
        for number in range(-200, 200)
    )
    hours = Hours(always=False, weekly=weekly, exceptions=exceptions)
    check_hours(hours)
    location = location_of(a_station(hours=hours), AT)
    assert len(msgspec.json.encode(location)) <= MOST_BYTES
    assert location["evses"]
    told = location["opening_times"]["exceptional_openings"]
    assert min(one["period_begin"] for one in told)[:10] == FIRST.isoformat()
    assert 30 < len({one["period_begin"][:10] for one in told}) < 300


def location(**changes: Any) -> dict[str, Any]:
    return {**location_of(a_station(), AT), **changes}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"publish": False}, "not published"),
        ({"evses": []}, "no charger is there"),
        ({"country": "XYZ"}, "no ISO 3166 code"),
        ({"coordinates": {"latitude": "0.000000", "longitude": "0.000000"}}, "never filled in"),
        ({"coordinates": {"latitude": "91.0", "longitude": "0.0"}}, "latitude"),
        ({"coordinates": {"latitude": "north", "longitude": "0.0"}}, "float"),
        ({"time_zone": "Europe/Nowhere"}, "no time zone"),
        ({"city": None}, "city"),
        ({"id": "a\0b"}, "no text"),
        ({"party_id": "x" * 1000}, "party_id"),
    ],
)
def test_what_makes_no_station_says_why(changes: dict[str, Any], reason: str) -> None:
    (skipped,) = read(location(**changes))
    assert isinstance(skipped, Skipped)
    assert reason in skipped.reason


def test_records_without_an_id_or_with_one_that_was_spoil_no_others() -> None:
    good = location()
    found = read({**good, "id": None}, good, {**good, "name": "again"}, 7, {**good, "id": "other"})
    kinds = [type(one).__name__ for one in found]
    assert kinds == ["Skipped", "Draft", "Skipped", "Skipped", "Draft"]


def test_power_is_reckoned_where_it_is_not_told() -> None:
    evse = location()["evses"][0]
    plug = {**evse["connectors"][0], "max_voltage": 230, "max_amperage": 16}
    del plug["max_electric_power"]
    for power_type, watts in (("AC_3_PHASE", 11_040), ("AC_1_PHASE", 3680), ("DC", 3680)):
        told = {**evse, "connectors": [{**plug, "power_type": power_type}]}
        (draft,) = read(location(evses=[told]))
        assert isinstance(draft, Draft)
        assert draft.points[0].connectors[0].max_watts == watts
        assert draft.points[0].current == ("DC" if power_type == "DC" else "AC")


def test_unknown_plugs_and_impossible_power_are_noted() -> None:
    evse = location()["evses"][0]
    odd = {**evse["connectors"][0], "standard": "WARP"}
    strong = {**evse["connectors"][0], "max_electric_power": 9_000_000}
    (draft,) = read(location(evses=[{**evse, "connectors": [odd, strong]}]))
    assert isinstance(draft, Draft)
    assert [plug.max_watts for plug in draft.points[0].connectors] == [None]
    assert len(draft.notes) == 2


def test_accessible_is_a_place_or_a_restriction() -> None:
    first, second, third = (dict(location()["evses"][0], uid=uid) for uid in "abc")
    first["parking_restrictions"] = ["DISABLED"]
    second["parking"] = [{"parking_id": "wide"}]
    third["parking"] = [{"parking_id": "narrow"}]
    places = [
        {"id": "wide", "vehicle_types": ["DISABLED"]},
        {"id": "narrow", "vehicle_types": ["MOTORCYCLE"]},
    ]
    (draft,) = read(location(evses=[first, second, third], parking_places=places))
    assert isinstance(draft, Draft)
    assert [point.accessible for point in draft.points] == [True, True, False]


def test_hours_that_are_none_are_noted_and_left_out() -> None:
    for begin, end in (("25:00", "26:00"), ("8 am", "9 pm"), ("08:61", "09:00")):
        odd = [{"weekday": 1, "period_begin": begin, "period_end": end}]
        (draft,) = read(location(opening_times={"regular_hours": odd}))
        assert isinstance(draft, Draft)
        assert draft.hours is None
        assert draft.obstacle
        assert "not understood" in draft.notes[0]


BEGIN_OF_TIME, END_OF_TIME = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("2025-01-01T00:00:00Z", "2029-06-01T00:00:00Z"),
        ("2027-01-01T00:00:00Z", END_OF_TIME),
        (BEGIN_OF_TIME, "2029-01-01T00:00:00Z"),
        (BEGIN_OF_TIME, END_OF_TIME),
    ],
    ids=["long since", "until further notice", "since ever", "always"],
)
def test_what_is_closed_for_long_is_closed_as_far_as_one_can_book(
    begin: str, end: str, zone: str
) -> None:
    closing = {"period_begin": begin, "period_end": end}
    told = {"twentyfourseven": True, "exceptional_closings": [closing]}
    (draft,) = read(location(time_zone=zone, opening_times=told))
    assert isinstance(draft, Draft)
    assert draft.hours is not None
    check_hours(draft.hours)
    today = AT.date()
    assert open_spans(draft.hours, zone, today, today + timedelta(days=366)) == []
    assert draft.notes == ("exceptional hours more than a year ahead are left to a later import",)


def test_what_is_closed_for_long_moves_on_with_the_days_unless_its_operator_knows_better() -> None:
    closing = {"period_begin": BEGIN_OF_TIME, "period_end": END_OF_TIME}
    told = {"twentyfourseven": True, "exceptional_closings": [closing]}
    (draft,) = read(location(opening_times=told))
    (next_day,) = read(location(opening_times=told), now=AT + timedelta(days=1))
    assert isinstance(next_day, Draft)
    first = imported(draft, None, None)
    assert isinstance(first, Merged)
    after = imported(next_day, first.station, None, first.last)
    assert isinstance(after, Merged)
    assert after.station.hours == next_day.hours != first.station.hours
    own = replace(first.station, hours=Hours())
    assert imported(next_day, own, None, first.last) == Merged(own, after.notes, after.last)


def test_what_was_exceptional_is_no_matter() -> None:
    past = {"period_begin": BEGIN_OF_TIME, "period_end": "2027-01-02T00:00:00Z"}
    told = {"twentyfourseven": True, "exceptional_closings": [past] * 3}
    (draft,) = read(location(opening_times=told))
    assert isinstance(draft, Draft)
    assert (draft.hours, draft.notes) == (Hours(), ())


def test_more_exceptions_than_we_can_hold_leave_nobody_to_book() -> None:
    """It would be open on the days that are left out."""
    noons = [AT + timedelta(days=number, hours=12) for number in range(300)]
    closings = [
        {"period_begin": noon.isoformat(), "period_end": (noon + timedelta(hours=1)).isoformat()}
        for noon in noons
    ]
    told = {"twentyfourseven": True, "exceptional_closings": closings}
    (draft,) = read(location(opening_times=told))
    assert isinstance(draft, Draft)
    assert "more than 400 exceptions" in (draft.obstacle or "")


def test_direct_current_stays_with_the_charger() -> None:
    """A fast charger with a plug for alternating current besides."""
    (pattern, *_) = a_station().chargers
    fast = replace(pattern, current="DC", connectors=[CCS, TYPE_2])
    evse = location_of(a_station(chargers=[fast]), AT)["evses"][0]
    assert [plug["power_type"] for plug in evse["connectors"]] == ["DC", "AC_3_PHASE"]
    assert CCS.standard in DC_ONLY

"""Whoever types a place is shown it, slips and missing accents included."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from tests.harness import Harness, driver
from tests.services.station.supplies import ORGANISATION, create_station

from evslot.embedded.throwaway import PostgresServer
from evslot.services.station import messages as station
from evslot.services.station.domain.sample import sample_locations, sample_operators
from evslot.services.station.service import SERVICE
from evslot.spine.callers import SYSTEM
from evslot.spine.message import Refused
from evslot.values import StationId

pytestmark = pytest.mark.anyio

OWNER = driver(organisations={ORGANISATION: "manager"})


@pytest.fixture(scope="module")
async def h(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    """The whole sample, with the places it makes."""
    async with Harness(SERVICE, postgres_server) as harness:
        for operator in sample_operators():
            report = await harness.send(
                station.ImportStations(
                    import_id=uuid4(),
                    part=1,
                    records=list(sample_locations(operator.organisation_id)),
                    format="ocpi",
                    bookable_as=operator.organisation_id,
                    tariff=operator.tariff,
                    terms=operator.terms,
                    rule=operator.rule,
                ),
                caller=SYSTEM,
            )
            assert (report.skipped, report.notes) == ({}, {})
        await harness.run_periodic()
        yield harness


async def first(h: Harness, text: str, **more: object) -> tuple[str, str, str]:
    place = (await h.ask(station.FindPlaces(text=text, **more))).places[0]  # type: ignore[arg-type]
    return place.kind, place.name, place.detail


@pytest.mark.parametrize(
    ("typed", "kind", "name"),
    [
        ("Berlin", "city", "Berlin"),
        ("ber", "city", "Berlin"),
        ("neukolln", "district", "Neukölln"),
        ("Neuköln", "district", "Neukölln"),
        ("kreuzbreg", "district", "Kreuzberg"),
        ("  WILLIAMSBURG ", "district", "Williamsburg"),
        ("Wiliamsburg", "district", "Williamsburg"),
        ("toolo", "district", "Töölö"),
        ("helsnki", "city", "Helsinki"),
        ("12043", "postcode", "12043"),
        ("380015", "postcode", "380015"),
        ("ahmedabat", "city", "Ahmedabad"),
    ],
)
async def test_what_is_typed_is_found(h: Harness, typed: str, kind: str, name: str) -> None:
    assert (await first(h, typed))[:2] == (kind, name)


async def test_a_station_is_found_by_its_street_and_leads_to_itself(h: Harness) -> None:
    places = (await h.ask(station.FindPlaces(text="glühwurmweg"))).places
    assert places
    assert {place.kind for place in places} == {"station"}
    assert all("Glühwurmweg" in place.name for place in places)
    found = await h.ask(station.GetStation(station_id=places[0].station_id or StationId(uuid4())))
    assert found.name == places[0].name
    assert places[0].detail == f"{found.address}, {found.city}"


async def test_of_equal_ones_the_nearer_comes_first(h: Harness) -> None:
    """Both cities have a library lot."""
    for city, near in (("New York", (40.7, -74.0)), ("Ahmedabad", (23.0, 72.5))):
        wish = station.FindPlaces(text="library lot", near=station.Position(*near))
        found = (await h.ask(wish)).places
        assert found
        assert all(place.detail.endswith(city) for place in found)


async def test_a_place_holds_all_its_stations(h: Harness) -> None:
    (place,) = (await h.ask(station.FindPlaces(text="Kreuzberg", limit=1))).places
    found = await h.ask(
        station.FindStations(position=place.position, radius_metres=place.radius_metres, limit=100)
    )
    there = [one for one in found.stations if one.district == "Kreuzberg"]
    assert len(there) == place.stations > 0


async def test_places_follow_the_stations(h: Harness) -> None:
    moved = await h.fetch_value("select station_id from station where district = 'Harlem' limit 1")
    await h.execute("update station set district = 'Sugar Hill' where station_id = $1", moved)
    await h.run_periodic()
    assert await first(h, "sugar hill") == ("district", "Sugar Hill", "New York")


@pytest.fixture
async def empty(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness:
        yield harness


async def built(h: Harness, city: str, *places: tuple[float, float, str]) -> list[station.Place]:
    """The places of that name, once there are stations there."""
    for latitude, longitude, postcode in places:
        command = create_station(
            station_id=StationId(uuid4()),
            city=city,
            postcode=postcode,
            position=station.Position(latitude, longitude),
        )
        await h.send(command, caller=OWNER)
    await h.run_periodic()
    found = (await h.ask(station.FindPlaces(text=city))).places
    return [place for place in found if place.kind == "city"]


async def test_towns_of_one_name_are_told_apart(empty: Harness) -> None:
    towns = ((54.1, 10.8, "23730"), (49.35, 8.14, "67433"), (51.03, 13.9, "01844"))
    found = await built(empty, "Neustadt", *towns)
    assert sorted((place.detail, place.stations) for place in found) == [
        ("01844", 1),
        ("23730", 1),
        ("67433", 1),
    ]
    for place in found:
        there = station.FindStations(position=place.position, radius_metres=place.radius_metres)
        assert len((await empty.ask(there)).stations) == 1


async def test_a_town_is_one_place_however_far_it_reaches(empty: Harness) -> None:
    """From one station to the next, ten kilometres each: over the edges of all cells."""
    row = [(52.0 + step / 11, 13.0 + step / 7, "10115") for step in range(20)]
    (place,) = await built(empty, "Langenstadt", *row)
    assert (place.detail, place.stations) == ("", 20)


async def test_a_town_at_the_date_line_lies_there(empty: Harness) -> None:
    (place,) = await built(empty, "Waiyevo", (-16.8, 179.99, ""), (-16.8, -179.97, ""))
    assert place.position.longitude == pytest.approx(-179.99)
    assert place.position.latitude == pytest.approx(-16.8, abs=0.001)
    assert 2000 < place.radius_metres < 2500


async def test_wildcards_are_letters_like_others(h: Harness) -> None:
    for text in ("%", "_", "\\", "%%%%"):
        assert (await h.ask(station.FindPlaces(text=text))).places == []


@pytest.mark.parametrize("text", ["", "   ", "x" * 101, "a\0b"])
async def test_what_is_no_text_is_refused(h: Harness, text: str) -> None:
    with pytest.raises(Refused) as refused:
        await h.ask(station.FindPlaces(text=text))
    assert refused.value.code == "search_invalid"


async def test_the_sample_is_bookable_in_four_cities(h: Harness) -> None:
    rows = await h.fetch(
        """select s.city, count(distinct s.station_id) as stations, count(*) as chargers,
             count(distinct s.organisation_id) as owners, bool_and(s.status = 'bookable') as all
           from station s join charger c using (station_id) group by s.city order by s.city"""
    )
    assert [row["city"] for row in rows] == ["Ahmedabad", "Berlin", "Helsinki", "New York"]
    assert all(row["all"] and row["owners"] == 3 for row in rows)
    assert sum(row["stations"] for row in rows) == 252
    assert 900 <= sum(row["chargers"] for row in rows) <= 1200

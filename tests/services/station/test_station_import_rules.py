"""Open Charge Map records are read as they are: half filled in, contradictory, odd."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.services.station.openchargemap import connection, record
from tests.services.station.supplies import ORGANISATION, TARIFF

from evslot.services.station.domain.claims import Claim, Merged, imported
from evslot.services.station.domain.drafts import Draft, Skipped, station_id_of
from evslot.services.station.domain.openchargemap import read_records
from evslot.services.station.domain.plugs import open_charge_map_plug
from evslot.services.station.domain.terms import PRESETS
from evslot.services.station.messages import Position, SlotRule, StationView, TariffElement

CCS, CHADEMO, TYPE_2, SCHUKO, UNKNOWN = 33, 2, 25, 28, 0
CLAIM = Claim(organisation_id=ORGANISATION, tariff=TARIFF, terms=PRESETS["usual"], rule=SlotRule())


def zone_of(position: Position) -> str | None:
    return "Europe/Berlin"


def read(*records: Any) -> list[Draft | Skipped]:
    return list(read_records(list(records), zone_of))


def draft(*connections: Any, **more: Any) -> Draft:
    (found,) = read(record(1001, *connections, **more))
    assert isinstance(found, Draft), found
    return found


def reason(**more: Any) -> str:
    (found,) = read(record(**more))
    assert isinstance(found, Skipped)
    return found.reason


def plugs(found: Draft) -> list[list[str]]:
    return [[plug.standard for plug in point.connectors] for point in found.points]


def station(found: Draft, known: StationView | None = None, claim: Claim | None = None) -> Merged:
    outcome = imported(found, known, claim)
    assert isinstance(outcome, Merged)
    return outcome


# --- a record ---------------------------------------------------------------------------------


def test_texts_are_cleaned_of_what_is_no_text() -> None:
    found = draft(GeneralComments="Kaffee \U0001f50c nebenan\x07")
    assert found.name == "Parkhaus Mitte"
    assert found.address == "Beispielstraße 5, Mitte"
    assert found.how_to_find == "Einfahrt links. Ebene 2\nKaffee \U0001f50c nebenan"
    assert (found.source, found.licence) == ("Made-up Data", "CC0")


def test_a_long_text_is_cut_and_noted() -> None:
    found = draft(address={"Title": "x" * 10_000})
    assert len(found.name) == 120
    assert found.notes == ("name cut to 120 characters",)


def test_a_station_without_a_name_has_that_of_its_street() -> None:
    assert draft(address={"Title": None}).name == "Beispielstraße 5, Mitte"
    nameless = {"Title": "", "AddressLine1": None, "AddressLine2": " "}
    assert draft(address=nameless).name == "Station 1001"


def test_one_connection_of_two_is_dealt_to_two_chargers() -> None:
    assert plugs(draft(connection(TYPE_2, quantity=2))) == [["IEC_62196_T2"]] * 2


def test_a_triple_on_one_point_stays_one_charger() -> None:
    found = draft(
        connection(CCS, 50, 1),
        connection(CHADEMO, 50, 1),
        connection(TYPE_2, 43, 1),
        points=1,
    )
    assert plugs(found) == [["IEC_62196_T2_COMBO", "CHADEMO", "IEC_62196_T2"]]
    assert found.points[0].current == "DC"


def test_the_number_of_points_counts_and_plugs_go_round() -> None:
    found = draft(connection(CCS, 50, 2), connection(TYPE_2, 22, 2), points=2)
    assert plugs(found) == [["IEC_62196_T2_COMBO", "IEC_62196_T2"]] * 2
    found = draft(connection(CCS, 50, 1), connection(TYPE_2, 22, 1), points=3)
    assert plugs(found) == [["IEC_62196_T2_COMBO"], ["IEC_62196_T2"], ["IEC_62196_T2_COMBO"]]


@pytest.mark.parametrize(
    ("points", "quantity", "chargers"),
    [(None, 3, 3), (0, 3, 3), (None, None, 1), (None, 0, 1), (-2, -1, 1), (4, 0, 4), (4, 1, 4)],
)
def test_quantities_count_where_the_number_of_points_does_not(
    points: int | None, quantity: int | None, chargers: int
) -> None:
    found = draft(connection(TYPE_2, 11, quantity), points=points)
    assert plugs(found) == [["IEC_62196_T2"]] * chargers


@pytest.mark.parametrize(
    "kilowatts", [0, None, -3, 400, 22_000, 1e300, -1e308, "-inf", "inf", "nan"]
)
def test_no_power_and_power_that_cannot_be_are_not_known(kilowatts: float | str | None) -> None:
    found = draft(connection(TYPE_2, kilowatts, 1), points=1)
    assert found.points[0].connectors[0].max_watts is None
    nothing = float(kilowatts or 0) <= 0
    assert bool(found.notes) == (not nothing)


def test_four_hundred_kilowatts_of_direct_current_are_believed() -> None:
    found = draft(connection(CCS, 400, 1), points=1)
    assert found.points[0].connectors[0].max_watts == 400_000


def test_an_unknown_plug_is_noted_and_its_charger_kept() -> None:
    found = draft(connection(UNKNOWN, 11, 1), points=1)
    assert plugs(found) == [[]]
    assert found.notes == (
        "plug type 0 (As typed) is not known",
        "a charger without a known plug",
    )
    assert draft(connection(UNKNOWN, 11, 1), connection(TYPE_2)).notes == (
        "plug type 0 (As typed) is not known",
    )


def test_a_charger_has_no_more_plugs_than_it_can_have() -> None:
    """So a station of many points and many plugs fits the record that tells of it."""
    many = [connection(TYPE_2, watts / 1000, 1) for watts in range(1000, 1500)]
    found = draft(*many, points=20)
    assert [len(point.connectors) for point in found.points] == [8] * 20
    assert found.notes == ("more than 8 plugs at a charger: the first ones are taken",)


def test_notes_on_one_record_are_few_and_short() -> None:
    found = draft(*(connection(number, 11, 1) for number in range(40_000, 40_050)))
    assert len(found.notes) == 8
    assert all(len(note) <= 200 for note in found.notes)


def test_removed_plugs_are_left_out_and_no_plugs_make_one_charger() -> None:
    found = draft(connection(TYPE_2), connection(SCHUKO, StatusTypeID=200))
    assert plugs(found) == [["IEC_62196_T2"]] * 2
    assert plugs(draft(points=1, Connections=[])) == [[]]
    assert plugs(draft(points=1, Connections=None)) == [[]]


def test_a_dc_plug_makes_a_dc_charger_whatever_the_record_says() -> None:
    assert draft(connection(CHADEMO, CurrentTypeID=10)).points[0].current == "DC"
    assert draft(connection(UNKNOWN, CurrentTypeID=30)).points[0].current == "DC"
    assert draft(connection(TYPE_2, CurrentTypeID=None)).points[0].current == "AC"


def test_a_five_pin_socket_goes_by_its_amperes() -> None:
    kinds = [open_charge_map_plug(17, amps) for amps in (None, 16, 32, 63)]
    assert [kind.standard[-8:] for kind in kinds if kind] == [
        "three_16",
        "three_16",
        "three_32",
        "three_64",
    ]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"status": 200}, "removed"),
        ({"status": 150}, "planned, not there yet"),
        ({"SubmissionStatus": {"IsLive": False}}, "not published"),
        ({"DataProvider": {"IsOpenDataLicensed": False}}, "its provider gives no open licence"),
        ({"points": 100_000}, "more than 200 points"),
        ({"address": {"Country": None}}, "no country"),
        ({"address": {"Latitude": 91.0}}, "latitude"),
        ({"address": {"Longitude": 1e308}}, "longitude"),
        ({"address": {"Latitude": 0, "Longitude": 0}}, "never filled in"),
        ({"address": {"Latitude": None}}, "$.AddressInfo.Latitude"),
        ({"address": {"Latitude": "north"}}, "$.AddressInfo.Latitude"),
        ({"AddressInfo": None}, "$.AddressInfo"),
        ({"AddressInfo": {}}, "missing required field `Latitude`"),
        ({"Connections": "none"}, "$.Connections"),
        ({"Connections": [None]}, "$.Connections[0]"),
        ({"number": None}, "no usable ID"),
        ({"number": 2**70}, "no usable ID"),
        ({"number": "1"}, "no usable ID"),
    ],
)
def test_a_record_that_makes_no_station_is_named_with_the_reason(
    more: dict[str, Any], why: str
) -> None:
    assert why in reason(**more)


def test_a_place_without_a_zone_is_skipped() -> None:
    for zone in (None, "Mars/Olympus"):
        (found,) = read_records([record()], lambda _, zone=zone: zone)  # type: ignore[misc]
        assert isinstance(found, Skipped)


def test_a_bad_record_spoils_no_other() -> None:
    found = read(None, "x", 7, [], {}, record(7), {"ID": 8}, record(9, AddressInfo=3))
    assert [type(outcome) for outcome in found] == [Skipped] * 5 + [Draft] + [Skipped] * 2
    assert len({outcome.source_id for outcome in found}) == len(found)


def test_an_id_that_comes_twice_counts_once() -> None:
    first, second = read(record(7), record(7))
    assert isinstance(first, Draft)
    assert second == Skipped(source_id="7 (record 2)", reason="was there before")


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    changes=st.dictionaries(st.sampled_from(sorted(record())), json, max_size=4),
    address=st.dictionaries(st.sampled_from(sorted(record()["AddressInfo"])), json, max_size=4),
    plug=st.dictionaries(st.sampled_from(sorted(connection())), json, max_size=4),
)
def test_whatever_a_field_holds_the_record_is_taken_or_named(
    changes: dict[str, Any], address: dict[str, Any], plug: dict[str, Any]
) -> None:
    wild = record(1, {**connection(), **plug}, connection(), address=address)
    (found,) = read({**wild, **changes})
    if isinstance(found, Draft):
        merged = station(found, None, CLAIM).station
        assert merged.chargers
        assert "\x00" not in merged.name + merged.address + merged.how_to_find
    else:
        assert found.reason


# --- a station -------------------------------------------------------------------------------


def test_an_import_without_a_claim_is_shown_and_not_bookable() -> None:
    view = station(draft()).station
    assert (view.status, view.organisation_id, view.tariff, view.version) == (
        "listed",
        None,
        None,
        1,
    )
    assert view.station_id == station_id_of("openchargemap", "1001")
    assert [charger.label for charger in view.chargers] == ["1", "2"]


def test_the_same_record_again_changes_nothing() -> None:
    for claim in (None, CLAIM):
        first = station(draft(), None, claim).station
        assert station(draft(), first, claim).station == first


def test_a_claim_makes_it_bookable_and_a_later_import_keeps_that() -> None:
    listed = station(draft()).station
    claimed = station(draft(), listed, CLAIM).station
    assert (claimed.status, claimed.version) == ("bookable", 2)
    assert claimed.tariff == replace(TARIFF, version=1)
    renamed = station(draft(address={"Title": "Neu"}), claimed).station
    assert (renamed.name, renamed.status, renamed.version) == ("Neu", "bookable", 3)
    assert renamed.tariff == claimed.tariff


def test_other_prices_are_another_version() -> None:
    claimed = station(draft(), None, CLAIM).station
    dearer = replace(CLAIM, tariff=replace(TARIFF, per_hour=500), terms=PRESETS["strict"])
    after = station(draft(), claimed, dearer).station
    assert after.tariff is not None
    assert after.terms is not None
    assert (after.tariff.version, after.terms.version) == (2, 2)
    assert (after.tariff.per_hour, after.terms.name) == (500, "strict")


def test_what_another_organisation_has_claimed_is_left_alone() -> None:
    claimed = station(draft(), None, CLAIM).station
    other = replace(CLAIM, organisation_id=station_id_of("openchargemap", "2"))  # any other id
    assert isinstance(imported(draft(), claimed, other), Skipped)


def test_a_station_that_no_record_of_a_topic_holds_is_skipped() -> None:
    """A few kilobytes of points and plugs, and prices that its operator gave each charger."""
    known = station(draft(points=200), None, CLAIM).station
    tariff = replace(TARIFF, elements=(TariffElement(flat=50),))
    dear = [replace(one, tariff=tariff) for one in known.chargers]
    many = [{"ConnectionTypeID": 16, "PowerKW": watts / 1000} for watts in range(10_000, 11_600)]
    assert isinstance(imported(draft(*many, points=200), known, None), Merged)
    outcome = imported(draft(*many, points=200), replace(known, chargers=dear), None)
    assert isinstance(outcome, Skipped)
    assert "at most 180000 bytes" in outcome.reason


@pytest.mark.parametrize("more", [{"status": 100}, {"UsageTypeID": 2}])
def test_what_nobody_can_charge_at_is_shown_only(more: dict[str, Any]) -> None:
    outcome = station(draft(**more), None, CLAIM)
    assert outcome.station.status == "listed"
    assert outcome.notes[0].startswith("shown only: ")
    bookable = station(draft(), None, CLAIM).station
    assert station(draft(**more), bookable).station.status == "listed"


def test_fifty_kilowatts_without_a_price_per_kwh_are_shown_only() -> None:
    free_energy = replace(CLAIM, tariff=replace(TARIFF, per_kwh=None))
    fast, slow = draft(connection(CCS, 50)), draft(connection(CCS, 49))
    assert station(fast, None, free_energy).station.status == "listed"
    assert station(fast, None, free_energy).station.tariff is None
    assert station(slow, None, free_energy).station.status == "bookable"
    assert station(fast, None, CLAIM).station.status == "bookable"


def test_prices_in_another_currency_than_a_charger_has_are_not_taken() -> None:
    claimed = station(draft(), None, CLAIM).station
    first, second = claimed.chargers
    own = replace(claimed, chargers=[replace(first, tariff=TARIFF), second])
    crowns = replace(CLAIM, tariff=replace(TARIFF, currency="SEK"))
    merged = station(draft(), own, crowns)
    assert (merged.station.tariff, merged.station.status) == (claimed.tariff, "listed")
    assert "shown only: a charger has prices in another currency" in merged.notes


def test_a_charger_with_a_price_per_kwh_of_its_own_may_be_strong() -> None:
    without = replace(CLAIM, tariff=replace(TARIFF, per_kwh=None))
    listed = station(draft(connection(CCS, 150, 1), points=1), None, CLAIM).station
    own = replace(listed, chargers=[replace(listed.chargers[0], tariff=TARIFF)])
    merged = station(draft(connection(CCS, 150, 1), points=1), own, without)
    assert (merged.station.status, merged.notes) == ("bookable", ())


def test_a_removed_record_retires_its_station_once() -> None:
    (gone,) = read(record(1001, status=200))
    known = station(draft(), None, CLAIM).station
    retired = imported(gone, known, CLAIM)
    assert isinstance(retired, Merged)
    assert (retired.station.status, retired.station.version) == ("retired", 2)
    again = imported(gone, retired.station, CLAIM)
    assert isinstance(again, Merged)
    assert again.station == retired.station
    assert imported(gone, None, CLAIM) == gone
    assert station(draft(), retired.station).station.status == "retired"
    assert station(draft(), retired.station, CLAIM).station.status == "bookable"

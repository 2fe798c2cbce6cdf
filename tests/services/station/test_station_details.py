"""What the details of a station must be, field by field."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace
from tests.services.station.supplies import TARIFF, TYPE_2, charger_input, create_station

from evslot.services.station import messages as station
from evslot.services.station.domain.details import check_station, currencies

NO_ENERGY_PRICE = replace(TARIFF, per_kwh=None)


def opening(*, weekday: int = 1, start: int = 480, end: int = 1080) -> station.Hours:
    span = station.Opening(weekday=weekday, start=start, end=end)
    return station.Hours(always=False, weekly=(span,))


def exception(**fields: Any) -> station.Hours:
    span = station.OpeningException(**{"day": date(2026, 12, 24), **fields})
    return station.Hours(exceptions=(span,))


def plug(**fields: Any) -> list[station.ChargerInput]:
    return [charger_input("A1", replace(TYPE_2, **fields))]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": "Ladepark \U0001f468‍\U0001f469‍\U0001f467 \U0001f1e9\U0001f1ea"},
        {"how_to_find": "Ebene 2\nlinks"},
        {"position": station.Position(-90.0, 180.0)},
        {"hours": opening(start=1320, end=1560)},
        {"hours": exception()},
        {"hours": exception(start=0, end=1440)},
        {"rule": station.SlotRule(grid=60, shortest=60, longest=1440, buffer=0)},
        {"tariff": station.Tariff(currency="JPY", per_kwh=0)},
        {"chargers": plug(max_watts=None)},
        {"chargers": plug(max_watts=49_999), "tariff": NO_ENERGY_PRICE},
    ],
)
def test_acceptable_details_are_accepted(changes: dict[str, Any]) -> None:
    check_station(create_station(**changes))


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "   "}),
        ("name", {"name": "x" * 121}),
        ("name", {"name": "x" * 10_000}),
        ("name", {"name": "a\x00b"}),
        ("name", {"name": "a\nb"}),
        ("name", {"name": "a\u202eb"}),
        ("name", {"name": "a\u2028b"}),
        ("address", {"address": ""}),
        ("city", {"city": "\t"}),
        ("postcode", {"postcode": "1" * 21}),
        ("how_to_find", {"how_to_find": "x" * 2001}),
        ("how_to_find", {"how_to_find": "a\rb"}),
        ("position", {"position": station.Position(90.1, 0.0)}),
        ("position", {"position": station.Position(0.0, -180.1)}),
        ("position", {"position": station.Position(float("nan"), 0.0)}),
        ("position", {"position": station.Position(0.0, float("inf"))}),
        ("country", {"country": "de"}),
        ("country", {"country": "XQ"}),
        ("country", {"country": "ZZ"}),
        ("country", {"country": "150"}),
        ("zone", {"zone": "Europe/Bielefeld"}),
        ("zone", {"zone": "../../etc/passwd"}),
        ("zone", {"zone": ""}),
        ("rule", {"rule": station.SlotRule(grid=7, shortest=7, longest=70)}),
        ("rule", {"rule": station.SlotRule(grid=0)}),
        ("rule", {"rule": station.SlotRule(grid=30, shortest=15)}),
        ("rule", {"rule": station.SlotRule(shortest=60, longest=30)}),
        ("rule", {"rule": station.SlotRule(grid=15, longest=100)}),
        ("rule", {"rule": station.SlotRule(longest=1455)}),
        ("rule", {"rule": station.SlotRule(buffer=-1)}),
        ("rule", {"rule": station.SlotRule(buffer=10**9)}),
        ("rule", {"rule": station.SlotRule(earliest_notice_days=0)}),
        ("rule", {"rule": station.SlotRule(earliest_notice_days=366)}),
        ("rule", {"rule": station.SlotRule(latest_notice=-5)}),
        ("hours", {"hours": station.Hours(always=False)}),
        ("hours", {"hours": replace(opening(), always=True)}),
        ("hours", {"hours": opening(weekday=0)}),
        ("hours", {"hours": opening(weekday=8)}),
        ("hours", {"hours": opening(start=1440, end=1500)}),
        ("hours", {"hours": opening(start=600, end=600)}),
        ("hours", {"hours": opening(start=600, end=2041)}),
        ("hours", {"hours": station.Hours(always=False, weekly=opening().weekly * 51)}),
        ("hours", {"hours": exception(start=600)}),
        ("hours", {"hours": exception(end=600)}),
        ("hours", {"hours": exception(start=700, end=600)}),
        ("hours", {"hours": exception(day=date(1, 1, 1))}),
        ("tariff", {"tariff": replace(TARIFF, currency="EURO")}),
        ("tariff", {"tariff": replace(TARIFF, currency="DEM")}),
        ("tariff", {"tariff": replace(TARIFF, currency="XXX")}),
        ("tariff", {"tariff": replace(TARIFF, flat=-1)}),
        ("tariff", {"tariff": replace(TARIFF, per_hour=10**18)}),
        ("tariff", {"tariff": replace(TARIFF, per_kwh=-1)}),
        ("tariff", {"tariff": replace(TARIFF, vat_basis_points=10_001)}),
        ("chargers", {"chargers": []}),
        ("chargers", {"chargers": [charger_input(str(n)) for n in range(201)]}),
        ("chargers", {"chargers": [charger_input("")]}),
        ("chargers", {"chargers": [charger_input(" ")]}),
        ("chargers", {"chargers": [charger_input("A123")]}),
        ("chargers", {"chargers": [charger_input("A\x00")]}),
        ("chargers", {"chargers": [charger_input("A1"), charger_input("A1")]}),
        ("chargers", {"chargers": [charger_input("A1", *[TYPE_2] * 9)]}),
        ("chargers", {"chargers": [station.ChargerInput(label="A1", connectors=[])]}),
        ("chargers", {"chargers": plug(standard="SCHUKO")}),
        ("chargers", {"chargers": plug(max_watts=0)}),
        ("chargers", {"chargers": plug(max_watts=100_001)}),
        ("chargers", {"chargers": plug(max_watts=10**30)}),
    ],
)
def test_each_unacceptable_detail_is_refused_by_name(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(station.StationInvalid) as refused:
        check_station(create_station(**changes))
    assert refused.value.details == {"field": field}


def test_fifty_kilowatts_need_a_price_per_kwh() -> None:
    with pytest.raises(station.TariffRequired):
        check_station(create_station(chargers=plug(max_watts=50_000), tariff=NO_ENERGY_PRICE))


def test_currencies_are_those_in_use() -> None:
    assert {"EUR", "CHF", "JPY", "KWD"} <= currencies()
    assert not {"DEM", "XXX", "XTS", "eur", ""} & currencies()

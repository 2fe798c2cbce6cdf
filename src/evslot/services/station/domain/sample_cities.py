"""Where the made-up stations stand: real districts with rough centres, made-up streets."""

from typing import Final

from msgspec import Struct


class District(Struct, frozen=True):
    """A part of a city; degrees, and a postcode that is delivered there."""

    name: str
    latitude: float
    longitude: float
    postcode: str


class Operator(Struct, frozen=True):
    """An organisation that does not exist."""

    legal_name: str
    address: str
    register: str
    vat_id: str


class City(Struct, frozen=True, kw_only=True):
    """A city with all that differs between countries."""

    key: str
    name: str
    country: str
    """ISO 3166-1 alpha-3, as OCPI has it."""
    country_code: str
    zone: str
    currency: str
    vat_basis_points: int
    per_hour: int
    """A usual price in minor units; a booking costs a third of it, a kWh a fifth."""
    phone: str
    slow: str
    fast: tuple[str, ...]
    """The plugs of alternating and of direct current there (OCPI ConnectorType)."""
    spots: tuple[str, ...]
    streets: tuple[str, ...]
    operators: tuple[Operator, Operator, Operator]
    districts: tuple[District, ...]


BERLIN = City(
    key="berlin",
    name="Berlin",
    country="DEU",
    country_code="DE",
    zone="Europe/Berlin",
    currency="EUR",
    vat_basis_points=1900,
    per_hour=240,
    phone="+49305550100",
    slow="IEC_62196_T2",
    fast=("IEC_62196_T2_COMBO", "CHADEMO"),
    spots=("Ladepark", "Parkhaus", "Ladehof", "Kiezlader", "Markthalle", "Schwimmbad"),
    streets=("Ahornzeile", "Beispielstraße", "Glühwurmweg", "Kranichufer", "Muster-Allee",
             "Nebelgasse", "Pappelring", "Stromgasse", "Wattweg", "Zitronenplatz"),
    operators=(
        Operator("Beispielstrom Berlin GmbH", "Beispielstraße 1, 10115 Berlin", "HRB 000001 B",
                 "DE000000001"),
        Operator("Musterlader Hauptstadt GmbH", "Muster-Allee 2, 10405 Berlin", "HRB 000002 B",
                 "DE000000002"),
        Operator("Kiezlade Exempel eG", "Wattweg 3, 12043 Berlin", "GnR 000003 B", "DE000000003"),
    ),
    districts=(
        District("Mitte", 52.520, 13.390, "10115"),
        District("Prenzlauer Berg", 52.539, 13.424, "10405"),
        District("Friedrichshain", 52.515, 13.454, "10243"),
        District("Kreuzberg", 52.498, 13.403, "10961"),
        District("Neukölln", 52.481, 13.435, "12043"),
        District("Schöneberg", 52.483, 13.352, "10823"),
        District("Charlottenburg", 52.516, 13.304, "10585"),
        District("Wilmersdorf", 52.487, 13.319, "10707"),
        District("Wedding", 52.549, 13.359, "13347"),
        District("Moabit", 52.529, 13.341, "10551"),
        District("Pankow", 52.569, 13.402, "13187"),
        District("Lichtenberg", 52.513, 13.499, "10365"),
        District("Treptow", 52.493, 13.469, "12435"),
        District("Steglitz", 52.457, 13.322, "12163"),
        District("Tempelhof", 52.468, 13.385, "12099"),
        District("Spandau", 52.535, 13.200, "13597"),
    ),
)  # fmt: skip

HELSINKI = City(
    key="helsinki",
    name="Helsinki",
    country="FIN",
    country_code="FI",
    zone="Europe/Helsinki",
    currency="EUR",
    vat_basis_points=2550,
    per_hour=280,
    phone="+358955501000",
    slow="IEC_62196_T2",
    fast=("IEC_62196_T2_COMBO", "CHADEMO"),
    spots=("Latauspiha", "Pysäköintitalo", "Uimahalli", "Kirjasto", "Kauppahalli", "Satama"),
    streets=("Esimerkkikatu", "Hiirenpolku", "Jäniskuja", "Lumikuja", "Mallitie", "Pilvikatu",
             "Sammalkuja", "Tuulipolku", "Virtakatu", "Ämpärikuja"),
    operators=(
        Operator("Esimerkkilataus Oy", "Esimerkkikatu 1, 00530 Helsinki", "0000001-1",
                 "FI00000011"),
        Operator("Mallivirta Oy", "Mallitie 2, 00100 Helsinki", "0000002-2", "FI00000022"),
        Operator("Kokeilulataus Osk", "Virtakatu 3, 00250 Helsinki", "0000003-3", "FI00000033"),
    ),
    districts=(
        District("Kallio", 60.184, 24.950, "00530"),
        District("Kamppi", 60.168, 24.931, "00100"),
        District("Punavuori", 60.161, 24.937, "00120"),
        District("Töölö", 60.179, 24.923, "00250"),
        District("Pasila", 60.199, 24.933, "00520"),
        District("Vallila", 60.195, 24.956, "00510"),
        District("Lauttasaari", 60.159, 24.876, "00200"),
        District("Munkkiniemi", 60.198, 24.876, "00330"),
        District("Haaga", 60.217, 24.897, "00320"),
        District("Oulunkylä", 60.229, 24.964, "00640"),
        District("Malmi", 60.251, 25.011, "00700"),
        District("Herttoniemi", 60.196, 25.031, "00800"),
        District("Itäkeskus", 60.210, 25.082, "00930"),
    ),
)  # fmt: skip

AHMEDABAD = City(
    key="ahmedabad",
    name="Ahmedabad",
    country="IND",
    country_code="IN",
    zone="Asia/Kolkata",
    currency="INR",
    vat_basis_points=1800,
    per_hour=6000,
    phone="+917955501000",
    slow="IEC_62196_T2",
    fast=("IEC_62196_T2_COMBO", "GBT_DC"),
    spots=("Charging Chowk", "City Parking", "Market Yard", "Library Lot", "Riverside Lot"),
    streets=("Aamli Marg", "Champa Lane", "Deepak Road", "Gulmohar Path", "Jamun Street",
             "Kesar Marg", "Limda Lane", "Namuna Road", "Tulsi Path", "Vijli Road"),
    operators=(
        Operator("Namuna Charge Pvt Ltd", "1 Namuna Road, 380009 Ahmedabad", "U00000GJ0001",
                 "IN0000000001"),
        Operator("Udaharan Energy LLP", "2 Kesar Marg, 380015 Ahmedabad", "AAA-0002",
                 "IN0000000002"),
        Operator("Vijli Exhibit Pvt Ltd", "3 Vijli Road, 380008 Ahmedabad", "U00000GJ0003",
                 "IN0000000003"),
    ),
    districts=(
        District("Navrangpura", 23.037, 72.561, "380009"),
        District("Satellite", 23.030, 72.518, "380015"),
        District("Vastrapur", 23.039, 72.529, "380015"),
        District("Maninagar", 22.997, 72.600, "380008"),
        District("Bodakdev", 23.043, 72.514, "380054"),
        District("Paldi", 23.013, 72.562, "380007"),
        District("Thaltej", 23.050, 72.508, "380059"),
        District("Gota", 23.101, 72.541, "382481"),
        District("Chandkheda", 23.109, 72.585, "382424"),
        District("Naroda", 23.069, 72.654, "382330"),
        District("Vastral", 22.999, 72.659, "382418"),
        District("Sabarmati", 23.083, 72.589, "380005"),
        District("Ellisbridge", 23.023, 72.568, "380006"),
    ),
)  # fmt: skip

NEW_YORK = City(
    key="new-york",
    name="New York",
    country="USA",
    country_code="US",
    zone="America/New_York",
    currency="USD",
    vat_basis_points=888,
    per_hour=360,
    phone="+12125550100",
    slow="IEC_62196_T1",
    fast=("IEC_62196_T1_COMBO", "SAE_J3400"),
    spots=("Curbside", "Garage", "Market Lot", "Library Lot", "Depot", "Ferry Lot"),
    streets=("Almanac Street", "Button Avenue", "Comet Street", "Example Avenue", "Kettle Lane",
             "Lantern Street", "Pretzel Place", "Specimen Street", "Umbrella Way", "Watt Street"),
    operators=(
        Operator("Specimen Charging Inc", "1 Specimen Street, New York 10011", "NY-0000001",
                 "US0000000001"),
        Operator("Placeholder Power LLC", "2 Example Avenue, New York 11211", "NY-0000002",
                 "US0000000002"),
        Operator("Exemplar Curb Cooperative", "3 Watt Street, New York 11101", "NY-0000003",
                 "US0000000003"),
    ),
    districts=(
        District("Upper West Side", 40.787, -73.975, "10024"),
        District("Harlem", 40.812, -73.946, "10027"),
        District("Chelsea", 40.746, -74.001, "10011"),
        District("East Village", 40.726, -73.982, "10009"),
        District("Financial District", 40.708, -74.011, "10005"),
        District("Williamsburg", 40.708, -73.957, "11211"),
        District("Park Slope", 40.671, -73.981, "11215"),
        District("Bushwick", 40.694, -73.921, "11221"),
        District("Astoria", 40.764, -73.923, "11103"),
        District("Long Island City", 40.745, -73.948, "11101"),
        District("Jackson Heights", 40.756, -73.883, "11372"),
        District("Flushing", 40.767, -73.833, "11354"),
        District("Riverdale", 40.900, -73.906, "10463"),
    ),
)  # fmt: skip

CITIES: Final = (BERLIN, HELSINKI, AHMEDABAD, NEW_YORK)

"""The sample is the same everywhere, as large as it says, and nobody's."""

from itertools import islice

from evslot.cli.sample import sample_parts
from evslot.services.station.domain.details import check_rule, check_tariff
from evslot.services.station.domain.sample import sample_locations, sample_operators
from evslot.services.user import messages as user
from evslot.services.user.domain.organisations import sample_organisation


def test_more_times_add_to_the_stations_that_were_there() -> None:
    operator = sample_operators()[0]
    once = list(sample_locations(operator.organisation_id))
    thrice = list(sample_locations(operator.organisation_id, 3))
    assert len(thrice) == 3 * len(once)
    assert [one for one in thrice if one in once] == once


def test_a_hundred_times_are_a_hundred_thousand_chargers() -> None:
    """As one in fifty parts has it."""
    parts = list(islice(sample_parts(100), 0, None, 50))
    stations = [location for part in parts for location in part.records]
    chargers = sum(len(station["evses"]) for station in stations)
    assert 25_000 * chargers / len(stations) > 95_000


def test_the_organisations_are_acceptable_and_their_prices_differ() -> None:
    operators = sample_operators()
    assert len({operator.organisation_id for operator in operators}) == 12
    assert len({operator.tariff for operator in operators}) > 8
    assert {operator.terms for operator in operators} == {"relaxed", "usual", "strict"}
    assert {operator.tariff.currency for operator in operators} == {"EUR", "INR", "USD"}
    for operator in operators:
        check_tariff(operator.tariff)
        check_rule(operator.rule)
        sample_organisation(
            user.SampleOrganisation(
                organisation_id=operator.organisation_id,
                legal_name=operator.operator.legal_name,
                address=operator.operator.address,
                country=operator.country,
                contact_email=operator.contact_email,
                phone=operator.phone,
                vat_id=operator.operator.vat_id,
                register=operator.operator.register,
            )
        )

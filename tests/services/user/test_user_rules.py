"""Rules of people as plain functions: addresses, passwords, profiles, organisations, sessions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evslot.services.user.domain import profiles, samples, sessions
from evslot.services.user.domain.emails import normal_email
from evslot.services.user.domain.organisations import checked_organisation
from evslot.services.user.domain.passwords import check_password, is_acceptable
from evslot.services.user.domain.profiles import checked_language, checked_name, checked_zone
from evslot.services.user.domain.sessions import RefreshToken, Settings, Verdict, judge_refresh
from evslot.services.user.domain.vehicles import checked_vehicle
from evslot.services.user.messages import (
    AddVehicle,
    CreateOrganisation,
    EmailInvalid,
    OrganisationInvalid,
    PasswordTooWeak,
    ProfileInvalid,
    VehicleInvalid,
)
from evslot.spine.message import Personal
from evslot.values import OrganisationId, UserId, VehicleId, new_id

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("anna@example.org", "anna@example.org"),
        ("Anna.Schmidt@Example.ORG", "anna.schmidt@example.org"),
        (
            "a+tag_x!#$%&'*/=?^`{|}~-@sub.example.co.uk",
            "a+tag_x!#$%&'*/=?^`{|}~-@sub.example.co.uk",
        ),
        ("x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),
        ("1@2.example", "1@2.example"),
        (f"{'l' * 64}@example.org", f"{'l' * 64}@example.org"),
    ],
)
def test_an_address_has_one_spelling(written: str, stored: str) -> None:
    assert normal_email(written) == stored
    assert normal_email(stored) == stored


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "anna", "anna@", "@example.org", "anna@example", "anna@@example.org",
        "a@b@example.org", " anna@example.org", "anna@example.org ", "an na@example.org",
        "anna@exa mple.org", "anna@example.org\n", "anna@example.org\x00", "an\x00na@example.org",
        "anna\r\nBcc: x@example.org@example.org", "anna@example.org\r\nBcc: b@example.org",
        ".anna@example.org", "anna.@example.org", "an..na@example.org", "anna@.example.org",
        "anna@example..org", "anna@example.org.", "anna@-example.org", "anna@example-.org",
        "anna@[127.0.0.1]", "anna@127.0.0.1", '"anna"@example.org', "anna(x)@example.org",
        "Anna <anna@example.org>", "anna@example.org,bob@example.org", "anna@exämple.org",
        "änna@example.org", "🚗@example.org", f"{'l' * 65}@example.org",
        f"anna@{'d' * 64}.org", f"anna@{'d.' * 130}org", "a" * 10_000, "anna@example.123",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(EmailInvalid):
        normal_email(text)


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        stored = normal_email(text)
    except EmailInvalid:
        return
    assert stored.count("@") == 1
    assert not any(character.isspace() or ord(character) < 33 for character in stored)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple", "kx8Vq2pLw9TzR4mN", "der Kaffee im Zug war kalt",
        "otter lantern copper weather", "Flusspferd-Trompete-71", "x" * 3 + "kjhqwoiuzxcmnbvqpw",
        "lieber drei Igel als ein Nashorn " * 30,
    ],
)  # fmt: skip
def test_a_long_password_of_little_known_pieces_is_taken(password: str) -> None:
    check_password(password, ("anna.schmidt@example.org", "Anna Schmidt"))


@pytest.mark.parametrize(
    "password",
    [
        "", "short", "14characters!!", "passwordpassword", "123456789012345", "qwertyuiopasdfgh",
        "aaaaaaaaaaaaaaa", "letmeinletmeinletmein", "evslotevslotevslot", "P4ssw0rd!P4ssw0rd!",
        "Sommer2024Winter2025!", "iloveyouiloveyou1", "abcabcabcabcabcabc", "1q2w3e4r5t6y7u8i",
        "xyxyxyxyxyxyxyxyx", "password12345678", "Aa1!Aa1!Aa1!Aa1!Aa1!", "abababababababab!c",
        "correcthorsebatterystaple", "anna.schmidt.anna.schmidt", "schmidtannaschmidt2026",
        "x" * 1001,
    ],
)  # fmt: skip
def test_a_password_of_well_known_pieces_is_refused(password: str) -> None:
    with pytest.raises(PasswordTooWeak):
        check_password(password, ("anna.schmidt@example.org", "Anna Schmidt"))


@given(st.text(max_size=1100))
def test_any_text_is_a_password_or_refused(password: str) -> None:
    if is_acceptable(password, ("anna@example.org",)):
        assert 15 <= len(password) <= 1000


@pytest.mark.parametrize(
    "name", ["Anna", "  Anna Schmidt ", "Łukasz O'Neill-Müller", "山田太郎", "A 🚗"]
)
def test_names_of_all_scripts_are_names(name: str) -> None:
    assert checked_name(name) == name.strip()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "🚗",
        "An\x00na",
        "An\nna",
        "\u202eanna",
        "anna\u2066",
        "x" * 101,
        "n" * 10_000,
        "---",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ProfileInvalid):
        checked_name(name)


def test_languages_and_zones_are_those_the_system_knows() -> None:
    assert checked_language("de") == "de"
    assert checked_zone("Europe/Berlin") == "Europe/Berlin"
    assert checked_zone("UTC") == "UTC"
    for language in ("", "fr", "DE", "en-GB", "en\x00"):
        with pytest.raises(ProfileInvalid):
            checked_language(language)
    for zone in (
        "",
        "Mars/Base",
        "../etc/passwd",
        "/etc/passwd",
        "Europe",
        "Europe/Berlin\x00",
        "x" * 9999,
    ):
        with pytest.raises(ProfileInvalid):
            checked_zone(zone)


def organisation(**changes: Any) -> CreateOrganisation:
    return replace(
        CreateOrganisation(
            organisation_id=OrganisationId(new_id()),
            legal_name="Stadtwerke Beispiel GmbH",
            address="Hauptstr. 1, 10115 Berlin",
            country="DE",
            contact_email="Info@Stadtwerke.example",
            phone="+49 (30) 123-456",
            vat_id="DE 123 456 789",
        ),
        **changes,
    )


def test_an_organisations_details_are_stored_in_one_spelling() -> None:
    checked = checked_organisation(organisation(country="de", legal_name=" Café SE "))
    assert checked.country == "DE"
    assert checked.legal_name == "Café SE"
    assert checked.contact_email == "info@stadtwerke.example"
    assert checked.phone == "+4930123456"
    assert checked.vat_id == "DE123456789"
    assert checked_organisation(checked) == checked
    assert checked_organisation(organisation(vat_id=None)).vat_id is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("legal_name", ""), ("legal_name", "x" * 201), ("legal_name", "A\x00B"),
        ("address", "\u202e"), ("address", "🚗"), ("country", "XX"), ("country", "Germany"),
        ("country", ""), ("phone", "030123456"), ("phone", "+0301234567"), ("phone", "+49"),
        ("phone", "+49" + "1" * 14), ("phone", "+49 30 x"), ("phone", "+٤٩٣٠١٢٣٤٥"),
        ("vat_id", "123"), ("vat_id", "DE!"), ("vat_id", "D" * 10_000), ("register", "\n"),
    ],
)  # fmt: skip
def test_an_organisations_bad_detail_is_named(field: str, value: str) -> None:
    with pytest.raises(OrganisationInvalid) as refused:
        checked_organisation(organisation(**{field: value}))
    assert refused.value.details["field"] == field


def token(**changes: Any) -> RefreshToken:
    return replace(
        RefreshToken(
            used_at=None,
            sealed_successor=None,
            session_ended_at=None,
            session_expires_at=NOW + timedelta(days=1),
            account_active=True,
        ),
        **changes,
    )


def test_a_refresh_token_is_good_once() -> None:
    assert judge_refresh(token(), NOW) is Verdict.ROTATE


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0, Verdict.REPEAT), (10, Verdict.REPEAT), (10.001, Verdict.REUSED), (90_000, Verdict.REFUSE)],
)
def test_a_used_refresh_token_is_a_lost_answer_for_ten_seconds(
    seconds: float, verdict: Verdict
) -> None:
    used = token(used_at=NOW, sealed_successor="sealed")
    assert judge_refresh(used, NOW + timedelta(seconds=seconds)) is verdict


def test_a_refresh_token_of_a_dead_session_is_refused_without_alarm() -> None:
    for dead in (
        token(session_ended_at=NOW - timedelta(seconds=1)),
        token(session_expires_at=NOW),
        token(account_active=False),
        token(used_at=NOW - timedelta(days=2), session_ended_at=NOW - timedelta(days=1)),
    ):
        assert judge_refresh(dead, NOW) is Verdict.REFUSE


def test_a_session_lives_while_it_is_used_but_not_for_ever() -> None:
    settings = Settings(session_idle_days=30, session_max_days=180)
    opened = NOW - timedelta(days=170)
    assert sessions.session_end(NOW, NOW, settings) == NOW + timedelta(days=30)
    assert sessions.session_end(opened, NOW, settings) == opened + timedelta(days=180)


def test_codes_have_six_digits() -> None:
    codes = {sessions.new_code() for _ in range(200)}
    assert all(len(code) == 6 and code.isascii() and code.isdigit() for code in codes)
    assert len(codes) > 190


SAID = (
    profiles.checked_name,
    profiles.checked_phone,
    profiles.checked_company,
    profiles.checked_vat_id,
    profiles.checked_address,
)


@pytest.mark.parametrize("check", SAID, ids=lambda check: check.__name__)
@given(
    text=st.one_of(
        st.text(max_size=120),
        st.from_regex(r"\+?[0-9 ()./-]{3,20}", fullmatch=True),
        st.from_regex(r"[A-Za-z]{2}[0-9 .-]{2,15}", fullmatch=True),
    )
)
def test_what_a_person_says_has_one_spelling_or_is_refused(check: Any, text: str) -> None:
    try:
        stored = check(text)
    except ProfileInvalid:
        return
    assert check(stored) == stored
    assert stored.strip() == stored != ""


def vehicle(**changed: Any) -> AddVehicle:
    fields = {"name": Personal("Blue one"), "connector": "IEC_62196_T2", **changed}
    return AddVehicle(user_id=UserId(new_id()), vehicle_id=VehicleId(new_id()), **fields)


@given(
    battery=st.one_of(st.none(), st.integers(-(2**40), 2**40)),
    watts=st.one_of(st.none(), st.integers(-(2**40), 2**40)),
)
def test_a_car_has_sensible_numbers_or_is_refused(battery: int | None, watts: int | None) -> None:
    wish = vehicle(battery_wh=battery, max_dc_watts=watts)
    sensible = (battery is None or 1_000 <= battery <= 2_000_000) and (
        watts is None or 1_000 <= watts <= 4_000_000
    )
    try:
        checked = checked_vehicle(wish)
    except VehicleInvalid:
        assert not sensible
    else:
        assert sensible
        assert (checked.battery_wh, checked.max_dc_watts) == (battery, watts)


def test_the_sample_people_are_the_same_on_every_machine() -> None:
    people = [samples.sample_person(role) for role in ("driver", "operator", "admin")]
    assert [str(one.user_id) for one in people] == [
        "6597d168-fba3-53dc-90e1-ba063471295c",
        "2ba6e97c-3e0c-5840-87b9-be9a9e4ea521",
        "08e14a72-9042-5412-8686-2736c51ccceb",
    ]
    assert [one.roles for one in people] == [["driver"], ["driver"], ["driver", "admin"]]
    assert all(normal_email(one.email).endswith(".example") for one in people)

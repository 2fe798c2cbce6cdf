"""What an organisation must say about itself."""

import re

import msgspec

from evslot.services.user.domain.emails import normal_email
from evslot.services.user.domain.profiles import PHONE, VAT_ID, clean_text, plain_number
from evslot.services.user.messages import (
    ChangeOrganisation,
    CreateOrganisation,
    OrganisationInvalid,
    SampleOrganisation,
)

MAX_TEXT_LENGTH = 200
MAX_PER_PERSON = 20
"""Roles in all of them stand in the access token, which must fit a header."""

_DETAILS = "legal_name address country contact_email phone vat_id register".split()  # noqa: SIM905
_CODES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ
    BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM
    DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS
    GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
    KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ
    MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
    VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_CODES.split())
"""ISO 3166-1 alpha-2."""


def checked_organisation(wanted: CreateOrganisation) -> CreateOrganisation:
    """The same with every text in its one spelling; OrganisationInvalid names the field."""
    country = wanted.country.upper()
    if country not in COUNTRIES:
        raise OrganisationInvalid(field="country")
    return CreateOrganisation(
        organisation_id=wanted.organisation_id,
        legal_name=_text("legal_name", wanted.legal_name),
        address=_text("address", wanted.address),
        country=country,
        contact_email=normal_email(wanted.contact_email),
        phone=_matching("phone", wanted.phone, PHONE),
        vat_id=_matching("vat_id", wanted.vat_id, VAT_ID) if wanted.vat_id else None,
        register=_text("register", wanted.register) if wanted.register else None,
    )


def changed_organisation(
    present: CreateOrganisation, command: ChangeOrganisation
) -> CreateOrganisation:
    """All details with those the command names in place of the present ones, checked."""
    names = (name for name in _DETAILS if getattr(command, name) is not None)
    named = {name: getattr(command, name) for name in names}
    emptied: dict[str, None] = dict.fromkeys(command.emptied)
    return checked_organisation(msgspec.structs.replace(present, **{**named, **emptied}))


def sample_organisation(sample: SampleOrganisation) -> CreateOrganisation:
    """As if somebody had registered it."""
    return checked_organisation(CreateOrganisation(**msgspec.structs.asdict(sample)))


def _text(name: str, text: str) -> str:
    clean = clean_text(text, MAX_TEXT_LENGTH)
    if clean is None:
        raise OrganisationInvalid(field=name, max_length=MAX_TEXT_LENGTH)
    return clean


def _matching(name: str, text: str, pattern: str) -> str:
    """Written with or without the usual separators (E.164 for phones, VIES for VAT ids)."""
    plain = plain_number(text)
    if plain is None or not re.fullmatch(pattern, plain, re.ASCII):
        raise OrganisationInvalid(field=name)
    return plain

"""What a person may say about themself: name, phone, company, language, time zone."""

import re
import unicodedata
from functools import lru_cache
from zoneinfo import ZoneInfo

from evslot.services.user.messages import ProfileInvalid

LANGUAGES = ("en", "de")
MAX_NAME_LENGTH = 100
MAX_ADDRESS_LENGTH = 500
PHONE = r"\+[1-9]\d{6,14}"
VAT_ID = r"[A-Z]{2}[A-Z0-9+*]{2,13}"
_JOINERS = "\u200c\u200d"
"""Needed to write some scripts and emoji; every other invisible sign is refused."""


def clean_text(text: str, max_length: int) -> str | None:
    """The text in NFC without outer spaces; None where it is empty, too long or not plain text.

    Plain text has a letter or digit, and no control, bidirectional or unassigned characters.
    """
    if len(text) > max_length:
        return None
    clean = unicodedata.normalize("NFC", text).strip()
    bad = any(
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
        and character not in _JOINERS
        for character in clean
    )
    return None if bad or not any(character.isalnum() for character in clean) else clean


def checked_name(name: str) -> str:
    """ProfileInvalid where this is no name."""
    clean = clean_text(name, MAX_NAME_LENGTH)
    if clean is None:
        raise ProfileInvalid(field="name", max_length=MAX_NAME_LENGTH)
    return clean


def checked_company(company: str) -> str:
    """ProfileInvalid where this is no name of a company."""
    clean = clean_text(company, MAX_NAME_LENGTH)
    if clean is None:
        raise ProfileInvalid(field="company", max_length=MAX_NAME_LENGTH)
    return clean


def checked_address(address: str) -> str:
    """An address of several lines; ProfileInvalid where a line is no plain text."""
    lines = [clean_text(line, MAX_NAME_LENGTH) for line in address.splitlines() if line.strip()]
    found = [line for line in lines if line is not None]
    if not found or len(found) < len(lines) or len(address) > MAX_ADDRESS_LENGTH:
        raise ProfileInvalid(field="invoice_address", max_length=MAX_ADDRESS_LENGTH)
    return "\n".join(found)


def checked_phone(phone: str) -> str:
    """E.164; ProfileInvalid otherwise."""
    plain = plain_number(phone)
    if plain is None or not re.fullmatch(PHONE, plain, re.ASCII):
        raise ProfileInvalid(field="phone")
    return plain


def checked_vat_id(vat_id: str) -> str:
    """As VIES writes it; ProfileInvalid otherwise."""
    plain = plain_number(vat_id)
    if plain is None or not re.fullmatch(VAT_ID, plain, re.ASCII):
        raise ProfileInvalid(field="vat_id")
    return plain


def plain_number(text: str) -> str | None:
    """A phone number or VAT id without the usual separators; None where it is far too long."""
    return None if len(text) > 100 else re.sub(r"[ ()./-]", "", text).upper()


def checked_language(language: str) -> str:
    """ProfileInvalid for a language the system does not speak."""
    if language not in LANGUAGES:
        raise ProfileInvalid(field="language", allowed=list(LANGUAGES))
    return language


def checked_zone(zone: str) -> str:
    """ProfileInvalid for what is not in the IANA time zone database."""
    if not re.fullmatch(r"[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,2}", zone):
        raise ProfileInvalid(field="zone")
    if not _zone_exists(zone):
        raise ProfileInvalid(field="zone")
    return zone


@lru_cache(maxsize=1000)
def _zone_exists(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of zones
        return False
    return True

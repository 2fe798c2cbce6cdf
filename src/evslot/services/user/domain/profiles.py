"""What a person may say about themself: name, language, time zone."""

import re
import unicodedata
from functools import lru_cache
from zoneinfo import ZoneInfo

from evslot.services.user.messages import ProfileInvalid

LANGUAGES = ("en", "de")
MAX_NAME_LENGTH = 100
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

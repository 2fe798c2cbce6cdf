"""Texts from elsewhere, made safe for a line; the languages we write."""

import unicodedata
from typing import Literal

Language = Literal["en", "de"]

TEXT_LIMIT = 200
"""Characters of one value in a text: a longer name is cut."""


def language_for(wanted: str) -> Language:
    """The nearest language we write: `de-AT` -> de, anything unknown -> en."""
    return "de" if wanted.lower().replace("_", "-").split("-")[0] == "de" else "en"


def one_line(text: str, limit: int = TEXT_LIMIT) -> str:
    """A text from elsewhere, safe in a header or a line: no controls, one line, bounded.

    Controls, line and paragraph separators and bidirectional overrides become spaces (RFC 5322
    headers end at a line break; an override could show an address backwards).
    """
    clean = "".join(" " if _unprintable(character) else character for character in text)
    words = " ".join(word for word in clean.split(" ") if word)  # keeps no-break spaces
    return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"


def _unprintable(character: str) -> bool:
    if character == "\u200d":  # joins emoji
        return False
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")

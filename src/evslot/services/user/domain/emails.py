"""What counts as an e-mail address, and its one spelling."""

import re

from evslot.services.user.messages import EmailInvalid

MAX_LENGTH = 254
"""RFC 5321, section 4.5.3.1.3: 256 with the angle brackets."""
MAX_LOCAL_LENGTH = 64

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*\.(?!\d+\Z){_LABEL}")
"""RFC 5322 dot-atom at a domain with a dot; no quotes, comments or address literals."""


def normal_email(text: str) -> str:
    """The address in lower case, which is how it is stored and compared; EmailInvalid otherwise.

    Mail servers that tell upper from lower case in the local part are not known to exist.
    """
    if len(text) > MAX_LENGTH or not text.isascii():
        raise EmailInvalid()
    address = text.lower()
    if not _ADDRESS.fullmatch(address) or address.index("@") > MAX_LOCAL_LENGTH:
        raise EmailInvalid()
    return address

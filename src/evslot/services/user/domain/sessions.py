"""Sessions: codes that open them, and what a refresh token is worth when it comes."""

import secrets
from datetime import datetime, timedelta
from enum import Enum

from msgspec import Struct

GRACE = timedelta(seconds=10)
"""A used refresh token gives the same successor for so long: the answer may have been lost."""
MAX_CODE_TRIES = 5
REFRESH_PREFIX = "evr_"
API_KEY_PREFIX = "evk_"
MAX_SESSIONS = 100
"""Of one person; with one more the longest unused is over."""
MAX_API_KEYS = 50
"""Of one organisation, besides revoked and expired ones."""


class Settings(Struct, frozen=True, kw_only=True):
    """`EVSLOT_USER_<NAME>`."""

    code_seconds: int = 600
    codes_per_hour: int = 5
    """To one address; more are silently not sent."""
    wrong_passwords_per_hour: int = 50
    """For one address; after that only a mailed code signs in, so nobody can be locked out."""
    access_seconds: int = 600
    session_idle_days: int = 30
    session_max_days: int = 180
    hashing_threads: int = 1
    """Processors that a storm of sign-ins can take from everything else."""
    api_key_max_days: int = 1095
    approve_organisations: bool | None = None
    """Without asking anybody; by default in development only."""


class RefreshToken(Struct, frozen=True, kw_only=True):
    """A refresh token as it is stored, with the state of its session."""

    used_at: datetime | None
    sealed_successor: str | None
    session_ended_at: datetime | None
    session_expires_at: datetime
    account_active: bool


class Verdict(Enum):
    """What is done with a refresh token."""

    ROTATE = "rotate"
    REPEAT = "the same successor once more"
    REUSED = "end the session"
    REFUSE = "refuse"


def judge_refresh(token: RefreshToken, now: datetime) -> Verdict:
    """A second use within the grace is a lost answer; later it means that two parties hold it."""
    if not token.account_active or token.session_ended_at is not None:
        return Verdict.REFUSE
    if now >= token.session_expires_at:
        return Verdict.REFUSE
    if token.used_at is None:
        return Verdict.ROTATE
    if now - token.used_at <= GRACE and token.sealed_successor is not None:
        return Verdict.REPEAT
    return Verdict.REUSED


def session_end(opened_at: datetime, now: datetime, settings: Settings) -> datetime:
    """When a session dies unless it is refreshed: idle time from now, within the total."""
    idle = now + timedelta(days=settings.session_idle_days)
    return min(idle, opened_at + timedelta(days=settings.session_max_days))


def new_code() -> str:
    """Six digits; five tries against a million are worth one in 200,000."""
    return f"{secrets.randbelow(1_000_000):06d}"


def new_refresh_token() -> str:
    """256 random bits behind a prefix that secret scanners and people recognise."""
    return REFRESH_PREFIX + secrets.token_urlsafe(32)


def new_api_key() -> str:
    """256 random bits behind a prefix of its own."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def hour_of(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)

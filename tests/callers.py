"""Who calls, in tests: people with roles, their tokens, and the keys of all parts."""

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from evslot import system
from evslot.spine.callers import AccessTokens, Caller
from evslot.spine.sealing import Keys, make_keys
from evslot.values import OrganisationId, SessionId, UserId

_keys_folder: list[Path] = []


def keys_folder() -> Path:
    """One key set for all parts and tests of this run."""
    if not _keys_folder:
        folder = Path(tempfile.mkdtemp(prefix="evslot-keys-"))
        make_keys(folder, system.NAMES)
        _keys_folder.append(folder)
    return _keys_folder[0]


def keys_of(part: str) -> Keys:
    folder = keys_folder()
    return Keys.load(part, folder / f"{part}.json", folder / "public.jwks.json")


def driver(
    user_id: UUID | None = None,
    *,
    organisations: Mapping[OrganisationId, Any] | None = None,
    roles: frozenset[str] = frozenset({"driver"}),
) -> Caller:
    """A signed-in person; with `organisations={id: "owner"}` an operator."""
    return Caller(
        kind="user",
        user_id=UserId(user_id or uuid4()),
        session_id=SessionId(uuid4()),
        roles=roles,
        organisations=dict(organisations or {}),
    )


def token_of(caller: Caller) -> str:
    """The JWT that would travel."""
    assert caller.user_id is not None
    assert caller.session_id is not None
    minted = AccessTokens(keys_of("user")).mint(
        caller.user_id,
        caller.session_id,
        caller.roles,
        caller.organisations,
        datetime.now(UTC),
        600,
        scope=" ".join(sorted(caller.scopes)) or "full",
    )
    return minted.rpartition(".")[0]


def secret_of(access_token: str) -> str:
    """The JWT before it travels with every request, and is worth nothing alone."""
    return access_token.rpartition(".")[2]

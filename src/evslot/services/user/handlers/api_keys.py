"""API keys: made and revoked by owners, exchanged for access tokens by machines."""

from datetime import timedelta
from uuid import UUID

from evslot.services.user import store
from evslot.services.user.domain import sessions
from evslot.services.user.domain.membership import role_of_scopes
from evslot.services.user.domain.profiles import MAX_NAME_LENGTH, clean_text
from evslot.services.user.domain.sessions import Settings
from evslot.services.user.handlers import callers
from evslot.services.user.messages import (
    ApiKey,
    ApiKeyInvalid,
    ApiKeyNotFound,
    CreateApiKey,
    NewApiKey,
    OrganisationInvalid,
    RevokeApiKey,
    SessionEnded,
    SignedIn,
    SignInWithApiKey,
    TooManyApiKeys,
)
from evslot.spine.callers import AccessTokens
from evslot.spine.handling import Handlers
from evslot.spine.message import Secret
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Transaction
from evslot.values import OrganisationId, SessionId, UserId

handlers = Handlers()


@handlers.on(CreateApiKey)
async def create_api_key(command: CreateApiKey, tx: Transaction) -> NewApiKey:
    owner_id = await callers.owner(tx, command.organisation_id)
    name = clean_text(command.name, MAX_NAME_LENGTH)
    if name is None:
        raise OrganisationInvalid(field="name", max_length=MAX_NAME_LENGTH)
    most = tx.resource(Settings).api_key_max_days
    if not 1 <= command.valid_days <= most:
        raise OrganisationInvalid(field="valid_days", least=1, most=most)
    if not command.scopes:
        raise OrganisationInvalid(field="scopes")
    if await store.count_api_keys(tx, command.organisation_id) >= sessions.MAX_API_KEYS:
        raise TooManyApiKeys(limit=sessions.MAX_API_KEYS)
    key = sessions.new_api_key()
    wanted = CreateApiKey(
        organisation_id=command.organisation_id,
        api_key_id=command.api_key_id,
        name=name,
        scopes=tuple(sorted(set(command.scopes))),
    )
    expires_at = tx.now + timedelta(days=command.valid_days)
    made = await store.insert_api_key(tx, wanted, _key_mac(tx, key), owner_id, expires_at)
    return NewApiKey(api_key=made, key=Secret(key))


@handlers.on(RevokeApiKey)
async def revoke_api_key(command: RevokeApiKey, tx: Transaction) -> ApiKey:
    await callers.owner(tx, command.organisation_id)
    revoked = await store.revoke_api_key(tx, command.organisation_id, command.api_key_id)
    if revoked is None:
        raise ApiKeyNotFound()
    tx.emit(_dead(revoked.api_key_id))
    return revoked


@handlers.on(SignInWithApiKey)
async def sign_in_with_api_key(command: SignInWithApiKey, tx: Transaction) -> SignedIn:
    """The key itself is who acts, in one session that lasts as long as it: there is no person.

    No role but the one of its scopes in its organisation: it books nothing and owns nothing.
    """
    used = await store.use_api_key(tx, _key_mac(tx, command.api_key.value))
    if used is None:
        raise ApiKeyInvalid()
    left = int((used.expires_at - tx.now).total_seconds())
    seconds = max(1, min(tx.resource(Settings).access_seconds, left))
    access_token = tx.resource(AccessTokens).mint(
        UserId(used.api_key_id),
        SessionId(used.api_key_id),
        [],
        {used.organisation_id: role_of_scopes(used.scopes)},
        tx.now,
        seconds,
        scope=" ".join(used.scopes),
    )
    return SignedIn(
        user_id=UserId(used.api_key_id),
        session_id=SessionId(used.api_key_id),
        access_token=Secret(access_token),
        access_seconds=seconds,
        refresh_token=Secret(""),
    )


async def revoke_all_api_keys(tx: Transaction, organisation_id: OrganisationId) -> None:
    """For an organisation that nobody belongs to any more: there is no owner who could."""
    for api_key_id in await store.revoke_api_keys(tx, organisation_id):
        tx.emit(_dead(api_key_id))


def _dead(api_key_id: UUID) -> SessionEnded:
    """Edges refuse the key's access tokens as soon as they hear of it."""
    return SessionEnded(
        user_id=UserId(api_key_id), session_id=SessionId(api_key_id), reason="api_key_revoked"
    )


def _key_mac(tx: Transaction, key: str) -> bytes:
    return tx.resource(Keys).fingerprint(b"api-key:" + key.encode())

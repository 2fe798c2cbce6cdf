"""Who calls: the verified caller of a message, and the access tokens that name a person.

A token is `<JWT>.<secret>`. The JWT (RFC 9068 type `at+jwt`, `Ed25519`) holds the secret's hash,
so the JWT alone, which travels through topics, is worth nothing at the edge.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from msgspec import Struct, field

from evslot.spine.message import Forbidden, Unauthenticated
from evslot.spine.sealing import ISSUING_PART, Keys, from_b64, to_b64
from evslot.values import OrganisationId, SessionId, UserId

ISSUER = "evslot"
AUDIENCE = "evslot"
TOKEN_TYPE = "at+jwt"
LEEWAY_SECONDS = 60
"""How far the issuer's clock may run ahead (`iat`); `exp` gets none."""
MAX_TOKEN_LENGTH = 8192
CACHED_TOKENS = 2_000

Role = Literal["owner", "manager", "viewer"]


class TokenInvalid(Unauthenticated):
    """This access token is not valid, or no longer; sign in or refresh."""


class OnlyForServices(Forbidden):
    """Only services may ask this."""


class Caller(Struct, frozen=True, kw_only=True):
    """Who a message comes from, as this process has verified it."""

    kind: Literal["user", "system", "anonymous"]
    user_id: UserId | None = None
    session_id: SessionId | None = None
    roles: frozenset[str] = frozenset()
    organisations: dict[OrganisationId, Role] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()

    def require_user(self) -> UserId:
        """The person who calls; Unauthenticated where it is nobody."""
        if self.kind != "user" or self.user_id is None:
            raise Unauthenticated()
        return self.user_id

    def require_system(self) -> None:
        """Forbidden for everybody but our own services."""
        if self.kind != "system":
            raise OnlyForServices()

    def role_in(self, organisation_id: OrganisationId) -> Role | None:
        return self.organisations.get(organisation_id)

    @property
    def is_operator(self) -> bool:
        """Owner or manager of any organisation: role first, ownership after."""
        return any(role in ("owner", "manager") for role in self.organisations.values())

    @property
    def is_admin(self) -> bool:
        return "admin" in self.roles


ANONYMOUS = Caller(kind="anonymous")
SYSTEM = Caller(kind="system")


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole protected header: `jku`, `jwk`, `x5c`, `crit`, `b64` and the like are refused."""

    alg: Literal["Ed25519"]
    typ: Literal["at+jwt"]
    kid: str


class _Claims(Struct, frozen=True, kw_only=True):
    iss: Literal["evslot"]
    aud: Literal["evslot"]
    sub: UUID
    sid: UUID
    iat: int
    exp: int
    nbf: int | None = None
    roles: frozenset[str]
    orgs: dict[UUID, Role]
    scope: str
    sh: str


class _Verified(Struct, frozen=True):
    claims: _Claims
    caller: Caller


class AccessTokens:
    """Makes access tokens (the issuing part) and verifies them (every part)."""

    def __init__(self, keys: Keys, issuing_part: str = ISSUING_PART) -> None:
        self._keys = keys
        self._issuing_part = issuing_part
        self._seen: OrderedDict[str, _Verified] = OrderedDict()

    def mint(
        self,
        user_id: UserId,
        session_id: SessionId,
        roles: Iterable[str],
        organisations: Mapping[OrganisationId, Role],
        now: datetime,
        seconds: int,
        scope: str = "full",
    ) -> str:
        """`<JWT>.<secret>`, valid for `seconds` from `now`; ValueError where it gets too long."""
        secret = to_b64(secrets.token_bytes(32))
        issued_at = int(now.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": issued_at,
            "exp": issued_at + seconds,
            "roles": sorted(roles),
            "orgs": {str(organisation): role for organisation, role in organisations.items()},
            "scope": scope,
            "sh": _hash_of(secret),
        }
        token = f"{self._keys.sign_jwt(claims, TOKEN_TYPE)}.{secret}"
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError("a token of more organisations than fit")
        return token

    def verify_edge(self, token: str, at: datetime) -> tuple[Caller, str]:
        """The caller and the JWT that may travel; demands JWT and secret, else TokenInvalid."""
        jwt, _, secret = token.rpartition(".")
        verified = self._verified(jwt, at)
        if not hmac.compare_digest(_hash_of(secret).encode(), verified.claims.sh.encode()):
            raise TokenInvalid()
        return verified.caller, jwt

    def verify(self, jwt: str, at: datetime) -> Caller:
        """The caller of a record appended at `at`; TokenInvalid where it proves nobody."""
        return self._verified(jwt, at).caller

    def _verified(self, jwt: str, at: datetime) -> _Verified:
        verified = self._seen.get(jwt)
        if verified is None:
            verified = self._check_signature(jwt)
            self._seen[jwt] = verified
            if len(self._seen) > CACHED_TOKENS:
                self._seen.popitem(last=False)
        else:
            self._seen.move_to_end(jwt)
        _check_times(verified.claims, at.timestamp())
        return verified

    def _check_signature(self, jwt: str) -> _Verified:
        if len(jwt) > MAX_TOKEN_LENGTH or jwt.count(".") != 2:
            raise TokenInvalid()
        try:
            # The one canonical spelling of each piece: a token has no second form.
            header, payload, _ = (from_b64(piece) for piece in jwt.split("."))
            kid = msgspec.json.decode(header, type=_Header).kid
            key = self._keys.signing_key(self._issuing_part, kid)
            if key is None:
                raise TokenInvalid()
            jws.deserialize_compact(jwt, key, ["Ed25519"])
            claims = msgspec.json.decode(payload, type=_Claims)
        except (ValueError, JoseError) as broken:
            raise TokenInvalid() from broken
        return _Verified(claims, _caller(claims))


def _check_times(claims: _Claims, at: float) -> None:
    begins = max(claims.iat, claims.nbf or claims.iat)
    if at >= claims.exp or begins > at + LEEWAY_SECONDS:
        raise TokenInvalid()


def _caller(claims: _Claims) -> Caller:
    return Caller(
        kind="user",
        user_id=UserId(claims.sub),
        session_id=SessionId(claims.sid),
        roles=claims.roles,
        organisations={OrganisationId(key): role for key, role in claims.orgs.items()},
        scopes=frozenset(claims.scope.split()),
    )


def _hash_of(secret: str) -> str:
    """A plain hash suffices: the secret has 256 random bits."""
    return to_b64(hashlib.sha256(secret.encode()).digest())

"""Access tokens: what is accepted as proof of a caller, and all that is not."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evslot.spine import callers
from evslot.spine.callers import (
    ANONYMOUS,
    SYSTEM,
    AccessTokens,
    Caller,
    OnlyForServices,
    TokenInvalid,
)
from evslot.spine.message import Unauthenticated
from evslot.spine.sealing import PUBLIC_FILE, Keys, from_b64, make_keys, rotate, to_b64
from evslot.values import OrganisationId, SessionId, UserId, new_id

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ANNA = UserId(new_id())
SESSION = SessionId(new_id())
OPERATOR = OrganisationId(new_id())


class Scene:
    """A folder of keys with a token of Anna's, and the means to forge."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_keys(folder, ("user", "station", "gateway"))
        self.user = self.keys("user")
        self.issuer = AccessTokens(self.user)
        self.verifier = AccessTokens(self.keys("station"))
        self.token = self.mint()
        self.jwt, _, self.secret = self.token.rpartition(".")
        self.head, self.body, self.signature = self.jwt.split(".")
        self.header: dict[str, Any] = json.loads(from_b64(self.head))
        self.claims: dict[str, Any] = json.loads(from_b64(self.body))

    def keys(self, part: str) -> Keys:
        return Keys.load(part, self.folder / f"{part}.json", self.folder / PUBLIC_FILE)

    def mint(self, seconds: int = 600) -> str:
        roles = {OPERATOR: "manager"}
        return self.issuer.mint(ANNA, SESSION, ["driver"], roles, NOW, seconds)  # type: ignore[arg-type]

    def signed(
        self,
        header: dict[str, Any] | None = None,
        claims: dict[str, Any] | None = None,
        without: tuple[str, ...] = (),
        private: Ed25519PrivateKey | None = None,
    ) -> str:
        """A token signed with the issuer's real key (or another), header and claims changed."""
        head = {k: v for k, v in (self.header | (header or {})).items() if k not in without}
        body = {k: v for k, v in (self.claims | (claims or {})).items() if k not in without}
        text = f"{_piece(head)}.{_piece(body)}"
        return f"{text}.{to_b64((private or self.private('user')).sign(text.encode()))}"

    def private(self, part: str) -> Ed25519PrivateKey:
        stored = json.loads((self.folder / f"{part}.json").read_text())
        return Ed25519PrivateKey.from_private_bytes(from_b64(stored["signing"][0]["d"]))

    def public_raw(self) -> bytes:
        return self.private("user").public_key().public_bytes_raw()


def _piece(value: Any) -> str:
    return to_b64(json.dumps(value).encode())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "keys")


def test_a_minted_token_names_the_caller_everywhere(scene: Scene) -> None:
    caller, jwt = scene.verifier.verify_edge(scene.token, NOW)
    assert caller == Caller(
        kind="user",
        user_id=ANNA,
        session_id=SESSION,
        roles=frozenset({"driver"}),
        organisations={OPERATOR: "manager"},
        scopes=frozenset({"full"}),
    )
    assert scene.verifier.verify(jwt, NOW) == caller
    assert caller.is_operator
    assert not caller.is_admin
    assert caller.role_in(OPERATOR) == "manager"
    assert caller.role_in(OrganisationId(new_id())) is None


def test_the_travelling_part_alone_is_worth_nothing_at_the_edge(scene: Scene) -> None:
    for token in (
        scene.jwt,
        f"{scene.jwt}.",
        f"{scene.jwt}.{'A' * 43}",
        f"{scene.jwt}.{scene.claims['sh']}",
        f"{scene.jwt}.{scene.secret[:-1]}",
        f"{scene.jwt}.{scene.secret}=",
        scene.secret,
        f".{scene.secret}",
        "",
    ):
        with pytest.raises(TokenInvalid):
            scene.verifier.verify_edge(token, NOW)


def test_the_secret_of_another_token_does_not_fit(scene: Scene) -> None:
    other = scene.mint(seconds=601).rpartition(".")[2]
    with pytest.raises(TokenInvalid):
        scene.verifier.verify_edge(f"{scene.jwt}.{other}", NOW)


Forgery = Callable[[Scene], str]


def _hs256_with_public_key(scene: Scene) -> str:
    text = f"{_piece(scene.header | {'alg': 'HS256'})}.{scene.body}"
    return f"{text}.{to_b64(hmac.digest(scene.public_raw(), text.encode(), 'sha256'))}"


def _unsigned(alg: str) -> Forgery:
    return lambda s: f"{_piece(s.header | {'alg': alg})}.{s.body}."


def _embedded_key(scene: Scene) -> str:
    thief = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": to_b64(thief.public_key().public_bytes_raw())}
    return scene.signed({"jwk": jwk}, private=thief)


def _second_spelling(scene: Scene) -> str:
    """The last character of a signature has four unused bits."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return scene.jwt[:-1] + letters[letters.index(scene.jwt[-1]) + 1]


def _altered(scene: Scene) -> str:
    return f"{scene.head}.{_piece(scene.claims | {'roles': ['admin']})}.{scene.signature}"


def _foreign_part(scene: Scene) -> str:
    kid = json.loads((scene.folder / "gateway.json").read_text())["signing"][0]["kid"]
    return scene.signed({"kid": kid}, private=scene.private("gateway"))


FORGERIES: dict[str, Forgery] = {
    "alg none": _unsigned("none"),
    "alg None": _unsigned("None"),
    "alg NONE with signature": lambda s: f"{_piece(s.header | {'alg': 'NONE'})}.{s.body}.AAAA",
    "no signature": lambda s: f"{s.head}.{s.body}.",
    "HS256 with the public key": _hs256_with_public_key,
    "alg EdDSA, the older name": lambda s: s.signed({"alg": "EdDSA"}),
    "alg RS256": lambda s: s.signed({"alg": "RS256"}),
    "no alg": lambda s: s.signed(without=("alg",)),
    "unknown kid": lambda s: s.signed({"kid": "user-AAAAAAAAAAA"}),
    "kid as path": lambda s: s.signed({"kid": "../../dev/null"}),
    "no kid": lambda s: s.signed(without=("kid",)),
    "kid of a sealing key": lambda s: s.signed(
        {"kid": json.loads((s.folder / "user.json").read_text())["sealing"][0]["kid"]}
    ),
    "signed by another part": _foreign_part,
    "another part's key under the issuer's kid": lambda s: s.signed(private=s.private("gateway")),
    "a stranger's key": lambda s: s.signed(private=Ed25519PrivateKey.generate()),
    "jwk header": _embedded_key,
    "jku header": lambda s: s.signed({"jku": "https://evil.example/jwks.json"}),
    "x5u header": lambda s: s.signed({"x5u": "https://evil.example/x.pem"}),
    "crit header": lambda s: s.signed({"crit": ["exp"]}),
    "b64 header": lambda s: s.signed({"b64": False, "crit": ["b64"]}),
    "typ JWT": lambda s: s.signed({"typ": "JWT"}),
    "typ of another token": lambda s: s.signed({"typ": "rt+jwt"}),
    "no typ": lambda s: s.signed(without=("typ",)),
    "expired": lambda s: s.signed(claims={"exp": int(NOW.timestamp())}),
    "no exp": lambda s: s.signed(without=("exp",)),
    "exp as text": lambda s: s.signed(claims={"exp": "9999999999"}),
    "exp as null": lambda s: s.signed(claims={"exp": None}),
    "exp not a number": lambda s: s.signed(claims={"exp": float("nan")}),
    "issued in the future": lambda s: s.signed(claims={"iat": int(NOW.timestamp()) + 120}),
    "not yet valid": lambda s: s.signed(claims={"nbf": int(NOW.timestamp()) + 120}),
    "other audience": lambda s: s.signed(claims={"aud": "elsewhere"}),
    "audience list": lambda s: s.signed(claims={"aud": ["evslot", "elsewhere"]}),
    "no audience": lambda s: s.signed(without=("aud",)),
    "other issuer": lambda s: s.signed(claims={"iss": "https://evil.example"}),
    "no issuer": lambda s: s.signed(without=("iss",)),
    "sub is no id": lambda s: s.signed(claims={"sub": "admin"}),
    "unknown organisation role": lambda s: s.signed(claims={"orgs": {str(OPERATOR): "god"}}),
    "claims altered": _altered,
    "claims no object": lambda s: f"{s.head}.{_piece([1])}.{s.signature}",
    "header no object": lambda s: f"{_piece('x')}.{s.body}.{s.signature}",
    "truncated": lambda s: s.jwt[:-3],
    "second spelling of the signature": _second_spelling,
    "padded": lambda s: f"{s.jwt}==",
    "one piece more": lambda s: f"{s.jwt}.{s.signature}",
    "five pieces (JWE)": lambda s: f"{s.jwt}.a.b",
    "not base64": lambda s: f"{s.head}.{s.body}.é!",
    "empty": lambda s: "",
    "dots": lambda s: "..",
    "refresh token": lambda s: "evr_" + "A" * 43,
    "refresh token in three pieces": lambda s: "evr_.AAAA.AAAA",
    "very long": lambda s: s.signed(claims={"roles": ["x" * 20_000]}),
    "standard base64 alphabet": lambda s: (
        ".".join(base64.b64encode(from_b64(piece)).decode() for piece in s.jwt.split(".")) + "+"
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_token_is_refused(scene: Scene, forgery: Forgery) -> None:
    forged = forgery(scene)
    with pytest.raises(TokenInvalid):
        scene.verifier.verify(forged, NOW)
    with pytest.raises(TokenInvalid):
        scene.verifier.verify_edge(f"{forged}.{scene.secret}", NOW)


def test_what_the_forgeries_start_from_is_valid(scene: Scene) -> None:
    assert scene.verifier.verify(scene.signed(), NOW).user_id == ANNA
    assert scene.claims["sh"] == to_b64(hashlib.sha256(scene.secret.encode()).digest())
    assert "full" in scene.claims["scope"]


def test_expiry_is_judged_at_the_time_given_though_the_signature_is_cached(scene: Scene) -> None:
    scene.verifier.verify(scene.jwt, NOW)
    scene.verifier.verify(scene.jwt, NOW + timedelta(seconds=599.9))
    for late in (600, 601, 100_000):
        with pytest.raises(TokenInvalid):
            scene.verifier.verify(scene.jwt, NOW + timedelta(seconds=late))
    assert scene.verifier.verify(scene.jwt, NOW).user_id == ANNA


def test_the_issuers_clock_may_run_a_minute_ahead(scene: Scene) -> None:
    scene.verifier.verify(scene.jwt, NOW - timedelta(seconds=60))
    with pytest.raises(TokenInvalid):
        scene.verifier.verify(scene.jwt, NOW - timedelta(seconds=61))


def test_a_token_signed_with_a_rotated_key_is_accepted_without_restart(scene: Scene) -> None:
    scene.verifier.verify(scene.jwt, NOW)
    rotate(scene.folder, "user")
    issuer = AccessTokens(scene.keys("user"))
    fresh = issuer.mint(ANNA, SESSION, [], {}, NOW, 600)
    assert scene.verifier.verify_edge(fresh, NOW)[0].user_id == ANNA
    assert AccessTokens(scene.keys("station")).verify(scene.jwt, NOW).user_id == ANNA


def test_the_cache_of_signatures_is_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "CACHED_TOKENS", 3)
    for seconds in range(600, 610):
        scene.verifier.verify(scene.mint(seconds).rpartition(".")[0], NOW)
    assert len(scene.verifier._seen) == 3


def test_forged_tokens_do_not_fill_the_cache(scene: Scene) -> None:
    for _ in range(5):
        with pytest.raises(TokenInvalid):
            scene.verifier.verify(scene.signed(private=Ed25519PrivateKey.generate()), NOW)
    assert len(scene.verifier._seen) == 0


def test_a_token_too_long_to_travel_is_not_minted(scene: Scene) -> None:
    many = {OrganisationId(new_id()): "viewer" for _ in range(200)}
    with pytest.raises(ValueError, match="more organisations"):
        scene.issuer.mint(ANNA, SESSION, [], many, NOW, 600)  # type: ignore[arg-type]


def test_only_a_user_is_a_user_and_only_a_service_is_a_service() -> None:
    anna = Caller(kind="user", user_id=ANNA)
    assert anna.require_user() == ANNA
    SYSTEM.require_system()
    for nobody in (ANONYMOUS, SYSTEM):
        with pytest.raises(Unauthenticated):
            nobody.require_user()
    for stranger in (ANONYMOUS, anna):
        with pytest.raises(OnlyForServices):
            stranger.require_system()
    assert OnlyForServices().code == "only_for_services"
    assert TokenInvalid().status == 401


def test_a_viewer_is_no_operator_and_an_admin_says_so() -> None:
    viewer = Caller(kind="user", user_id=ANNA, organisations={OPERATOR: "viewer"})
    assert not viewer.is_operator
    assert Caller(kind="user", user_id=ANNA, roles=frozenset({"admin"})).is_admin
    assert viewer.role_in(OrganisationId(UUID(int=OPERATOR.int))) == "viewer"

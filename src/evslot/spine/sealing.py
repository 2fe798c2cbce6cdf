"""Keys of each part, and what is done with them: seal, unseal, fingerprint, mac, sign.

Sealing is HPKE (RFC 9180) in base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
Sealed text is `<kid>.<base64url of enc || ciphertext>`; key files hold JWKs (RFC 7517, RFC 8037).
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jws
from joserfc.jwk import OKPKey
from msgspec import Struct

Content = TypeVar("Content", bound=Struct)

PUBLIC_FILE = "public.jwks.json"
ISSUING_PART = "user"
"""The one part whose signing keys make access tokens."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
_INFO = b"evslot sealed v1"
_MAC_INFO = b"evslot mac v1 "


class SealBroken(ValueError):
    """A sealed text that cannot be opened: unknown key, altered, or not sealed text at all."""


class Jwk(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One octet key pair (RFC 8037); `d` only in private files, `part` and `use` in public ones."""

    kty: str
    crv: str
    kid: str
    x: str
    d: str | None = None
    part: str | None = None
    use: str | None = None

    def as_public(self, part: str) -> "Jwk":
        use = "enc" if self.crv == "X25519" else "sig"
        return Jwk(kty="OKP", crv=self.crv, kid=self.kid, x=self.x, part=part, use=use)


class PrivateFile(Struct, frozen=True, kw_only=True):
    """What one part alone may read; the newest key comes first."""

    part: str
    sealing: list[Jwk]
    signing: list[Jwk]
    fingerprint: str
    """32 random bytes, base64url; never rotated, for stored fingerprints must stay comparable."""


class PublicFile(Struct, frozen=True, kw_only=True):
    """The public keys of all parts, each part's newest first."""

    keys: list[Jwk]


def make_keys(folder: Path, parts: Iterable[str]) -> None:
    """A key set for each part that has none, and the public file of all; keeps what is there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for part in parts:
        path = folder / f"{part}.json"
        if not path.exists():
            keys = PrivateFile(
                part=part,
                sealing=[_new_sealing_key(part)],
                signing=[_new_signing_key(part)],
                fingerprint=to_b64(os.urandom(32)),
            )
            _write(path, keys, mode=0o600)
        _publish(folder, _legible(path, _read_private))


def rotate(folder: Path, part: str) -> None:
    """Puts new keys first for one part; the old ones stay for what was sealed or signed before.

    Other parts read the public file again when they meet a key id they do not know.
    """
    path = folder / f"{part}.json"
    old = _legible(path, _read_private)
    new = msgspec.structs.replace(
        old,
        sealing=[_new_sealing_key(part), *old.sealing],
        signing=[_new_signing_key(part), *old.signing],
    )
    # Public first: nobody must meet a signature whose key is not yet published.
    _publish(folder, new)
    _write(path, new, mode=0o600)


class KeysUnreadable(ValueError):
    """A key file is missing, damaged or another part's; the message names the setting."""


class Keys:
    """The keys of one running part, and the public keys of all."""

    def __init__(self, part: str, private_path: Path, public_path: Path) -> None:
        self.part = part
        self._private_path = private_path
        self._public_path = public_path
        self._stamps: dict[Path, tuple[int, int, int] | None] = {}
        self._shared: dict[tuple[str, str], bytes] = {}
        self._read_files()

    @classmethod
    def load(cls, part: str, private_path: Path, public_path: Path) -> "Keys":
        """Raises KeysUnreadable where a file cannot be read or belongs to another part."""
        settings = {
            private_path: (f"EVSLOT_{part.upper()}_KEYS_FILE", _read_private),
            public_path: ("EVSLOT_KEYS_PUBLIC_FILE", _read_public),
        }
        for path, (setting, read) in settings.items():
            _legible(path, read, f"{setting}: ")
        return cls(part, private_path, public_path)

    def seal_to(self, part: str, clear: bytes) -> str:
        """Sealed text that only `part` can open (to its newest key)."""
        kid = self._newest_of(part)
        return f"{kid}.{to_b64(_SUITE.encrypt(clear, self._sealing_public[kid][1], _INFO))}"

    def seal_for(self, public_key: str, clear: bytes) -> str:
        """Sealed text for the holder of an `AnswerKey`; SealBroken where that is no key."""
        try:
            key = X25519PublicKey.from_public_bytes(from_b64(public_key))
            return f"{_answer_kid(public_key)}.{to_b64(_SUITE.encrypt(clear, key, _INFO))}"
        except ValueError as broken:
            raise SealBroken("this is no X25519 public key") from broken

    def seal_own(self, clear: bytes) -> str:
        """Sealed text that only this part can open: for secrets at rest."""
        return self.seal_to(self.part, clear)

    def unseal(self, text: str) -> bytes:
        """What was sealed to this part, under its present or an earlier key."""
        kid, _, body = text.partition(".")
        key = self._own_sealing(kid)
        if key is None:
            raise SealBroken(f"no own key has the id {kid[:40]!r}")
        return _open(body, key)

    def fingerprint(self, clear: bytes) -> bytes:
        """32 bytes: equal for equal input, and of no use to who lacks this part's key."""
        return hmac.digest(self._fingerprint_key, clear, "sha256")

    def mac(self, peer_part: str, clear: bytes) -> str:
        """A seal of authenticity that only this part and the peer can make or check.

        `<own kid>.<peer kid>.<HMAC-SHA256>` under HKDF(X25519(own private, peer public)).
        """
        own, peer = self._newest_of(self.part), self._newest_of(peer_part)
        digest = hmac.digest(self._shared_key(own, peer, peer_part), clear, "sha256")
        return f"{own}.{peer}.{to_b64(digest)}"

    def check_mac(self, peer_part: str, clear: bytes, mac: str) -> bool:
        """Whether this part or the peer made `mac` for exactly these bytes, one for the other."""
        pieces = mac.split(".")
        if len(pieces) != 3:
            return False
        first, second, digest = pieces
        own, peer = (first, second) if self._own_sealing(first) else (second, first)
        if self._own_sealing(own) is None or self._part_of(peer) != peer_part:
            return False
        expected = hmac.digest(self._shared_key(own, peer, peer_part), clear, "sha256")
        return hmac.compare_digest(to_b64(expected).encode(), digest.encode())

    def sign_jwt(self, claims: dict[str, Any], typ: str) -> str:
        """A compact JWS over the claims, `alg` Ed25519 (RFC 9864), with this part's newest key."""
        kid, key = next(iter(self._signing.items()))
        header = {"alg": "Ed25519", "typ": typ, "kid": kid}
        return jws.serialize_compact(header, msgspec.json.encode(claims), key, ["Ed25519"])

    def signing_key(self, part: str, kid: str) -> OKPKey | None:
        """The public key a part signs with, None where that part has no such key."""
        if (part, kid) not in self._signing_public:
            self._read_changed()
        return self._signing_public.get((part, kid))

    def public_jwks(self, part: str = ISSUING_PART) -> dict[str, Any]:
        """The JWK set others check access tokens with: signing keys of the issuing part only."""
        self._read_changed()
        return {
            "keys": [
                {**msgspec.to_builtins(msgspec.structs.replace(key, part=None)), "alg": "Ed25519"}
                for key in self._public
                if key.part == part and key.use == "sig"
            ]
        }

    def _newest_of(self, part: str) -> str:
        if part not in self._newest:
            self._read_changed()
        try:
            return self._newest[part]
        except KeyError:
            raise ValueError(f"the public file has no sealing key of {part!r}") from None

    def _own_sealing(self, kid: str) -> X25519PrivateKey | None:
        if kid not in self._sealing and kid.startswith(f"{self.part}-"):
            self._read_changed()
        return self._sealing.get(kid)

    def _part_of(self, kid: str) -> str | None:
        if kid not in self._sealing_public:
            self._read_changed()
        found = self._sealing_public.get(kid)
        return found[0] if found else None

    def _shared_key(self, own: str, peer: str, peer_part: str) -> bytes:
        """Only for ids already looked up, so the cache holds own keys times peer keys at most."""
        shared = self._shared.get((own, peer))
        if shared is None:
            pair = "+".join(sorted((self.part, peer_part)))
            secret = self._sealing[own].exchange(self._sealing_public[peer][1])
            derive = HKDF(hashes.SHA256(), 32, salt=None, info=_MAC_INFO + pair.encode())
            shared = self._shared[own, peer] = derive.derive(secret)
        return shared

    def _read_changed(self) -> None:
        """Rotation without restart: cheap enough (two stats) for anybody's unknown key id."""
        stamps = {path: _stamp(path) for path in self._stamps}
        # A file that is gone (a mounted secret being replaced) leaves what was read in force.
        if stamps != self._stamps and None not in stamps.values():
            self._read_files()

    def _read_files(self) -> None:
        self._stamps = {path: _stamp(path) for path in (self._private_path, self._public_path)}
        own = _read_private(self._private_path)
        if own.part != self.part:
            setting = f"EVSLOT_{self.part.upper()}_KEYS_FILE"
            raise KeysUnreadable(f"{setting}: {self._private_path} holds the keys of {own.part!r}")
        self._public = _read_public(self._public_path).keys
        self._fingerprint_key = from_b64(own.fingerprint)
        self._sealing = {
            key.kid: X25519PrivateKey.from_private_bytes(from_b64(key.d or ""))
            for key in own.sealing
        }
        self._signing = {key.kid: _signing_key(key) for key in own.signing}
        self._sealing_public = {
            key.kid: (key.part, X25519PublicKey.from_public_bytes(from_b64(key.x)))
            for key in self._public
            if key.use == "enc"
        }
        self._signing_public = {
            (key.part, key.kid): _signing_key(key) for key in self._public if key.use == "sig"
        }
        self._newest = {
            key.part: key.kid for key in reversed(self._public) if key.part and key.use == "enc"
        }


def seal_by_public(public_path: Path, part: str, clear: bytes) -> str:
    """As `Keys.seal_to`, by who has no keys of its own: a command line."""
    known = _legible(public_path, _read_public, "EVSLOT_KEYS_PUBLIC_FILE: ").keys
    newest = next((key for key in known if key.part == part and key.use == "enc"), None)
    if newest is None:
        raise KeysUnreadable(f"EVSLOT_KEYS_PUBLIC_FILE: {public_path} has no key of {part}")
    key = X25519PublicKey.from_public_bytes(from_b64(newest.x))
    return f"{newest.kid}.{to_b64(_SUITE.encrypt(clear, key, _INFO))}"


class AnswerKey:
    """An ephemeral pair of an asking process: answers to it are sealed so that it alone reads."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self.public = to_b64(self._private.public_key().public_bytes_raw())
        """base64url, 32 bytes."""

    def unseal(self, text: str) -> bytes:
        """What was sealed to `public`; SealBroken for anything else."""
        kid, _, body = text.partition(".")
        if kid != _answer_kid(self.public):
            raise SealBroken("this was sealed for somebody else")
        return _open(body, self._private)


def to_b64(raw: bytes) -> str:
    """base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_b64(text: str) -> bytes:
    """The bytes; ValueError for anything but the one canonical spelling."""
    try:
        raw = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as broken:
        raise ValueError("not base64url") from broken
    if to_b64(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


def _open(body: str, key: X25519PrivateKey) -> bytes:
    try:
        return bytes(_SUITE.decrypt(from_b64(body), key, _INFO))
    except (ValueError, InvalidTag) as broken:
        raise SealBroken("the sealed text was altered or is not whole") from broken


def _answer_kid(public_key: str) -> str:
    return f"answer-{public_key[:11]}"


def _new_sealing_key(part: str) -> Jwk:
    key = X25519PrivateKey.generate()
    return _jwk(part, "X25519", key.public_key().public_bytes_raw(), key.private_bytes_raw())


def _new_signing_key(part: str) -> Jwk:
    key = Ed25519PrivateKey.generate()
    return _jwk(part, "Ed25519", key.public_key().public_bytes_raw(), key.private_bytes_raw())


def _jwk(part: str, crv: str, public: bytes, private: bytes) -> Jwk:
    kid = f"{part}-{to_b64(hashlib.sha256(public).digest()[:8])}"
    return Jwk(kty="OKP", crv=crv, kid=kid, x=to_b64(public), d=to_b64(private))


def _signing_key(key: Jwk) -> OKPKey:
    fields: dict[str, str | list[str]] = {"kty": "OKP", "crv": key.crv, "x": key.x, "kid": key.kid}
    if key.d:
        fields["d"] = key.d
    return OKPKey.import_key(fields)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Changes whenever the file does; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read_private(path: Path) -> PrivateFile:
    return msgspec.json.decode(path.read_bytes(), type=PrivateFile)


def _read_public(path: Path) -> PublicFile:
    return msgspec.json.decode(path.read_bytes(), type=PublicFile)


def _legible(path: Path, read: Callable[[Path], Content], setting: str = "") -> Content:
    try:
        return read(path)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise KeysUnreadable(f"{setting}{path} cannot be read: {why}") from error


def _publish(folder: Path, own: PrivateFile) -> None:
    """Replaces the part's own entries; those of parts whose private file lies elsewhere stay."""
    path = folder / PUBLIC_FILE
    present = _legible(path, _read_public).keys if path.exists() else []
    others = [key for key in present if key.part != own.part]
    mine = [key.as_public(own.part) for key in (*own.sealing, *own.signing)]
    if [key for key in present if key.part == own.part] != mine:
        _write(path, PublicFile(keys=others + mine), mode=0o644)


def _write(path: Path, content: Struct, mode: int) -> None:
    """Whole or not at all: a reader never meets half a file, and no other user a private one."""
    text = json.dumps(msgspec.to_builtins(content), indent=2) + "\n"
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise

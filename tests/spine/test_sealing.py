"""Keys of parts: what one part seals, only the right other part opens."""

import json
import shutil
import stat
from pathlib import Path

import pytest

from evslot.spine.sealing import (
    PUBLIC_FILE,
    AnswerKey,
    Keys,
    KeysUnreadable,
    SealBroken,
    from_b64,
    make_keys,
    rotate,
    seal_by_public,
    to_b64,
)

PARTS = ("gateway", "user", "station", "reservation")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_keys(tmp_path / "keys", PARTS)
    return tmp_path / "keys"


def keys_of(folder: Path, part: str) -> Keys:
    return Keys.load(part, folder / f"{part}.json", folder / PUBLIC_FILE)


def test_only_the_addressed_part_opens_what_is_sealed(folder: Path) -> None:
    sealed = keys_of(folder, "gateway").seal_to("user", b"secret")
    assert keys_of(folder, "user").unseal(sealed) == b"secret"
    assert "secret" not in sealed
    with pytest.raises(SealBroken):
        keys_of(folder, "station").unseal(sealed)
    with pytest.raises(SealBroken):
        keys_of(folder, "gateway").unseal(sealed)


def test_who_has_no_keys_seals_by_the_public_file_to_the_newest_key(folder: Path) -> None:
    rotate(folder, "user")
    sealed = seal_by_public(folder / PUBLIC_FILE, "user", b"secret")
    assert keys_of(folder, "user").unseal(sealed) == b"secret"
    with pytest.raises(SealBroken):
        keys_of(folder, "station").unseal(sealed)
    with pytest.raises(KeysUnreadable, match="EVSLOT_KEYS_PUBLIC_FILE"):
        seal_by_public(folder / "nowhere.json", "user", b"secret")
    with pytest.raises(KeysUnreadable, match="no key of payment"):
        seal_by_public(folder / PUBLIC_FILE, "payment", b"secret")


def test_equal_texts_are_sealed_differently(folder: Path) -> None:
    gateway = keys_of(folder, "gateway")
    assert gateway.seal_to("user", b"same") != gateway.seal_to("user", b"same")


def test_what_a_part_seals_for_itself_only_it_opens(folder: Path) -> None:
    sealed = keys_of(folder, "user").seal_own(b"at rest")
    assert keys_of(folder, "user").unseal(sealed) == b"at rest"
    with pytest.raises(SealBroken):
        keys_of(folder, "reservation").unseal(sealed)


def test_altered_or_cut_sealed_text_is_refused(folder: Path) -> None:
    user = keys_of(folder, "user")
    sealed = user.seal_own(b"secret")
    kid, _, body = sealed.partition(".")
    raw = bytearray(from_b64(body))
    broken = ["", ".", kid, f"{kid}.", body, f"other-kid.{body}", sealed[:-4], sealed + "AAAA"]
    for place in (0, 31, 32, len(raw) - 1):
        changed = bytearray(raw)
        changed[place] ^= 1
        broken.append(f"{kid}.{to_b64(bytes(changed))}")
    broken += [f"{kid}.{body}=", f"{kid}.{body}\n", f"{kid}.é", f"{kid}. {body}"]
    for text in broken:
        with pytest.raises(SealBroken):
            user.unseal(text)


def test_an_answer_is_opened_by_the_asking_process_alone(folder: Path) -> None:
    asking, other = AnswerKey(), AnswerKey()
    sealed = keys_of(folder, "user").seal_for(asking.public, b"token")
    assert asking.unseal(sealed) == b"token"
    with pytest.raises(SealBroken):
        other.unseal(sealed)


@pytest.mark.parametrize("public", ["", "x", to_b64(bytes(31)), to_b64(bytes(32)), "é" * 43])
def test_an_answer_key_that_is_no_key_is_refused(folder: Path, public: str) -> None:
    with pytest.raises(SealBroken):
        keys_of(folder, "user").seal_for(public, b"token")


def test_fingerprints_are_equal_for_equal_input_and_differ_between_parts(folder: Path) -> None:
    user = keys_of(folder, "user")
    assert user.fingerprint(b"a") == keys_of(folder, "user").fingerprint(b"a")
    assert user.fingerprint(b"a") != user.fingerprint(b"b")
    assert user.fingerprint(b"a") != keys_of(folder, "station").fingerprint(b"a")
    assert len(user.fingerprint(b"a")) == 32


def test_a_mac_is_made_and_checked_by_the_two_parts_only(folder: Path) -> None:
    station, reservation = keys_of(folder, "station"), keys_of(folder, "reservation")
    mac = station.mac("reservation", b"quote")
    assert reservation.check_mac("station", b"quote", mac)
    assert station.check_mac("reservation", b"quote", mac)
    assert not reservation.check_mac("station", b"another quote", mac)
    assert not reservation.check_mac("user", b"quote", mac)
    assert not keys_of(folder, "user").check_mac("station", b"quote", mac)


def test_a_mac_by_a_third_part_is_refused(folder: Path) -> None:
    forged = keys_of(folder, "user").mac("reservation", b"quote")
    assert not keys_of(folder, "reservation").check_mac("station", b"quote", forged)


def test_altered_macs_are_refused(folder: Path) -> None:
    reservation = keys_of(folder, "reservation")
    mac = keys_of(folder, "station").mac("reservation", b"quote")
    own, peer, digest = mac.split(".")
    flipped = ("B" if digest[0] == "A" else "A") + digest[1:]
    for forged in (
        "",
        "..",
        "a.b.c",
        digest,
        f"{own}.{peer}",
        f"{mac}.x",
        f"{own}.{own}.{digest}",
        f"{peer}.{peer}.{digest}",
        f"{own}.{peer}.{flipped}",
        f"{own}.{peer}.{digest[:-1]}",
        f"{own}.{peer}.é",
    ):
        assert not reservation.check_mac("station", b"quote", forged)


def test_making_keys_again_changes_nothing_and_adds_new_parts(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    make_keys(folder, PARTS)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    make_keys(folder, [*PARTS, "payment"])
    assert keys_of(folder, "payment").unseal(keys_of(folder, "user").seal_to("payment", b"x"))
    assert (folder / "user.json").read_bytes() == before["user.json"]


def test_private_files_are_readable_by_their_owner_only(folder: Path) -> None:
    assert stat.S_IMODE((folder / "user.json").stat().st_mode) == 0o600
    public = (folder / PUBLIC_FILE).read_text()
    assert '"d"' not in public
    assert "fingerprint" not in public


def test_rotation_is_seen_by_running_parts_and_old_texts_stay_readable(folder: Path) -> None:
    station, reservation = keys_of(folder, "station"), keys_of(folder, "reservation")
    old_mac, old_text = station.mac("reservation", b"quote"), reservation.seal_to("station", b"x")
    rotate(folder, "station")
    fresh = keys_of(folder, "station")
    new_mac, new_text = fresh.mac("reservation", b"quote"), fresh.seal_own(b"y")
    assert new_mac.split(".")[0] != old_mac.split(".")[0]
    assert reservation.check_mac("station", b"quote", new_mac)
    assert reservation.check_mac("station", b"quote", old_mac)
    assert station.unseal(new_text) == b"y"
    assert fresh.unseal(old_text) == b"x"
    assert fresh.fingerprint(b"a") == station.fingerprint(b"a")


def test_key_files_that_are_gone_leave_what_was_read_in_force(folder: Path) -> None:
    user = keys_of(folder, "user")
    sealed = user.seal_own(b"x")
    for path in folder.iterdir():
        path.unlink()
    assert user.unseal(sealed) == b"x"
    with pytest.raises(SealBroken):
        user.unseal("user-unknown.AAAA")
    assert not user.check_mac("station", b"x", "station-a.user-b.c")


def test_another_parts_private_file_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="holds the keys of 'user'"):
        Keys.load("station", folder / "user.json", folder / PUBLIC_FILE)


def test_sealing_to_an_unknown_part_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="no sealing key of 'nobody'"):
        keys_of(folder, "user").seal_to("nobody", b"x")


def test_public_keys_of_parts_whose_private_file_lies_elsewhere_stay(
    folder: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    for name in ("user.json", PUBLIC_FILE):
        shutil.copy(folder / name, alone / name)
    rotate(alone, "user")
    parts = {key["part"] for key in json.loads((alone / PUBLIC_FILE).read_text())["keys"]}
    assert parts == set(PARTS)


def test_the_published_jwks_holds_the_issuing_parts_signing_keys_only(folder: Path) -> None:
    rotate(folder, "user")
    keys = keys_of(folder, "gateway").public_jwks()["keys"]
    assert len(keys) == 2
    for key in keys:
        assert set(key) == {"kty", "crv", "kid", "x", "use", "alg"}
        assert (key["crv"], key["use"], key["alg"]) == ("Ed25519", "sig", "Ed25519")

"""Records and stored answers of yesterday are read by today's types, and nothing is lost."""

import json
from typing import Any

import pytest

from evslot.spine.message import Envelope
from tests.wire.examples import AN_ID, AN_INSTANT
from tests.wire.golden_files import FOLDER, Golden, golden_files

GOLDEN = golden_files()


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)
def test_a_golden_record_is_read_and_written_again_without_loss(golden: Golden) -> None:
    assert golden.path.exists(), "new on the wire: python -m tests.wire.write, and look at it"
    text = golden.path.read_text()
    assert _lost(json.loads(text), json.loads(golden.again(text)), "it") == []


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)
def test_what_is_written_today_is_what_the_golden_file_promised(golden: Golden) -> None:
    promised = json.loads(golden.path.read_text())
    assert _lost(promised, json.loads(golden.today()), "it") == []


def test_every_golden_file_belongs_to_a_message_type() -> None:
    """A type may be renamed (FORMER_NAMES) or get a new version; its old file stays readable."""
    former = {
        f"{name}.v{golden.kind.VERSION}"
        for golden in GOLDEN
        if hasattr(golden.kind, "FORMER_NAMES")
        for name in golden.kind.FORMER_NAMES
    }
    known = {golden.name for golden in GOLDEN} | former
    assert {path.stem for path in FOLDER.glob("*.json")} <= known


def test_the_headers_of_a_record_are_these() -> None:
    whole = Envelope(
        id=AN_ID,
        type="reservation.HoldSlot",
        version=1,
        source="gateway",
        correlation_id="c-1",
        answer_to="gateway-replies/17",
        answer_key="key",
        answer_within=5.0,
        begin_within=30.0,
        caller="jwt",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        caller_as_of=AN_INSTANT,
    )
    assert dict(whole.headers()) == {
        "ce_specversion": b"1.0",
        "ce_id": b"018f4c1e-5a00-8123-8abc-0123456789ab",
        "ce_type": b"reservation.HoldSlot",
        "ce_version": b"1",
        "ce_source": b"gateway",
        "correlation_id": b"c-1",
        "answer_to": b"gateway-replies/17",
        "answer_key": b"key",
        "answer_within": b"5",
        "begin_within": b"30",
        "caller": b"jwt",
        "traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "caller_as_of": b"2027-03-28T01:30:00+00:00",
    }
    assert Envelope.from_headers(whole.headers()) == whole


def _lost(before: Any, after: Any, where: str) -> list[str]:
    """Where a value of before is not found after; fields added since are no loss."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = [f"{where}.{name} is gone" for name in before.keys() - after.keys()]
        for name in before.keys() & after.keys():
            found += _lost(before[name], after[name], f"{where}.{name}")
        return found
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            line
            for place, pair in enumerate(zip(before, after, strict=True))
            for line in _lost(*pair, f"{where}[{place}]")
        ]
    return [] if before == after else [f"{where} was {before!r} and is {after!r}"]

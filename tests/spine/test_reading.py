"""Records nobody can read: buried with the reason, and never the end of the process."""

import json
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from msgspec.structs import replace

from evslot.spine.callers import SYSTEM
from evslot.spine.message import Secret
from evslot.spine.records import DeadLetter, Incoming
from evslot.spine.topics import RECORD_BYTES, Topics
from tests.harness import Hand, Harness
from tests.spine.ledger.acting import accounts, hands, say
from tests.spine.ledger.messages import Deposit, GetBalance, Mint

pytestmark = pytest.mark.anyio

DEEP = b'{"account": "a", "amount": 1, "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"


def changed(h: Harness, *, value: bytes | None = None, **headers: bytes | None) -> Hand:
    """A deposit whose body or headers are not as they should be; None takes a header away."""
    incoming, _ = h.record(Deposit(account="a", amount=1), SYSTEM, uuid4())
    kept = {name: text for name, text in incoming.headers if name not in headers}
    added = {name: text for name, text in headers.items() if text is not None}
    return Hand(
        replace(
            incoming,
            headers=tuple({**kept, **added}.items()),
            value=incoming.value if value is None else value,
        )
    )


BAD_BODIES = {
    "no bytes": b"",
    "not JSON": b"\x00\xff\xfe not json",
    "JSON of another shape": b"[1, 2, 3]",
    "a wrong type": b'{"account": "a", "amount": "five"}',
    "a field missing": b'{"account": "a"}',
    "a lone surrogate": b'{"account": "\\ud800", "amount": 1}',
    "an endless number": b'{"account": "a", "amount": ' + b"9" * 5000 + b"}",
    "endless brackets": DEEP,
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_a_body_nobody_can_read_is_buried_and_others_go_on(h: Harness, body: bytes) -> None:
    good, _ = hands(h, [(Deposit(account="b", amount=2), uuid4())])
    bad = changed(h, value=body)

    await h.commands._persist([bad, *good])
    await h._collect()

    assert bad.finished
    assert await accounts(h) == {"b": 2}
    (reason,) = h.reasons()
    assert reason.startswith("bad body")


BAD_HEADERS: dict[str, dict[str, bytes | None]] = {
    "no id": {"ce_id": None},
    "an id that is none": {"ce_id": b"seven"},
    "no type": {"ce_type": None},
    "an unknown type": {"ce_type": b"ledger.Devour"},
    "an unknown version": {"ce_version": b"99"},
    "a version that is no number": {"ce_version": "\u00b2".encode()},
    "an endless version": {"ce_version": b"9" * 5000},
    "bytes that are no text": {"ce_source": b"\xff\xfe"},
    "a time without offset": {"caller_as_of": b"2026-01-01T00:00:00"},
    "a time below nothing": {"begin_within": b"-1"},
    "a time that never ends": {"begin_within": b"inf"},
    "a time that is no number": {"answer_within": b"nan"},
    **{
        f"answers to {place!r}": {"answer_to": place}
        for place in (
            b"gateway-replies/many",
            b"gateway-replies/99999999999",
            b"gateway-replies",
            b"gateway\0replies/1",
            b"no-such-topic/1",
            b"no-such-topic#k",
            b"ledger-events#k",
            b"user-service#\0",
            b"user-service#" + b"k" * 65,
            b"user-service",
        )
    },
}


@pytest.mark.parametrize("headers", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
async def test_headers_nobody_can_read_are_buried_and_others_go_on(
    h: Harness, headers: dict[str, bytes | None]
) -> None:
    good, _ = hands(h, [(Deposit(account="b", amount=2), uuid4())])
    bad = changed(h, **headers)

    assert not h.commands.reader.is_query(bad.incoming)
    await h.commands._persist([bad, *good])
    await h._collect()

    assert bad.finished
    assert await accounts(h) == {"b": 2}
    assert len(h.reasons()) == 1


async def test_a_key_that_no_database_holds_is_no_reason_not_to_bury(h: Harness) -> None:
    good, _ = hands(h, [(Deposit(account="b", amount=2), uuid4())])
    command, event = changed(h, value=b"{"), changed(h, value=b"{", ce_type=b"oracle.RateSet")
    for hand in (command, event):
        hand.incoming = replace(hand.incoming, key="a\0b")

    await h.commands._persist([command, *good])
    await h.hearing._persist([event])
    await h._collect()

    assert await accounts(h) == {"b": 2}
    letters = [msgspec.json.decode(dead.body, type=DeadLetter) for dead in h.dead]
    assert [letter.key for letter in letters] == ["a\0b"] * 2


async def test_answers_go_to_any_service_and_partition_that_there_may_be(h: Harness) -> None:
    number = uuid4()
    for place in (f"payment-service#{number}", f"ledger-service#{number}", "gateway-replies/63"):
        good = changed(h, answer_to=place.encode())
        await h.commands._persist([good])
        assert good.finished
    await h._collect()

    assert h.dead == []
    assert await accounts(h) == {"a": 3}


async def test_a_sealed_field_that_is_no_sealed_text_is_poison(h: Harness) -> None:
    incoming, _ = h.record(Mint(account="a", password=Secret("word")), SYSTEM, uuid4())
    others = [5, None, "", "clear text", "ledger-unknown.AAAA", {"a": 1}]
    bodies = [json.dumps({"account": "a", "password": other}).encode() for other in others]
    bad = [Hand(replace(incoming, value=body)) for body in bodies]

    await h.commands._persist(list(bad))
    await h._collect()

    assert all(hand.finished for hand in bad)
    assert len(h.reasons()) == len(others)


async def test_bad_events_are_buried_too(h: Harness) -> None:
    bad = changed(h, value=DEEP, ce_type=b"oracle.RateSet")
    unknown = changed(h, ce_type=b"oracle.RateForgotten")

    await h.hearing._persist([bad, unknown])
    await h._collect()

    assert [reason.split(":")[0] for reason in h.reasons()] == [
        "bad body",
        "unknown type or version",
    ]


async def test_a_question_nobody_can_read_is_answered_as_failed(h: Harness) -> None:
    incoming, name = h.record(GetBalance(account="a"), SYSTEM, uuid4())

    await h.queries._serve(Hand(replace(incoming, value=DEEP)))

    answer = h.answer_of(name)
    assert answer is not None
    assert answer.status == 500


async def test_a_question_whose_answer_can_go_nowhere_is_not_answered(h: Harness) -> None:
    incoming, name = h.record(GetBalance(account="a"), SYSTEM, uuid4())
    headers = {**dict(incoming.headers), "answer_to": b"gateway-replies/99999999999"}

    await h.queries._serve(Hand(replace(incoming, headers=tuple(headers.items()))))

    assert h.answer_of(name) is None


async def test_a_question_whose_asker_has_gone_is_not_answered(h: Harness) -> None:
    """By the clocks of broker and database: those of processes may be wrong."""
    await h.ask(GetBalance(account="a"))  # from now on the lane knows the database's time
    answered = {}
    for age in (1, 9):
        incoming, name = h.record(GetBalance(account="a"), SYSTEM, uuid4())
        stamped = incoming.appended_at - timedelta(seconds=age)
        headers = (*incoming.headers, ("answer_within", b"5"))
        await h.queries._serve(Hand(replace(incoming, appended_at=stamped, headers=headers)))
        answered[age] = h.answer_of(name) is not None
    assert answered == {1: True, 9: False}


async def test_the_letter_of_the_largest_record_fits_the_dead_topic(h: Harness) -> None:
    """The relay could never get rid of one that does not, nor of anything behind it."""
    limits = {topic.name: topic.config()["max.message.bytes"] for topic in Topics().table()}
    largest = changed(h, value=b"x" * RECORD_BYTES).incoming
    for incoming, whole in (
        (largest, True),
        (replace(largest, value=b"", headers=(("no-text", b"\xff" * 200_000),)), False),
        (replace(largest, value=b"", key="\1" * 200_000), False),
        (replace(largest, value=b"", key="\0\x7f" * 75_000), False),
    ):
        letter = DeadLetter.of(incoming, "r" * 5000).record(h.topics, "ledger")
        headers = sum(len(k) + len(v) for k, v in letter.envelope.headers())
        size = len(letter.body) + len((letter.key or "").encode()) + headers
        assert size + 1024 < int(limits["user-dead"]) < 1_000_000
        read = msgspec.json.decode(letter.body, type=DeadLetter)
        assert (read.offset, "too large" not in read.reason) == (incoming.offset, whole)


async def test_a_letter_holds_the_whole_record(h: Harness) -> None:
    body = b"\x00\xff\xfe not json"
    bad = changed(h, value=body)

    await h.commands._persist([bad])
    await h._collect()

    letter = msgspec.json.decode(h.dead[0].body, type=DeadLetter)
    assert msgspec.convert(letter.value, bytes, strict=False) == body
    assert letter.headers == [(name, (text or b"").decode()) for name, text in _all(bad.incoming)]
    assert (letter.topic, letter.key) == ("ledger-service", "a")
    assert h.dead[0].topic == "ledger-dead"
    assert (await say(h, Deposit(account="a", amount=1)))[0].status == 200


def _all(incoming: Incoming) -> tuple[tuple[str, bytes | None], ...]:
    return incoming.headers

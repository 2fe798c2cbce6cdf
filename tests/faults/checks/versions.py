"""I9: every thing lived a legal life. I10: streams say what databases say, once and in order."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.faults.checks.judging import Judged, Run
from tests.faults.checks.reading import (
    LIVE,
    SERVICES,
    deduped,
    opened,
    outgoing,
    reservations,
    span,
    stories,
)
from tests.faults.truth import Record

MONEY = ("payment_started", "payment_challenged", "payment_failed", "settled")
OVER = ("payment_failed", "settled")
"""What a payment that was on its way may still tell of a booking that has ended."""
LIVES: dict[str, dict[str, str]] = {
    "": {"held": "held"},
    "held": {
        **dict.fromkeys(("hold_prolonged", *MONEY), "held"),
        "confirmed": "confirmed",
        "released": "released",
        "expired": "expired",
    },
    "confirmed": {
        "settled": "confirmed",
        "cancelled": "cancelled",
        "started": "active",
        "ended": "completed",
    },
    "active": {"settled": "active", "completed": "completed", "ended": "completed"},
    "completed": {"settled": "completed"},
    "cancelled": {"settled": "cancelled"},
    "released": dict.fromkeys(OVER, "released"),
    "expired": dict.fromkeys(OVER, "expired"),
}
"""By state: which line of the story may follow, and the state after it."""
PAYMENTS: dict[str, tuple[str, ...]] = {
    "": ("challenge", "authorised", "captured", "declined", "voided"),
    "challenge": ("authorised", "captured", "declined", "voided"),
    "authorised": ("captured", "voided", "declined"),
    "captured": ("captured", "refunded", "partly_refunded"),
    "partly_refunded": ("refunded", "partly_refunded"),
    "declined": ("voided",),
    "voided": (),
    "refunded": (),
}
"""By state as events tell it: which states may follow."""


def lives_are_legal(run: Run) -> Judged:
    """I9."""
    judged = Judged(check="I9", needs=("bookings", "payments"))
    known = reservations(run)
    told = stories(run)
    for number, row in known.items():
        judged.count("bookings")
        rows = told.get(number, [])
        if [one["version"] for one in rows] != list(range(1, row["version"] + 1)):
            versions = [one["version"] for one in rows]
            judged.find(f"{number} is at version {row['version']}, its story {versions}")
        state = ""
        for one in rows:
            following = LIVES[state].get(one["what"])
            if following is None:
                word = [line["what"] for line in rows]
                judged.find(f"{number}: {one['what']} after {state or 'nothing'} in {word}")
                break
            state = following
        else:
            if state != row["state"]:
                judged.find(f"{number} is {row['state']}, its story ends {state}", ids=(number,))
    _payments_live(run, judged)
    return judged


def _payments_live(run: Run, judged: Judged) -> None:
    lives: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in deduped(run.truth.topic("payment-events")):
        event = record.body()
        if isinstance(event, dict) and "payment" in event:
            lives[event["payment"]["payment_id"]].append(event["payment"])
    for number, events in lives.items():
        judged.count("payments")
        state, version = "", 0
        for told in events:
            if told["version"] == version:  # told again by a republish
                continue
            if told["state"] not in PAYMENTS[state] or told["version"] < version:
                judged.find(f"payment {number}: {told['state']} after {state or 'nothing'}")
                break
            state, version = told["state"], told["version"]
    final = {row["payment_id"]: row for row in run.truth.table("payment", "payment")}
    for number, events in lives.items():
        if number in final and final[number]["state"] != events[-1]["state"]:
            judged.find(f"payment {number} is {final[number]['state']}, told {events[-1]['state']}")


def streams_agree(run: Run) -> Judged:
    """I10."""
    judged = Judged(check="I10", needs=("events", "keys", "views"))
    for part in SERVICES:
        _outbox_is_topic(run, judged, part)
    for topic in run.truth.topics:
        _one_partition_a_key(run, judged, topic)
    _versions_in_order(run, judged)
    _views_are_folds(run, judged)
    return judged


def _outbox_is_topic(run: Run, judged: Judged, part: str) -> None:
    """What a service wrote down is what Kafka has of it, nothing less and nothing more."""
    written: dict[str, set[str]] = defaultdict(set)
    for row, envelope in outgoing(run, part):
        written[row["topic"]].add(envelope["id"])
        if row["sent_at"] is None:
            judged.find(f"{part}: outbox row {row['id']} for {row['topic']} was never sent")
    for topic, ids in written.items():
        there = {record.id for record in run.truth.topic(topic)}
        for number in sorted(ids - there):
            judged.find(f"{part} wrote {number} for {topic}, which Kafka does not have")
    events = f"{part}-events"
    for record in run.truth.topic(events):
        judged.count("events")
        if record.headers.get("ce_source") == part and record.id not in written[events]:
            judged.find(f"{events} has {record.type} {record.id}, which {part} never wrote down")


def _one_partition_a_key(run: Run, judged: Judged, topic: str) -> None:
    places: dict[str, int] = {}
    for record in run.truth.topic(topic):
        if record.key is None or topic == "gateway-replies" or not _is_ours(record):
            continue
        judged.count("keys")
        if places.setdefault(record.key, record.partition) != record.partition:
            judged.find(f"{topic}: key {record.key} is in two partitions")


def _is_ours(record: Record) -> bool:
    return record.headers.get("ce_source") in (*SERVICES, "gateway", "gateway.system")


def _versions_in_order(run: Run, judged: Judged) -> None:
    """Of each booking and payment, after what came again is left out."""
    for part, inner in (("reservation", "reservation"), ("payment", "payment")):
        newest: dict[str, int] = {}
        told: dict[str, set[int]] = defaultdict(set)
        for record in deduped(run.truth.topic(f"{part}-events")):
            event = record.body()
            if not isinstance(event, dict) or inner not in event or not _is_ours(record):
                continue
            number, version = event[inner][f"{inner}_id"], event["version"]
            judged.count("versions")
            if version < newest.get(number, 0):
                judged.find(f"{number}: version {version} came after {newest[number]}")
            newest[number] = max(version, newest.get(number, 0))
            told[number].add(version)
        if part == "reservation":
            for number, row in reservations(run).items():
                missing = set(range(1, row["version"] + 1)) - told[number]
                if missing:
                    judged.find(f"{number}: no event of versions {sorted(missing)}")


def _views_are_folds(run: Run, judged: Judged) -> None:
    """The views of other services are what the last event of each booking makes of them."""
    last: dict[str, dict[str, Any]] = {}
    for event in _events(run):
        booking = event["reservation"]
        number = booking["reservation_id"]
        if number not in last or booking["version"] > last[number]["version"]:
            last[number] = booking
    busy = {
        row["ref"]: row
        for row in run.truth.table("station", "busy")
        if row["kind"] == "reservation"
    }
    heard = {row["reservation_id"]: row for row in run.truth.table("notification", "booking")}
    owner = reservations(run)
    for number, booking in last.items():
        judged.count("views")
        row = busy.get(number)
        if row is None or (row["version"], row["state"]) != (booking["version"], booking["state"]):
            shown = (row["version"], row["state"]) if row else "nothing"
            judged.find(
                f"the station service shows {shown} of {number},"
                f" which is at version {booking['version']}: {booking['state']}",
                ids=(number,),
            )
        if number in owner and owner[number]["version"] != booking["version"]:
            judged.find(f"{number} is at {owner[number]['version']}, told {booking['version']}")
        if number in heard and heard[number]["version"] > booking["version"]:
            judged.find(f"the notification service knows a version of {number} that never was")
    live = {number: span(row["period"]) for number, row in owner.items() if row["state"] in LIVE}
    for number, row in busy.items():
        if row["occupies"] and row["held_until"] is None and number not in live:
            judged.find(f"the station service shows {number} as taken, which is over")


def _events(run: Run) -> Iterator[dict[str, Any]]:
    for row, _ in outgoing(run, "reservation"):
        if row["topic"] == "reservation-events":
            event = opened(row["body"])
            if "reservation" in event:
                yield event

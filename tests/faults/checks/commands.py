"""I2: what was accepted is there. I3: nothing is there that nobody asked for. I4: once each."""

import json
from collections import defaultdict
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from tests.faults.checks.judging import Judged, Run
from tests.faults.checks.reading import (
    SERVICES,
    answers,
    instant,
    opened,
    outgoing,
    reservations,
    stories,
    told_reservation,
)
from tests.faults.history import Op
from tests.faults.truth import Record

DONE_BY = {
    "hold": ("held",),
    "cancel": ("cancelled", "released"),
    "check_in": ("started",),
    "complete": ("completed", "ended"),
    "prolong": ("hold_prolonged",),
}
"""Lines of the story, of which an operation that was answered with a yes has left one."""
NO_OUTCOME = {
    *("unauthenticated", "too_many_requests", "busy", "unavailable", "outcome_unknown"),
    *("too_late", "failed", "idempotency_key_invalid"),
}
"""Codes that say nothing about the command: a repeat may be answered otherwise."""
KEY_REUSED = "idempotency_key_reused"


def nothing_is_lost(run: Run) -> Judged:
    """I2: every yes left its mark, every promise was kept, every record was read."""
    judged = Judged(check="I2", needs=("yes", "records"))
    _yes_left_its_mark(run, judged)
    _promises_kept(run, judged)
    _all_read(run, judged)
    _commands_begun(run, judged)
    _sagas_ended(run, judged)
    return judged


def _yes_left_its_mark(run: Run, judged: Judged) -> None:
    told_of = {number: {row["what"] for row in rows} for number, rows in stories(run).items()}
    inbox = _inboxes(run)
    for op in run.ops:
        if op.outcome != "ok":
            continue
        told = told_reservation(op.body)
        wanted = DONE_BY.get(op.f, ())
        if op.f == "pay" and told and told["state"] == "confirmed":
            wanted = ("confirmed",)
        if wanted and told:
            judged.count("yes")
            marks = told_of.get(told["reservation_id"], set())
            if not marks & set(wanted):
                judged.find(f"the yes to {op.f} of {told['reservation_id']} left no mark", op)
        if wanted and op.command_id is not None:
            row = inbox.get(str(op.command_id))
            if row is None or row["state"] != "answered":
                state = row["state"] if row else "not there"
                judged.find(f"{op.f} {op.command_id} was answered, its inbox row is {state}", op)


def _promises_kept(run: Run, judged: Judged) -> None:
    """A 202, or a 503 with an operation: begun and ended, or never begun at all."""
    inbox = _inboxes(run)
    challenged = {
        row["payment_id"]
        for row in run.truth.table("payment", "payment")
        if row["state"] == "challenge"
    }
    for row in inbox.values():
        judged.count("commands begun")
        if row["state"] == "open" and not challenged:
            judged.find(f"{row['type']} {row['command_id']} is open for ever")
    for op in run.ops:
        number = op.body.get("operation_id") if isinstance(op.body, dict) else None
        if op.status != 202 or not number:
            continue
        judged.count("promises")
        begun = inbox.get(number)
        if begun is None:
            judged.count("promises that expired")
        elif begun["state"] == "open" and not challenged:
            judged.find(f"operation {number} was promised with 202 and never ended", op)


def _all_read(run: Run, judged: Judged) -> None:
    """Each group has committed the end of each partition it has begun; each has begun all."""
    for group, places in run.truth.groups.items():
        if group.startswith("proof-"):
            continue
        for place in places:
            judged.count("partitions")
            behind = int(place["high"]) - max(int(place["committed"]), int(place["low"]))
            if behind > 0:
                where = f"{place['topic']}/{place['partition']}"
                judged.find(f"group {group} has not read {behind} records of {where}")
    for part in SERVICES:
        topic = f"{part}-service"
        records = run.truth.topic(topic)
        judged.count("records", len(records))
        if records and not run.truth.groups.get(topic):
            judged.find(f"nobody has read {topic}")


def _commands_begun(run: Run, judged: Judged) -> None:
    """A command has an inbox row, a dead letter, an answer – or came too late to be begun."""
    replied = {record.id for record in run.truth.topic("gateway-replies")}
    for part in SERVICES:
        known = {row["command_id"]: row for row in run.truth.table(part, "inbox")}
        buried = {_dead_id(record) for record in run.truth.topic(f"{part}-dead")}
        handled: dict[int, list[tuple[int, datetime]]] = defaultdict(list)
        silent: list[Record] = []
        for record in run.truth.topic(f"{part}-service"):
            if not _is_command(record):
                continue
            judged.count("commands sent")
            if row := known.get(record.id):
                handled[record.partition].append((record.offset, instant(row["received_at"])))
            elif record.id not in replied | buried:
                silent.append(record)
        for record in silent:
            within = record.headers.get("begin_within")
            after = [at for offset, at in handled[record.partition] if offset > record.offset]
            until = record.timestamp / 1000 + float(within or "inf")
            if within is None or any(at.timestamp() < until for at in after):
                where = f"{record.topic}/{record.partition}@{record.offset}"
                judged.find(
                    f"{record.type} {record.id} at {where} was passed over", ids=(record.id,)
                )
            else:
                judged.count("commands too late")


def _is_command(record: Record) -> bool:
    """Queries are in nobody's inbox; their types begin with Get, List or Find."""
    name = record.type.partition(".")[2]
    own = record.headers.get("ce_source") in (*SERVICES, "gateway")
    query = name.startswith(("Get", "List", "Find"))
    return own and bool(name) and not query and not record.type.startswith("spine.")


def _dead_id(record: Record) -> str:
    letter = record.body() or {}
    return str(dict(letter.get("headers", [])).get("ce_id", ""))


def _sagas_ended(run: Run, judged: Judged) -> None:
    for row in run.truth.table("reservation", "saga"):
        judged.count("sagas")
        if row["state"] == "stuck":
            judged.find(f"saga {row['id']} of {row['subject']} is stuck at {row['step']}")


def no_phantoms(run: Run) -> Judged:
    """I3: every booking, payment and mail has somebody who asked for it; a no left nothing."""
    judged = Judged(check="I3", needs=("bookings", "payments", "mails"))
    _bookings_were_asked_for(run, judged)
    _payments_were_asked_for(run, judged)
    _mails_were_written(run, judged)
    _a_no_left_nothing(run, judged)
    return judged


def _bookings_were_asked_for(run: Run, judged: Judged) -> None:
    asked = {str(op.command_id) for op in run.ops if op.f == "hold" and op.command_id}
    keyless = any(op.f == "hold" and op.command_id is None for op in run.ops)
    command_of = {}
    for command_id, answer in answers(run, "reservation", "reservation.HoldSlot"):
        told = told_reservation(answer.get("body"))
        if told is not None:
            command_of[told["reservation_id"]] = command_id
    for number in reservations(run):
        judged.count("bookings")
        if number not in command_of:
            judged.find(f"booking {number} is the answer to no command", ids=(number,))
        elif command_of[number] not in asked and not keyless:
            command = command_of[number]
            judged.find(f"booking {number} comes from {command}, which no driver sent")


def _payments_were_asked_for(run: Run, judged: Judged) -> None:
    started: dict[str, int] = defaultdict(int)
    for rows in stories(run).values():
        for row in rows:
            started[row["reservation_id"]] += row["what"] == "payment_started"
    payments: dict[str, int] = defaultdict(int)
    for row in run.truth.table("payment", "payment"):
        judged.count("payments")
        payments[row["reservation_id"]] += 1
    for number, count in payments.items():
        if count > started[number]:
            judged.find(f"{number} has {count} payments, {started[number]} were started")
    known = {row["payment_id"] for row in run.truth.table("payment", "payment")}
    for row in run.truth.table("payment", "provider_log"):
        if row["merchant_id"] and row["merchant_id"] not in known:
            judged.find(f"the provider has {row['reference']}, which is of no payment")


def _mails_were_written(run: Run, judged: Judged) -> None:
    known = {row["notification_id"] for row in run.truth.table("notification", "notification")}
    for mail in run.truth.mails:
        judged.count("mails")
        number = mail["message_id"].strip("<>").partition("@")[0]
        if number not in known:
            judged.find(f"mail {mail['number']} ({mail['subject']!r}) is of no notification")


def _a_no_left_nothing(run: Run, judged: Judged) -> None:
    """What was refused for certain is not done in the end, unless a repeat was let through."""
    inbox = _inboxes(run)
    for op in run.ops:
        row = inbox.get(str(op.command_id))
        if op.outcome != "fail" or row is None or not _is_answer(op) or op.code == KEY_REUSED:
            continue
        judged.count("noes")
        answer = opened(row["answer"]) or {}
        if row["state"] == "answered" and int(answer.get("status", 0)) < 400:
            judged.find(f"{op.f} {op.command_id} was refused ({op.code}) and done", op)


def one_effect_each(run: Run) -> Judged:
    """I4: one booking, one charge, one answer for each command, however often it came."""
    judged = Judged(check="I4", needs=("commands", "authorisations"))
    _one_answer(run, judged)
    _one_booking(run, judged)
    _one_charge(run, judged)
    return judged


def _one_answer(run: Run, judged: Judged) -> None:
    told: dict[UUID, list[Op]] = defaultdict(list)
    for op in run.ops:
        if op.command_id is not None:
            told[op.command_id].append(op)
    for command_id, ops in told.items():
        judged.count("commands")
        final = [op for op in ops if _is_answer(op)]
        judged.count("answers to repeats", max(0, len(final) - 1))
        same = [op for op in final if _wish(op) == _wish(ops[0])]
        for op in same[1:]:
            if _said(op) != _said(same[0]):
                judged.find(f"{op.f} {command_id} was answered in two ways", same[0], op)
        for op in final:
            if _wish(op) != _wish(ops[0]):
                judged.count("keys used again")
                if op.code != KEY_REUSED:
                    judged.find(f"{op.f} {command_id}: another body was taken under its key", op)


def _is_answer(op: Op) -> bool:
    """A yes or a no of the owner; a refused connection has no status."""
    return not op.is_unknown and op.status is not None and op.code not in NO_OUTCOME


def _wish(op: Op) -> str:
    return _canonical(op.asked.args)


_canonical = partial(json.dumps, sort_keys=True, default=str)


def _said(op: Op) -> str:
    """A yes whole; of a no, what does not differ from request to request."""
    return _canonical(op.body) if op.outcome == "ok" else f"{op.status} {op.code}"


def _one_booking(run: Run, judged: Judged) -> None:
    """The first event of a booking names its trace; one command leaves one such event."""
    held: dict[str, set[str]] = defaultdict(set)
    for row, envelope in outgoing(run, "reservation"):
        if envelope["type"] == "reservation.SlotHeld" and row["topic"] == "reservation-events":
            body: dict[str, Any] = opened(row["body"])
            held[envelope.get("traceparent") or ""].add(body["reservation"]["reservation_id"])
    traces: dict[str, set[str]] = defaultdict(set)
    for record in run.truth.topic("reservation-service"):
        if record.type == "reservation.HoldSlot":
            traces[record.id].add(record.headers.get("traceparent", ""))
    for command_id, its in traces.items():
        made = set().union(*(held.get(trace, set()) for trace in its if trace))
        judged.count("holds sent")
        if len(made) > 1:
            judged.find(f"one hold {command_id} made {sorted(made)}", ids=tuple(made))


def _one_charge(run: Run, judged: Judged) -> None:
    """By the provider's own books: a payment is promised once and taken once."""
    promised: dict[str, set[str]] = defaultdict(set)
    taken: dict[str, int] = defaultdict(int)
    for row in run.truth.table("payment", "provider_log"):
        if row["kind"] in ("authorised", "challenged") and row["merchant_id"]:
            promised[row["merchant_id"]].add(row["reference"])
        if row["kind"] == "captured":
            taken[row["reference"]] += 1
    for payment_id, references in promised.items():
        judged.count("authorisations")
        if len(references) > 1:
            judged.find(f"payment {payment_id} was authorised as {sorted(references)}")
    for reference, times in taken.items():
        judged.count("captures")
        if times > 1:
            judged.find(f"{reference} was taken {times} times")
    good: dict[str, list[str]] = defaultdict(list)
    for row in run.truth.table("payment", "payment"):
        if row["state"] in ("authorised", "captured"):
            good[row["reservation_id"]].append(row["payment_id"])
    for number, payments in good.items():
        if len(payments) > 1:
            judged.find(f"{number} is paid by {payments}", ids=(number,))


def _inboxes(run: Run) -> dict[str, dict[str, Any]]:
    return {row["command_id"]: row for part in SERVICES for row in run.truth.table(part, "inbox")}

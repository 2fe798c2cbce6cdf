"""I6: what happened is told once, to whom it concerns, and nothing that did not happen."""

from collections import Counter, defaultdict
from datetime import datetime
from itertools import pairwise

from tests.faults.checks.judging import Judged, Run
from tests.faults.checks.reading import deduped, instant
from tests.faults.truth import Row

KINDS = {
    "reservation.ReservationConfirmed": "reservation_confirmed",
    "reservation.ReservationCancelled": "reservation_cancelled",
}
WINDOW_NS = 90_000_000_000
"""What struck so long before a mail was sent may keep that from being noted: a server is away."""
BREAKS_SENDING = ("notification", "mail", "postgres", "kafka")


def told_once(run: Run) -> Judged:
    """I6."""
    judged = Judged(check="I6", needs=("facts told", "mails"))
    notifications = run.truth.table("notification", "notification")
    _facts_are_told(run, judged, notifications)
    _tellings_are_facts(run, judged, notifications)
    _mails(run, judged)
    return judged


def _facts_are_told(run: Run, judged: Judged, notifications: list[Row]) -> None:
    told: Counter[tuple[str, str, str]] = Counter()
    for row in notifications:
        told[row["kind"], str(row["subject_id"]), str(row["user_id"])] += 1
    for record in deduped(run.truth.topic("reservation-events")):
        kind = KINDS.get(record.type)
        event = record.body()
        if kind is None or not isinstance(event, dict) or "reservation" not in event:
            continue
        booking = event["reservation"]
        judged.count("facts told")
        times = told[kind, booking["reservation_id"], booking["driver_id"]]
        if times != 1:
            judged.find(
                f"{record.type} of {booking['reservation_id']} was told {times} times",
                ids=(booking["reservation_id"],),
            )


def _tellings_are_facts(run: Run, judged: Judged, notifications: list[Row]) -> None:
    """Nothing is told of what was never committed."""
    happened = defaultdict(set)
    for row in run.truth.table("reservation", "story"):
        happened[row["reservation_id"]].add(row["what"])
    wanted = {"reservation_confirmed": "confirmed", "reservation_cancelled": "cancelled"}
    for row in notifications:
        judged.count("notifications")
        what = wanted.get(row["kind"])
        if what is not None and what not in happened[row["subject_id"]]:
            judged.find(f"{row['notification_id']} tells that {row['subject_id']} is {what}")


def _mails(run: Run, judged: Judged) -> None:
    caught: dict[str, list[datetime]] = defaultdict(list)
    for mail in run.truth.mails:
        judged.count("mails")
        number = mail["message_id"].strip("<>").partition("@")[0]
        caught[number].append(instant(mail["received_at"]))
    for row in run.truth.table("notification", "delivery"):
        number, state = row["notification_id"], row["state"]
        if state in ("asking", "sending"):
            judged.find(f"the mail of {number} is {state} for ever", ids=(number,))
        if state == "delivered" and not caught[number]:
            judged.find(f"the mail of {number} counts as delivered and never came", ids=(number,))
        if state in ("off", "stale") and caught[number]:
            judged.find(f"the mail of {number} is {state} and came", ids=(number,))
    for number, times in caught.items():
        for before, again in pairwise(sorted(times)):
            judged.count("mails twice")
            if not _broke_between(run, before, again):
                judged.find(f"the mail of {number} came again at {again}; nothing had broken")


def _broke_between(run: Run, before: datetime, again: datetime) -> bool:
    """Whether something that breaks the sending of mails struck around the first copy or since.

    The second one comes when the lease of the first try is over, a minute and a half later.
    """
    if run.wall_offset_ns is None:
        return False
    first = int(before.timestamp() * 1e9) - run.wall_offset_ns - WINDOW_NS
    last = int(again.timestamp() * 1e9) - run.wall_offset_ns
    return any(
        first <= line.t_ns <= last
        and any(name in str(line.args.get("target", "")) for name in BREAKS_SENDING)
        for line in run.nemesis
        if line.args.get("phase") == "hit"
    )

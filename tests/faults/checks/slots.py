"""I1: no charger is ever held twice. I8: what is not paid in time is free again, and in time."""

from collections import defaultdict
from datetime import timedelta
from itertools import pairwise, permutations
from typing import Any, NamedTuple
from uuid import UUID

from tests.faults.checks.judging import Judged, Run
from tests.faults.checks.reading import (
    LIVE,
    Span,
    instant,
    opened,
    outgoing,
    overlap,
    period,
    reservations,
    span,
    stories,
    told_reservation,
)
from tests.faults.history import Op

FREE_AFTER = timedelta(seconds=5)
FREE_AFTER_HEAL = timedelta(seconds=30)
RELEASING = ("cancel", "complete")


def no_double_booking(run: Run) -> Judged:
    """I1: in the final rows, over all events in commit order, and in what drivers were told."""
    judged = Judged(check="I1", needs=("bookings", "events", "client holds"))
    _final_rows(run, judged)
    _event_by_event(run, judged)
    _as_drivers_saw_it(run, judged)
    return judged


def _final_rows(run: Run, judged: Judged) -> None:
    by_charger: dict[str, list[tuple[Span, str]]] = defaultdict(list)
    claimed: dict[str, list[Span]] = defaultdict(list)
    for row in run.truth.table("reservation", "occupancy"):
        judged.count("claims")
        during = span(row["during"])
        by_charger[row["charger_id"]].append((during, row["ref"]))
        if row["kind"] in ("hold", "booking"):
            claimed[row["ref"]].append(during)
    for charger, claims in by_charger.items():
        claims.sort()
        for (one, ref), (other, rival) in pairwise(claims):
            if overlap(one, other):
                judged.find(
                    f"charger {charger} is claimed twice from {other[0]}: by {ref} and by {rival}",
                    ids=(ref, rival),
                )
    live: dict[str, list[tuple[Span, str]]] = defaultdict(list)
    for number, row in reservations(run).items():
        judged.count("bookings")
        if row["state"] not in LIVE:
            if number in claimed:
                judged.find(f"{number} is {row['state']} and still claims a charger", ids=(number,))
            continue
        whole = span(row["period"])
        live[row["charger_id"]].append((whole, number))
        if not any(one[0] <= whole[0] and whole[1] <= one[1] for one in claimed[number]):
            judged.find(f"{number} is {row['state']} without a claim on its slot", ids=(number,))
    for charger, booked in live.items():
        booked.sort()
        for (one, ref), (other, rival) in pairwise(booked):
            if overlap(one, other):
                judged.find(
                    f"charger {charger} is booked twice from {other[0]}: {ref} and {rival}",
                    ids=(ref, rival),
                )


def _event_by_event(run: Run, judged: Judged) -> None:
    """Outbox rows are written last in a transaction: whoever depends on a commit comes after it."""
    holders: dict[str, dict[str, Span]] = defaultdict(dict)
    seen: set[tuple[str, int]] = set()
    for row, _ in outgoing(run, "reservation"):
        if row["topic"] != "reservation-events":
            continue
        event = opened(row["body"])
        booking = event.get("reservation")
        if booking is None or (booking["reservation_id"], event["version"]) in seen:
            continue
        number = booking["reservation_id"]
        seen.add((number, event["version"]))
        judged.count("events")
        here = holders[booking["charger_id"]]
        if booking["state"] not in LIVE:
            here.pop(number, None)
            continue
        wanted = period(booking["period"])
        for rival, taken in here.items():
            if rival != number and overlap(wanted, taken):
                judged.find(
                    f"{number} got charger {booking['charger_id']} from {wanted[0]}"
                    f" while {rival} had it from {taken[0]}",
                    ids=(number, rival),
                )
        here[number] = wanted


def _as_drivers_saw_it(run: Run, judged: Judged) -> None:
    """Two yeses for one slot, and nobody can have let it go between them."""
    releases, confirmed = _ends(run)
    began = _first_asked(run)
    by_charger: dict[str, list[_Held]] = defaultdict(list)
    for op in run.ops:
        told = told_reservation(op.body)
        if op.f != "hold" or op.outcome != "ok" or not told or op.told is None:
            continue
        judged.count("client holds")
        first = began.get(op.command_id, op.asked.t_ns)
        until = _surely_held_until(first, told, releases, confirmed)
        held = _Held(op, told["reservation_id"], period(told["period"]), first, until)
        by_charger[told["charger_id"]].append(held)
    for charger, holds in by_charger.items():
        for one, other in permutations(holds, 2):
            if one.number == other.number or not overlap(one.period, other.period):
                continue
            judged.count("client rivals")
            assert one.op.told is not None
            assert other.op.told is not None
            if one.op.told.t_ns < other.began_ns and other.op.told.t_ns < one.until_ns:
                judged.find(
                    f"two drivers were told that they hold charger {charger}:"
                    f" {one.number} and {other.number}",
                    one.op,
                    other.op,
                )


class _Held(NamedTuple):
    """A yes to a hold: asked for since `began_ns`, and nobody can have let go before `until_ns`."""

    op: Op
    number: str
    period: Span
    began_ns: int
    until_ns: int


def _ends(run: Run) -> tuple[dict[str, int], dict[str, int]]:
    """When a booking was first asked to be let go, and when it was first said to be confirmed."""
    releases: dict[str, int] = {}
    confirmed: dict[str, int] = {}
    for op in run.ops:
        about = str(op.asked.args.get("reservation_id", ""))
        if op.f in RELEASING:
            releases[about] = min(op.asked.t_ns, releases.get(about, op.asked.t_ns))
        told = told_reservation(op.body)
        if op.f == "pay" and op.outcome == "ok" and told and told["state"] == "confirmed":
            assert op.told is not None
            confirmed[about] = min(op.told.t_ns, confirmed.get(about, op.told.t_ns))
    return releases, confirmed


def _first_asked(run: Run) -> dict[UUID | None, int]:
    """When each command was sent for the first time; repeats are answered from then."""
    began: dict[UUID | None, int] = {}
    for op in run.ops:
        if op.command_id is not None:
            began.setdefault(op.command_id, op.asked.t_ns)
    return began


def _surely_held_until(
    began_ns: int, told: dict[str, Any], releases: dict[str, int], confirmed: dict[str, int]
) -> int:
    """Monotonic time before which nobody can have let go of a hold."""
    number = told["reservation_id"]
    ends = instant(told["period"]["end"]) - instant(told["created_at"])
    lasts = instant(told["held_until"]) - instant(told["created_at"])
    lapses = began_ns + int(lasts.total_seconds() * 1e9)
    if confirmed.get(number, lapses) < lapses:
        lapses = began_ns + int(ends.total_seconds() * 1e9)
    return min(lapses, releases.get(number, lapses))


def holds_end_in_time(run: Run) -> Judged:
    """I8: nobody confirms after the end of a hold; its slot is free soon after, never before."""
    judged = Judged(check="I8", needs=("confirmed", "expired"))
    known = reservations(run)
    for number, rows in stories(run).items():
        row = known[number]
        if row["held_until"] is None:
            continue
        until = instant(row["held_until"])
        for told in rows:
            at = instant(told["at"])
            if told["what"] == "confirmed":
                judged.count("confirmed")
                if at >= until:
                    judged.find(
                        f"{number} was confirmed at {at}, held until {until}", ids=(number,)
                    )
            if told["what"] == "expired":
                judged.count("expired")
                if at < until:
                    judged.find(f"{number} expired at {at}, held until {until}", ids=(number,))
                elif at - until > _allowed(run, until):
                    judged.find(
                        f"{number} was held until {until}, but its slot was free only at {at}",
                        ids=(number,),
                    )
    return judged


def _allowed(run: Run, until: Any) -> timedelta:
    """Five seconds; under faults as long as they last, and half a minute more."""
    healed, faulty = run.phase_began("healed"), run.phase_began("faulty")
    offset = run.wall_offset_ns
    if faulty is None or offset is None:
        return FREE_AFTER
    lapsed_ns = int(until.timestamp() * 1e9) - offset
    ended = healed if healed is not None else run.lines[-1].t_ns
    calm_again = ended + int(FREE_AFTER_HEAL.total_seconds() * 1e9)
    if not faulty - int(FREE_AFTER.total_seconds() * 1e9) <= lapsed_ns <= calm_again:
        return FREE_AFTER
    return max(FREE_AFTER, timedelta(microseconds=(calm_again - lapsed_ns) / 1000))

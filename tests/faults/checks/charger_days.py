"""I11: what drivers saw of each charger is what one clerk with one calendar would have said."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from tests.faults.checks.judging import Judged, Run
from tests.faults.checks.reading import (
    Span,
    answers,
    instant,
    overlap,
    period,
    told_reservation,
)
from tests.faults.history import Op
from tests.faults.linear import Operation, linearizable

SECONDS = 60.0
"""For one calendar; after that its answer is unknown, which counts as an error."""
LONGEST_BUFFER = timedelta(hours=1)
"""What a refused hold may have wanted beyond its period."""
EARLIEST = timedelta(hours=1)
"""So long before its start a booking may be begun, and occupies from then on."""
OVER = ("released", "expired", "cancelled", "completed", "no_show")

What = Literal["hold", "refuse", "confirm", "end", "show"]


class Slot(Struct, frozen=True, kw_only=True):
    """A booking that was had, or may have been: its place in the calendar's bits."""

    place: int
    number: str
    period: Span
    occupied: Span
    lapses: int
    """Monotonic nanoseconds before which it cannot lapse unpaid."""
    over: int
    """Monotonic nanoseconds before which it cannot be completed by itself."""


class Act(Struct, frozen=True, kw_only=True):
    """One thing done to a calendar or read off it."""

    what: What
    slot: int = -1
    """Place of the booking; of a refusal -1."""
    wanted: Span | None = None
    """Of a refusal: what was asked for, with the longest buffer."""
    shown: str = ""
    """Of a read: the booking's state."""


Calendar = tuple[int, int, int]
"""Bits of bookings: had at some time, living, confirmed."""


class Clerk:
    """One charger's calendar. A hold that nobody paid may lapse at any moment after its time.

    Lapses are taken only where something needs them: a hold that lives longer refuses more, but
    explains more too, and a lapse is possible later whenever it is possible earlier.
    """

    def __init__(self, slots: list[Slot]) -> None:
        self._slots = slots
        self._rivals = [
            sum(1 << o.place for o in slots if o is not s and overlap(o.period, s.period))
            for s in slots
        ]

    def initial(self) -> Calendar:
        return (0, 0, 0)

    def step(self, state: Calendar, act: Act, by: int | None) -> Iterator[Calendar]:
        had, living, confirmed = state
        bit = 1 << act.slot if act.slot >= 0 else 0
        match act.what:
            case "hold":
                blocked = living & self._rivals[act.slot]
                if self._can_lapse(blocked & ~confirmed, by) and not blocked & confirmed:
                    yield (had | bit, living & ~blocked | bit, confirmed)
            case "refuse":
                assert act.wanted is not None
                if any(
                    living >> s.place & 1 and overlap(s.occupied, act.wanted) for s in self._slots
                ):
                    yield state
            case "confirm":
                if living & bit:
                    yield (had, living, confirmed | bit)
            case "end":
                if living & bit:
                    yield (had, living & ~bit, confirmed)
                elif act.shown == "completed" and had & bit:
                    yield state  # completing once more is answered as it is
            case "show":
                yield from self._shown(state, act, bit, by)

    def _shown(self, state: Calendar, act: Act, bit: int, by: int | None) -> Iterator[Calendar]:
        had, living, confirmed = state
        if not had & bit:
            return
        if act.shown == "held":
            if living & bit and not confirmed & bit:
                yield state
        elif act.shown in OVER:
            if not living & bit:
                yield state
            elif self._ends_by_itself(act, not confirmed & bit, by):
                yield (had, living & ~bit, confirmed)
        elif living & bit and confirmed & bit:
            yield state

    def _ends_by_itself(self, act: Act, unpaid: bool, by: int | None) -> bool:
        if unpaid:
            return act.shown == "expired" and self._can_lapse(1 << act.slot, by)
        return act.shown == "completed" and (by is None or self._slots[act.slot].over <= by)

    def _can_lapse(self, bits: int, by: int | None) -> bool:
        """Whether each of these may have lapsed before the next answer that is to be explained."""
        return all(
            by is None or slot.lapses <= by for slot in self._slots if bits >> slot.place & 1
        )


def calendars_are_linearizable(run: Run) -> Judged:
    """I11: per charger and stretch of overlapping wishes, which no other stretch touches."""
    judged = Judged(check="I11", needs=("calendars", "holds", "refusals", "reads"))
    for charger, acts in _by_charger(run).items():
        for part in _stretches(acts):
            _judge(judged, charger, part)
    return judged


class Told(Struct, kw_only=True):
    """An act and its bounds, before bookings have places."""

    op: Op
    what: What
    number: str
    began: int
    ended: int | None
    period: Span
    occupied: Span
    lapses: int = 0
    over: int = 0
    shown: str = ""


def _judge(judged: Judged, charger: str, acts: list[Told]) -> None:
    holds = {act.number: act for act in acts if act.what == "hold"}
    if not holds:
        return
    slots = [
        Slot(
            place=place,
            number=number,
            period=act.period,
            occupied=act.occupied,
            lapses=act.lapses,
            over=act.over,
        )
        for place, (number, act) in enumerate(holds.items())
    ]
    place_of = {slot.number: slot.place for slot in slots}
    known = [act for act in acts if act.what == "refuse" or act.number in place_of]
    operations = [
        Operation(
            began=act.began,
            ended=act.ended,
            act=Act(
                what=act.what,
                slot=place_of.get(act.number, -1),
                wanted=act.occupied if act.what == "refuse" else None,
                shown=act.shown,
            ),
        )
        for act in known
    ]
    judged.count("calendars")
    for act in known:
        kinds = {"hold": "holds", "refuse": "refusals", "show": "reads"}
        judged.count(kinds.get(act.what, "changes"))
        judged.count("unknown outcomes", int(act.ended is None))
    found = linearizable(operations, Clerk(slots), SECONDS)
    judged.count("configurations", found.configurations)
    about = f"charger {charger} from {slots[0].period[0]}: {len(operations)} operations"
    if found.verdict == "unknown":
        judged.unknown.append(f"{about}: not decided within {SECONDS} s")
    elif found.verdict == "no":
        stuck = [known[place] for place in found.stuck]
        told = ", ".join(f"{act.what} {act.shown} {act.number}" for act in stuck)
        judged.find(f"{about} have no order; stuck at {told}", *(act.op for act in stuck))


def _by_charger(run: Run) -> dict[str, list[Told]]:
    """Holds by their commands, refusals, and what was done to and read of each booking."""
    found: dict[str, list[Told]] = defaultdict(list)
    holds = _holds(run)
    for charger, act in holds.values():
        found[charger].append(act)
    for charger, act in _refusals(run, set(holds)):
        found[charger].append(act)
    known = {act.number: (charger, act) for charger, act in holds.values()}
    for ops in _by_command(run, ("pay", "cancel", "complete")):
        for charger, act in _changes(ops, known):
            found[charger].append(act)
    for op in run.ops:
        for charger, act in _reads(op, known):
            found[charger].append(act)
    return found


def _by_command(run: Run, kinds: tuple[str, ...]) -> list[list[Op]]:
    """Operations of these kinds; all repeats of one command are one."""
    tries: dict[UUID | int, list[Op]] = defaultdict(list)
    for op in run.ops:
        if op.f in kinds:
            tries[op.command_id or op.asked.i].append(op)
    return list(tries.values())


def _holds(run: Run) -> dict[UUID | int, tuple[str, Told]]:
    """By command: those that got a yes, and those of unknown outcome that were done."""
    made = {}
    for number, answer in answers(run, "reservation", "reservation.HoldSlot"):
        if booking := told_reservation(answer.get("body")):
            made[UUID(number)] = booking
    used = {str(op.asked.args.get("reservation_id")) for op in run.ops if op.f == "check_in"}
    found: dict[UUID | int, tuple[str, Told]] = {}
    for ops in _by_command(run, ("hold",)):
        command_id = ops[0].command_id
        yes = [op for op in ops if op.outcome == "ok" and told_reservation(op.body)]
        told = told_reservation(yes[0].body) if yes else made.get(command_id or UUID(int=0))
        if told is None:  # refused, or of unknown outcome and by the owner's own word not done
            continue
        occupied = period(told["occupied"])
        if told["reservation_id"] in used:
            occupied = (occupied[0] - EARLIEST, occupied[1])
        act = Told(
            op=ops[0],
            what="hold",
            number=told["reservation_id"],
            began=ops[0].asked.t_ns,
            ended=min((op.told.t_ns for op in yes if op.told is not None), default=None),
            period=period(told["period"]),
            occupied=occupied,
            lapses=ops[0].asked.t_ns + _lasts_ns(told, told["held_until"]),
            over=ops[0].asked.t_ns + _lasts_ns(told, told["period"]["end"]),
        )
        found[command_id or ops[0].asked.i] = (told["charger_id"], act)
    return found


def _lasts_ns(told: dict[str, Any], until: str) -> int:
    lasts = instant(until) - instant(told["created_at"])
    return int(lasts.total_seconds() * 1e9)


def _refusals(run: Run, held: set[UUID | int]) -> Iterator[tuple[str, Told]]:
    """First refusals as taken; chargers of closures are left out, which refuse as well."""
    closed = {c for row in run.truth.table("reservation", "closure") for c in row["charger_ids"]}
    seen: set[UUID | int | None] = {*held}
    began: dict[UUID | None, int] = {}
    for op in run.ops:
        args = op.asked.args
        if op.f != "hold" or "charger_id" not in args or args["charger_id"] in closed:
            continue
        began.setdefault(op.command_id, op.asked.t_ns)
        if op.code != "slot_taken" or op.command_id in seen or op.told is None:
            continue
        seen.add(op.command_id)
        wanted = (instant(args["start"]), instant(args["end"]))
        ends = args.get("occupied_until")
        until = instant(ends) if ends else wanted[1] + LONGEST_BUFFER
        act = Told(
            op=op,
            what="refuse",
            number="",
            began=began[op.command_id] if op.command_id else op.asked.t_ns,
            ended=op.told.t_ns,
            period=wanted,
            occupied=(wanted[0], until),
        )
        yield args["charger_id"], act


def _changes(ops: list[Op], known: dict[str, tuple[str, Told]]) -> Iterator[tuple[str, Told]]:
    """What a command did to a booking, or may have done."""
    number = str(ops[0].asked.args.get("reservation_id", ""))
    if number not in known or all(op.outcome == "fail" for op in ops):
        return
    what: What = "confirm" if ops[0].f == "pay" else "end"
    ends, state = [], ""
    for op in ops:
        told = told_reservation(op.body)
        if op.outcome == "ok" and told and op.told is not None:
            state = str(told.get("state", ""))
            # A challenge is a yes that has confirmed nothing yet.
            if what == "end" or state == "confirmed":
                ends.append(op.told.t_ns)
    charger, held = known[number]
    yield charger, _act(ops[0], what, held, min(ends, default=None), state)


def _reads(op: Op, known: dict[str, tuple[str, Told]]) -> Iterator[tuple[str, Told]]:
    """The states of bookings that an answer showed."""
    if op.outcome != "ok" or op.f not in ("get", "list"):
        return
    one = told_reservation(op.body)
    found = op.body.get("reservations", []) if op.f == "list" else [one] if one else []
    for booking in found:
        if booking["reservation_id"] in known:
            charger, held = known[booking["reservation_id"]]
            yield charger, _act(op, "show", held, op.ended_ns, booking["state"])


def _act(op: Op, what: What, held: Told, ended: int | None, shown: str) -> Told:
    return Told(
        op=op,
        what=what,
        number=held.number,
        began=op.asked.t_ns,
        ended=ended,
        period=held.period,
        occupied=held.occupied,
        shown=shown,
    )


def _stretches(acts: list[Told]) -> Iterator[list[Told]]:
    """Acts whose wishes overlap, directly or by others: stretches do not touch each other."""
    stretch: list[Told] = []
    until: datetime | None = None
    for act in sorted(acts, key=lambda act: act.occupied[0]):
        if until is not None and act.occupied[0] >= until:
            yield stretch
            stretch, until = [], None
        stretch.append(act)
        until = act.occupied[1] if until is None else max(until, act.occupied[1])
    if stretch:
        yield stretch

"""Named places where a process can be made to die, stop, break or leave something out (tests).

Off, a failpoint is one look at a variable. On, `EVSLOT_FAIL` says what happens where:

    EVSLOT_FAIL=relay.after_publish:3:exit            the third time; the process is gone at once
    EVSLOT_FAIL=job.after_call:1:sleep=8,reply.before_send:1+:drop

`nth` is a number (this time only) or a number and `+` (this time and each later one). `exit` ends
the process as SIGKILL does, `sleep` stands still with all its threads' work (5 s), `raise` breaks,
`drop` leaves the step out where that is possible, `log` only tells. `EVSLOT_FAIL=@folder` looks for
files `<process>.<point>` with `nth:action` in them, at each hit, so that a process that runs can be
told; a file whose time has come gets `.hit` put behind its name.
"""

import os
import re
import threading
import time
from pathlib import Path
from typing import Literal, cast

import structlog
from msgspec import Struct

log = structlog.get_logger()

Action = Literal["exit", "sleep", "raise", "drop", "log"]

POINTS = {
    "commands.before_commit": "a batch of commands is written, its commit is not sent",
    "commands.after_commit": "a batch of commands is committed, nobody is answered",
    "commands.after_reply": "a batch is answered, its offsets are not committed",
    "effects.before_commit": "the same of an event, a timer or the result of a job",
    "effects.after_commit": "an event, a timer or a job's result is committed, nobody is told",
    "relay.before_publish": "rows of the outbox are read, none is published",
    "relay.after_publish": "rows of the outbox are published, none is marked as sent",
    "relay.after_mark": "rows of the outbox are marked as sent",
    "job.before_call": "a job is leased, nothing outside is called",
    "job.after_call": "the outside has done it (charged, mailed), and we have not noted it",
    "offsets.before_commit": "records are done, their offsets are not committed",
    "offsets.after_commit": "the offsets are on their way to the broker",
    "reply.before_send": "an answer is about to be sent; `drop` loses it",
    "migration.before_commit": "a migration is written, its transaction is open",
    "migration.after_commit": "a migration is committed, others may be missing",
    "edge.before_send": "a gateway has a request and has sent nothing",
    "edge.before_answer": "a gateway has the answer, its caller has not",
}
"""All there are, and what is the case there; `tests/architecture` compares it with the code."""

EXIT_STATUS = 86
SLEEP_SECONDS = 5.0
SHAPE = re.compile(r"(?P<nth>[1-9][0-9]*)(?P<on>\+?):(?P<action>[a-z]+)(=(?P<seconds>[0-9.]+))?")


class FailpointUnknown(Exception):
    """`EVSLOT_FAIL` names no failpoint, or says something else than what to do at it."""


class Raised(Exception):
    """A failpoint was told to break here."""


class _Order(Struct, frozen=True):
    """What to do at a point, and when."""

    nth: int
    on: bool
    action: Action
    seconds: float = SLEEP_SECONDS

    def is_due(self, hit: int) -> bool:
        return hit == self.nth or (self.on and hit > self.nth)


class _Orders:
    """Counts the hits of each point and says which of them count."""

    def __init__(self, orders: dict[str, _Order], folder: Path | None, process: str) -> None:
        self._orders = orders
        self._folder = folder
        self._process = process
        self._hits: dict[str, int] = {}
        self._lock = threading.Lock()  # pollers of Kafka have threads of their own

    def hit(self, name: str) -> bool:
        with self._lock:
            order = self._order(name)
            if order is None:
                self._hits.pop(name, None)
                return False
            hit = self._hits[name] = self._hits.get(name, 0) + 1
            if not order.is_due(hit):
                return False
            if not self._carried_out(name, order):
                return False
        log.warning("failpoint", point=name, hit=hit, action=order.action, process=self._process)
        return _act(name, order)

    def _order(self, name: str) -> _Order | None:
        if self._folder is None:
            return self._orders.get(name)
        try:
            return _read(name, self._file(name).read_text().strip())
        except FileNotFoundError:
            return None

    def _carried_out(self, name: str, order: _Order) -> bool:
        """Once is once, also for the next process; False where the order was just taken back."""
        if self._folder is None or order.on:
            return True
        try:
            self._file(name).rename(f"{self._file(name)}.hit")
        except FileNotFoundError:
            return False
        return True

    def _file(self, name: str) -> Path:
        return cast(Path, self._folder) / f"{self._process}.{name}"


_orders: _Orders | None = None


def failpoint(name: str) -> bool:
    """Whether the step that follows is to be left out; off, always False."""
    return _orders is not None and _orders.hit(name)


def arm(text: str | None, process: str) -> None:
    """As `EVSLOT_FAIL` says; nothing (None or empty) turns all off. Raises FailpointUnknown."""
    global _orders
    if not text:
        _orders = None
    elif text.startswith("@"):
        _orders = _Orders({}, Path(text[1:]), process)
    else:
        pairs = (one.strip().partition(":") for one in text.split(","))
        _orders = _Orders({name: _read(name, rest) for name, _, rest in pairs}, None, process)


def _read(name: str, text: str) -> _Order:
    shape = SHAPE.fullmatch(text)
    if name not in POINTS:
        raise FailpointUnknown(f"EVSLOT_FAIL: there is no failpoint {name!r}")
    if shape is None or shape["action"] not in Action.__args__:  # type: ignore[attr-defined]
        raise FailpointUnknown(f"EVSLOT_FAIL: {name} takes `nth:action`, not {text!r}")
    action = cast(Action, shape["action"])
    seconds = float(shape["seconds"] or SLEEP_SECONDS)
    return _Order(int(shape["nth"]), bool(shape["on"]), action, seconds)


def _act(name: str, order: _Order) -> bool:
    if order.action == "exit":
        os._exit(EXIT_STATUS)
    if order.action == "sleep":
        time.sleep(order.seconds)  # the event loop stands still as well: that is what is wanted
    if order.action == "raise":
        raise Raised(name)
    return order.action == "drop"

"""What drivers and the nemesis did and saw, from outside, one line each: written while it runs."""

import io
import os
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from evslot.gateway.visitors import COMMANDS

FSYNC_SECONDS = 0.05
"""Lines are on disk at most so long after they were appended, where more lines follow."""

Kind = Literal["invoke", "ok", "fail", "info", "nemesis"]


class Line(Struct, kw_only=True, omit_defaults=True):
    """One line of a history.

    `ok` and `fail` are answers of the owner; `fail` only where there was certainly no effect: a
    4xx, or a connection refused before anything was sent. Timeouts, resets, 5xx and 202 are
    `info`: the effect may have happened, may happen later, or never; its proc is used no more.
    """

    i: int = 0
    """Place in the history, set by `History.append`."""
    t_ns: int = 0
    """CLOCK_MONOTONIC; invoke before sending, the others after the last byte."""
    proc: int
    """One operation at a time: invoke, then ok, fail or info. The nemesis is -1."""
    type: Kind
    f: str
    """search, slots, quote, hold, pay, cancel, check_in, complete, prolong, get, list, operation,
    sign_up …; of the nemesis the name of the fault, or `phase`."""
    key: str | None = None
    """Idempotency-Key: the client's command. A repeat after an unknown outcome has the same one."""
    route: str | None = None
    """Method and path as sent: `POST /v1/reservations`. With user and key the command's id."""
    user: str | None = None
    """The caller's account id."""
    gw: int | None = None
    args: dict[str, Any] = {}
    """What was asked.

    hold: station_id, charger_id, start, end (ISO 8601 with offset) and, where known,
    occupied_until; pay: reservation_id, method; cancel, check_in, complete, prolong, get:
    reservation_id; operation: operation_id. Nemesis: target, phase `start` | `stop` | `hit`;
    lines of f = `phase`: phase `calm` | `faulty` | `healed`.
    """
    status: int | None = None
    """Of the HTTP answer."""
    res: Any = None
    """The JSON body of the answer, whole: a problem's as well."""
    headers: dict[str, str] = {}
    """Of the answer, names in small letters: what tells a replay, a Retry-After, an operation."""
    err: str | None = None
    """Of an answer that never came: the name of the exception and what it said."""


class History:
    """A history being written; every line is flushed at once, and on disk soon.

    Its first line says what time it is, so that times in databases can be placed in it.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: io.BufferedWriter = path.open("ab")
        self._next = 0
        self._synced = 0.0
        self.nemesis("clock", "start", wall_ns=time.time_ns())

    def append(self, line: Line) -> Line:
        """Number the line, stamp it where it has no time yet, and write it."""
        line.i = self._next
        line.t_ns = line.t_ns or time.monotonic_ns()
        self._next += 1
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()
        if time.monotonic() - self._synced > FSYNC_SECONDS:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()
        return line

    def nemesis(self, fault: str, phase: str, **args: Any) -> Line:
        """A line about a fault: `phase` is start, stop or hit."""
        told = {"phase": phase, **args}
        return self.append(Line(proc=-1, type="nemesis", f=fault, args=told))

    def phase(self, phase: Literal["calm", "faulty", "healed"]) -> Line:
        """From here on: before all faults, under them, or after the last one has ended."""
        return self.nemesis("phase", phase)

    def close(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Op(Struct, kw_only=True):
    """An operation: what was asked and, unless the driver died waiting, what came of it."""

    asked: Line
    told: Line | None

    @property
    def f(self) -> str:
        return self.asked.f

    @property
    def command_id(self) -> UUID | None:
        """As the edge makes it; None where no key was sent, or nobody was signed in."""
        asked = self.asked
        if asked.key is None or asked.user is None or asked.route is None:
            return None
        return uuid5(COMMANDS, f"{asked.user}\n{asked.route.rstrip('/')}\n{asked.key}")

    @property
    def outcome(self) -> Kind:
        """ok, fail or info; what was never answered is unknown."""
        return self.told.type if self.told else "info"

    @property
    def is_unknown(self) -> bool:
        return self.outcome == "info"

    @property
    def status(self) -> int | None:
        return self.told.status if self.told else None

    @property
    def body(self) -> Any:
        return self.told.res if self.told else None

    @property
    def code(self) -> str:
        """Of the problem that was answered; empty where there was none."""
        body = self.body
        return str(body.get("code", "")) if isinstance(body, dict) else ""

    @property
    def ended_ns(self) -> int | None:
        """When the answer was there; None while the effect may still come."""
        return self.told.t_ns if self.told and not self.is_unknown else None


def read_history(path: Path) -> list[Line]:
    """All whole lines; a last one that was cut off by a crash of the driver is left out."""
    decoder = msgspec.json.Decoder(Line)
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    return [decoder.decode(line) for line in whole.splitlines() if line]


def operations(lines: Iterable[Line]) -> list[Op]:
    """Operations in the order of their invocation; raises ValueError where a proc has two open."""
    found: list[Op] = []
    open_: dict[int, Op] = {}
    for line in lines:
        if line.type == "nemesis":
            continue
        if line.type == "invoke":
            if line.proc in open_:
                raise ValueError(f"proc {line.proc} asks again at line {line.i} before its answer")
            open_[line.proc] = Op(asked=line, told=None)
            found.append(open_[line.proc])
        else:
            asked = open_.pop(line.proc, None)
            if asked is None:
                raise ValueError(f"line {line.i} answers nothing that proc {line.proc} asked")
            asked.told = line
    return found

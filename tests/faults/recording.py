"""Requests whose asking and answering both stand in the history, repeated until their outcome."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from typing import Any, Literal
from uuid import uuid4

import httpx
from msgspec import Struct
from msgspec.structs import replace

from tests.faults.history import History, Line
from tests.journeys.people import Town

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
KEPT_HEADERS = ("location", "retry-after", "x-request-id")


class Wanted(Struct, frozen=True, kw_only=True):
    """A request as a client would send it; with a key it may be repeated."""

    f: str
    method: str
    path: str
    body: Any = None
    args: dict[str, Any] = {}
    key: str | None = None
    respond_async: bool = False

    def waited_for(self) -> "Wanted":
        """The same, by a client who waits for the answer."""
        return replace(self, respond_async=False)


class Told(Struct, frozen=True, kw_only=True):
    """What came of one try."""

    type: Literal["ok", "fail", "info"]
    status: int | None = None
    body: Any = None
    location: str | None = None

    @property
    def is_outcome(self) -> bool:
        """A yes or a no of whoever decides; a refused connection is neither."""
        return self.type == "ok" or (self.type == "fail" and self.status is not None)

    @property
    def code(self) -> str:
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""


class Procs:
    """Numbers of processes, in the sense of a history: each has one operation open."""

    def __init__(self) -> None:
        self._fresh: Iterator[int] = itertools.count()

    def fresh(self) -> int:
        return next(self._fresh)


class Client:
    """One account's requests, over any gateway, all written down."""

    def __init__(
        self, town: Town, history: History, procs: Procs, user: str, token: str, gateway: int
    ) -> None:
        self.user = user
        self.token = token
        self.gateway = gateway
        self.until = float("inf")
        """Monotonic time after which nothing is repeated any more; what is open stays unknown."""
        self._town = town
        self._history = history
        self._procs = procs
        self._proc = procs.fresh()

    async def get(self, f: str, path: str, params: Any = None, **args: Any) -> Told:
        """A read, asked once."""
        return await self._main_try(Wanted(f=f, method="GET", path=path, body=params, args=args))

    async def insist(self, wanted: Wanted) -> Told:
        """Until somebody says yes or no: after anything else the same key at the next gateway."""
        pause = FIRST_PAUSE
        told = await self._main_try(wanted)
        while not told.is_outcome and time.monotonic() < self.until:
            if told.status == 202:
                await self._wait_for_operation(told)
            else:
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
                self.gateway += 1
            told = await self._main_try(wanted.waited_for())
        return told

    async def twice(self, wanted: Wanted) -> Told:
        """A double click that reaches both gateways at once; the outcome of the first."""
        other = self._try(wanted, self._procs.fresh(), self.gateway + 1)
        first, second = await asyncio.gather(self._main_try(wanted), other)
        for told in (first, second):
            if told.is_outcome:
                return told
        return await self.insist(wanted)

    async def _wait_for_operation(self, accepted: Told) -> None:
        """Until the operation is over, or cannot be read: then the repeat will tell."""
        operation_id = accepted.body["operation_id"]
        while time.monotonic() < self.until:
            seen = await self.get("operation", str(accepted.location), operation_id=operation_id)
            if seen.type == "fail" and seen.status is not None:
                return  # the edge could not write it down; only the key is left
            if seen.type == "ok" and seen.body["state"] in ("done", "expired"):
                return
            if seen.type != "ok":
                self.gateway += 1
            await asyncio.sleep(0.3)

    async def _main_try(self, wanted: Wanted) -> Told:
        """By this client's proc; an unknown outcome retires it."""
        told = await self._try(wanted, self._proc, self.gateway)
        if told.type == "info":
            self._proc = self._procs.fresh()
        return told

    async def _try(self, wanted: Wanted, proc: int, gateway: int) -> Told:
        line = Line(
            proc=proc,
            type="invoke",
            f=wanted.f,
            key=wanted.key,
            route=f"{wanted.method} {wanted.path}",
            user=self.user,
            gw=gateway % 2,
        )
        self._history.append(replace(line, args=wanted.args))
        try:
            answer = await self._request(wanted, gateway)
        except httpx.TransportError as error:
            # Refused before anything was sent: certainly nothing happened. Else nobody knows.
            refused = isinstance(error, httpx.ConnectError)
            told = Told(type="fail" if refused else "info")
            err = f"{type(error).__name__}: {error}"
            self._history.append(replace(line, type=told.type, err=err))
            return told
        told = _told(answer)
        headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        self._history.append(
            replace(line, type=told.type, status=told.status, res=told.body, headers=headers)
        )
        return told

    async def _request(self, wanted: Wanted, gateway: int) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        if wanted.key:
            headers["Idempotency-Key"] = wanted.key
        if wanted.respond_async:
            headers["Prefer"] = "respond-async"
        sent = {"params": wanted.body} if wanted.method == "GET" else {"json": wanted.body}
        client = self._town.gateway(gateway)
        return await client.request(wanted.method, wanted.path, headers=headers, **sent)


def _told(answer: httpx.Response) -> Told:
    """4xx is a no without effect; 202 and 5xx leave it open."""
    status = answer.status_code
    try:
        body = answer.json() if answer.content else None
    except ValueError:
        body = answer.text
    type_: Literal["ok", "fail", "info"] = "ok"
    if status == 202 or status >= 500:
        type_ = "info"
    elif status >= 400:
        type_ = "fail"
    return Told(type=type_, status=status, body=body, location=answer.headers.get("location"))


def fresh_key() -> str:
    """An Idempotency-Key."""
    return str(uuid4())

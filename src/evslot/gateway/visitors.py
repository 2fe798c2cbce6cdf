"""What a route gets to act for: a visitor (anybody) or a driver (somebody signed in)."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

from litestar import Request
from litestar.di import NamedDependency

from evslot.gateway import versions
from evslot.gateway.auth import header_of
from evslot.gateway.backend import Asker, Backend
from evslot.gateway.browser_sessions import BrowserSessions
from evslot.gateway.limits import Limits, class_of
from evslot.gateway.operations import Operation
from evslot.gateway.parsing import parse_body, parse_parameters
from evslot.gateway.problems import BodyTooSlow, IdempotencyKeyInvalid, Unavailable
from evslot.gateway.shared_reads import SharedReads
from evslot.gateway.versions import Ask, Written
from evslot.spine.callers import ANONYMOUS, SYSTEM, Caller
from evslot.spine.db import is_trouble
from evslot.spine.message import Answer, Command, Message, Outcome, Query, Unauthenticated
from evslot.values import SessionId, UserId

T = TypeVar("T")

COMMANDS = UUID("6f1c2d52-6c0f-5b0a-9d55-8d1f0c7a4e11")
"""Namespace of command ids made from idempotency keys."""
KEY_FORM = re.compile(r"[\x21-\x7e]{1,255}")
BODY_SECONDS = 10.0


class EdgeRequest(Request[Any, Any, Any]):
    """A request that knows its caller and decodes its body strictly, in one pass."""

    caller: Caller = ANONYMOUS
    jwt: str | None = None
    enters: Callable[[str], None] | None = None
    """Where an account is opened: told the e-mail address, before anything is done with it."""

    async def body(self) -> bytes:
        """Bounded in size by the framework, in time here."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await super().body()
        except TimeoutError:
            raise BodyTooSlow() from None

    async def json(self) -> Any:
        """The type a route declares for `data`; the framework's own way would coerce."""
        kind = self.route_handler.parsed_fn_signature.parameters["data"].annotation
        body = parse_body(await self.body(), kind)
        email = getattr(body, "email", None)
        if self.enters is not None and isinstance(email, str):
            self.enters(email)
        return body

    def parameters(self, kind: type[T]) -> T:
        """The query parameters, of which none may be unknown."""
        return parse_parameters(self.query_params.multi_items(), kind)


class AnyVisitor:
    """Whoever sends this request; speaks to the services in their name."""

    def __init__(self, request: EdgeRequest, backend: Backend, shared: SharedReads) -> None:
        self._request = request
        self._backend = backend
        self._shared = shared
        self._command_id: UUID | None = None

    @property
    def caller(self) -> Caller:
        return self._request.caller

    def public_jwks(self) -> dict[str, Any]:
        """The public signing keys of access tokens."""
        return self._backend.keys.public_jwks()

    async def send(self, command: Command[Outcome]) -> Outcome:
        """The outcome; raises Refused where the answer is a no, Accepted where it takes long."""
        outcome = await self._backend.send(command, await self.command_id(), self._asker())
        return self._noted(outcome)

    async def ask(self, query: Query[Outcome]) -> Outcome:
        """The answer; raises Refused."""
        return self._noted(await self._backend.ask(query, self._asker()))

    def _noted(self, outcome: T) -> T:
        """The caller is told which version of a booking they have seen."""
        self._request.scope["state"]["written"] = versions.written_in(outcome)
        return outcome

    async def caught_up(self, known: Callable[[Written, Ask], Awaitable[float | None]]) -> bool:
        """Waits for a view to know what the caller does; False where they name nothing.

        Where it takes too long, the answer will say for how long the view has been behind.
        """
        written = versions.wanted_by(self._request)
        if written is None:
            return False
        self._request.scope["state"]["view_age"] = await known(written, self.ask_system)
        return True

    async def show(self, query: Query[Outcome], station_id: UUID | None = None) -> Outcome:
        """The answer to a public question, asked once for all who ask it now, in nobody's name.

        Unread, and only to be returned: it goes out as the service wrote it.
        """
        return await self._shared.get(
            query, lambda: self._backend.ask_unread(query, self._nobody()), station_id
        )

    async def show_view(self, query: Query[Outcome], station_id: UUID | None = None) -> Outcome:
        """The same of what is taken and free: not before it counts what the caller has written."""
        if await self.caught_up(versions.known_to_station):
            return await self._backend.ask_unread(query, self._nobody())  # what is kept is older
        return await self.show(query, station_id)

    def _nobody(self) -> Asker:
        """Whoever asks; only the trace is of the first one."""
        trace = header_of(self._request, b"traceparent")
        return Asker(caller=ANONYMOUS, traceparent=trace)

    async def operation(self, operation_id: UUID) -> Operation | None:
        """An operation that is theirs; one without an account is for all who know its id."""
        try:
            found = await self._backend.operations.find(operation_id)
        except Exception as error:
            if is_trouble(error):
                raise Unavailable() from error
            raise
        if found is None or found.caller not in (None, self.caller.user_id):
            return None
        return found

    def never_begun(self, operation: Operation) -> bool:
        """Whether an operation that was not begun never will be."""
        return self._backend.never_begun(operation)

    async def ask_system(self, query: Query[Outcome]) -> Outcome:
        """A question of the edge itself, not in the visitor's name."""
        return await self._backend.ask(query, Asker(caller=SYSTEM))

    def read(self, kind: type[Message], answer: Answer) -> Any:
        """The typed outcome in a stored answer; raises Refused."""
        return self._backend.read(kind, answer)

    async def command_id(self) -> UUID:
        """The same for every repeat: made of the caller, the concrete route and the key.

        Callers without an account have only what they send: the body's fingerprint stands for
        them, so that nobody meets somebody else's answer under a guessed key.
        """
        if self._command_id is None:
            key = header_of(self._request, b"idempotency-key")
            self._command_id = uuid4() if key is None else await self._repeatable_id(key)
            self._request.scope["state"]["command_id"] = str(self._command_id)
        return self._command_id

    async def made_id(self, what: str) -> UUID:
        """Id of a thing this command makes: a repeat names the same one."""
        return uuid5(await self.command_id(), what)

    async def _repeatable_id(self, key: str) -> UUID:
        if not KEY_FORM.fullmatch(key):
            raise IdempotencyKeyInvalid()
        who = str(self.caller.user_id or "")
        if not who:
            who = self._backend.keys.fingerprint(await self._request.body()).hex()
        route = f"{self._request.method} {self._request.scope['path'].rstrip('/')}"
        return uuid5(COMMANDS, f"{who}\n{route}\n{key}")

    def _asker(self) -> Asker:
        return Asker(
            caller=self.caller,
            jwt=self._request.jwt,
            respond_async=wants_no_wait(self._request),
            traceparent=header_of(self._request, b"traceparent"),
        )


class SignedInDriver(AnyVisitor):
    """A visitor who is signed in."""

    @property
    def user_id(self) -> UserId:
        return self.caller.require_user()

    @property
    def session_id(self) -> SessionId:
        if self.caller.session_id is None:
            raise Unauthenticated()
        return self.caller.session_id


Visitor = NamedDependency[AnyVisitor]
"""Anybody: what a route without sign-in takes as `visitor`."""
Driver = NamedDependency[SignedInDriver]
"""Somebody signed in: a route that takes a `driver` needs an access token."""


class Reception:
    """Greets every request: who is it, may they pass; makes what routes ask for."""

    def __init__(
        self, browsers: BrowserSessions, backend: Backend, shared: SharedReads, limits: Limits
    ) -> None:
        self._browsers = browsers
        self._backend = backend
        self._shared = shared
        self._limits = limits

    async def greet(self, request: Request[Any, Any, Any]) -> None:
        """Runs before the body is read: strangers, too many and a full house are told so first."""
        assert isinstance(request, EdgeRequest)
        route = request.route_handler
        try:
            request.caller, request.jwt = await self._browsers.let_in(request)
            if request.jwt is None and needs_driver(route):
                raise Unauthenticated()
        except Unauthenticated:
            self._limits.charge("open", request.scope, ANONYMOUS)
            raise
        request.scope["state"]["caller"] = request.caller
        kind = class_of(route)
        self._limits.charge(kind, request.scope, request.caller)
        if kind == "sign_in":
            request.enters = partial(self._enters, request)
        if request.method != "GET":
            self._backend.refuse_when_full()

    def _enters(self, request: EdgeRequest, email: str) -> None:
        """The table of limits holds no addresses of people, only fingerprints."""
        whole = email.strip().casefold().encode()
        self._limits.charge_account(self._backend.keys.fingerprint(whole).hex(), request.scope)

    def visitor(self, request: EdgeRequest) -> AnyVisitor:
        return AnyVisitor(request, self._backend, self._shared)

    def driver(self, request: EdgeRequest) -> SignedInDriver:
        return SignedInDriver(request, self._backend, self._shared)


def wants_no_wait(request: Request[Any, Any, Any]) -> bool:
    """`Prefer: respond-async` (RFC 7240), alone or among other preferences."""
    wishes = (header_of(request, b"prefer") or "").lower().replace(";", ",").split(",")
    return "respond-async" in map(str.strip, wishes)


def needs_driver(route_handler: Any) -> bool:
    """Whether a route asks for a `driver`: then it needs an access token."""
    return "driver" in route_handler.parsed_fn_signature.parameters

"""A person at the HTTP door: signs in with a mailed code, asks, and reads their mail."""

import asyncio
import re
import secrets
import time
from typing import Any

import httpx

ANSWER_SECONDS = 15.0
MAIL_SECONDS = 10.0


class DemoFailed(Exception):
    """The system answered something else than the story needs; the message says what."""


class Answered:
    """What came back, how long it took, and the trace it left."""

    def __init__(self, response: httpx.Response, trace: str, milliseconds: float) -> None:
        self.status = response.status_code
        self.body: Any = None
        if "json" in response.headers.get("content-type", ""):
            self.body = response.json()
        self.content = response.content
        self.headers = response.headers
        self.trace = trace
        self.milliseconds = milliseconds

    def done(self) -> "Answered":
        """Raises DemoFailed where the system did not do it, with what it says."""
        return self if 200 <= self.status < 300 else self.expect(200)

    def expect(self, status: int) -> "Answered":
        """Raises DemoFailed for another status."""
        if self.status != status:
            said = self.body or self.content[:300].decode(errors="replace")
            raise DemoFailed(f"the story needs {status}, the system answered {self.status}: {said}")
        return self


class Post:
    """The mail catcher of `evslot up`."""

    def __init__(self, address: str) -> None:
        self._client = httpx.AsyncClient(base_url=address, timeout=5.0, trust_env=False)

    async def close(self) -> None:
        await self._client.aclose()

    async def mail(self, to: str, subject: str, count: int = 1) -> dict[str, Any]:
        """The newest mail to an address whose subject holds a word; waits a little for it."""
        until = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < until:
            mails = (await self._client.get("/api/messages", params={"to": to})).json()["messages"]
            fitting = [mail for mail in mails if subject.lower() in mail["subject"].lower()]
            if len(fitting) >= count:
                whole: dict[str, Any] = (
                    await self._client.get(f"/api/messages/{fitting[0]['number']}")
                ).json()
                return whole
            await asyncio.sleep(0.05)
        raise DemoFailed(f"no mail about {subject!r} came to {to} within {MAIL_SECONDS:.0f} s")


class Visitor:
    """One person with an address; `signed_in` gives them an account."""

    def __init__(self, address: str, name: str, post: Post) -> None:
        self._client = httpx.AsyncClient(base_url=address, timeout=ANSWER_SECONDS, trust_env=False)
        self._post = post
        self._token: str | None = None
        self.email = f"{name}-{secrets.token_hex(4)}@demo.evslot.example"

    async def close(self) -> None:
        await self._client.aclose()

    async def sign_in(self) -> Answered:
        """By the code in the mail; makes the account."""
        wish = {"email": self.email, "language": "en"}
        (await self.post("/v1/sign-in-codes", wish)).done()
        mail = await self._post.mail(self.email, "")
        found = re.search(r"\b\d{6}\b", str(mail["text"]))
        if found is None:
            raise DemoFailed("the mail to sign in has no code of six digits")
        code = {"email": self.email, "code": found.group()}
        signed_in = (await self.post("/v1/sessions", code)).done()
        self._token = signed_in.body["access_token"]
        return signed_in

    async def get(self, path: str, params: dict[str, Any] | None = None) -> Answered:
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Answered:
        return await self._ask("POST", path, json=body)

    async def fetch(self, path: str, kind: str) -> Answered:
        """The representation of a media type."""
        return await self._ask("GET", path, headers={"Accept": kind})

    async def _ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, **what: Any
    ) -> Answered:
        trace = secrets.token_hex(16)
        sent = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01", **(headers or {})}
        if method != "GET":
            sent["Idempotency-Key"] = secrets.token_hex(16)
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        started = time.perf_counter()
        try:
            response = await self._client.request(method, path, headers=sent, **what)
        except httpx.TransportError as error:
            raise DemoFailed(
                f"nobody answers at {self._client.base_url} ({error}): run `make up` first"
            ) from error
        return Answered(response, trace, (time.perf_counter() - started) * 1000)

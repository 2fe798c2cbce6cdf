"""A made-up driver at the HTTP door: signs in, asks, and takes a no for an answer."""

import secrets
from typing import Any

import httpx

ANSWER_SECONDS = 10.0
UNAUTHENTICATED = 401
NO_MORE = 500
"""From here on the system is in trouble, and a person comes back later."""


class Trouble(Exception):
    """The system does not answer, or not now; it is no time to go on."""


class Nobody(Exception):
    """There are no made-up drivers here."""


class Person:
    """Has an account of the sample, and remembers what was booked with it."""

    def __init__(self, client: httpx.AsyncClient, number: int) -> None:
        self._client = client
        self._number = number
        self._token: str | None = None

    async def get(self, path: str, **params: Any) -> Any:
        """What is there; None for a no. Raises Trouble."""
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What came of it; None for a no. Raises Trouble."""
        return await self._ask("POST", path, json=body or {})

    async def _ask(self, method: str, path: str, **what: Any) -> Any:
        if self._token is None:
            await self._sign_in()
        answer = await self._request(method, path, self._token, **what)
        if answer.status_code == UNAUTHENTICATED:
            await self._sign_in()
            answer = await self._request(method, path, self._token, **what)
        return answer.json() if answer.is_success and answer.content else None

    async def _sign_in(self) -> None:
        wish = {"role": "driver", "number": self._number}
        answer = await self._request("POST", "/v1/sample-sessions", None, json=wish)
        if not answer.is_success:
            raise Nobody(answer.text)
        self._token = answer.json()["access_token"]

    async def _request(
        self, method: str, path: str, token: str | None, **what: Any
    ) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if method != "GET":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        try:
            answer = await self._client.request(
                method, path, headers=headers, timeout=ANSWER_SECONDS, **what
            )
        except httpx.TransportError as error:
            raise Trouble(str(error)) from error
        if answer.status_code >= NO_MORE or answer.status_code in (202, 429):
            raise Trouble(f"{method} {path}: {answer.status_code}")
        return answer

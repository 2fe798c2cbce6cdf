"""How much one caller may ask: a bucket for each caller and kind of route, in this process.

The buckets are kept as GCRA (ITU-T I.371): one time for each says when it would be full again,
which is a token bucket without counting. Processes do not share them: with n gateways a caller
may ask up to n times as much.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

from litestar.types import Scope
from msgspec import Struct

from evslot.gateway.settings import GatewaySettings
from evslot.spine.callers import Caller
from evslot.spine.message import TooMany

Class = Literal["read", "write", "open", "sign_in", "account", "account_anywhere", "none"]
"""read, write: by account. open: what needs no account, by address. sign_in: what makes or opens
accounts, by address; and for the e-mail address that is signed in to, `account` by address and
`account_anywhere` from all addresses. none: not limited."""

KEPT = 100_000
"""Buckets, about 200 bytes each. Who is forgotten begins anew with a full one."""
FORGOTTEN_AT_ONCE = 4
"""Full buckets that are let go when one is used: more than one, so that the table shrinks."""


class RateLimited(TooMany):
    """You ask more often than this edge allows; wait as many seconds as Retry-After says."""


class Rate(Struct, frozen=True):
    """`amount` at once, and as many again within `seconds`."""

    amount: int
    seconds: int


class Taken(Struct, frozen=True):
    """What a bucket said to one request."""

    policy: str
    rate: Rate
    remaining: int
    full_in: float
    """Seconds until the bucket is full again."""
    wait: float = 0.0
    """More than 0: refused; so long until there is room for one."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As draft-ietf-httpapi-ratelimit-headers-10 has them."""
        policy = f'"{self.policy}";q={self.rate.amount};w={self.rate.seconds}'
        limit = f'"{self.policy}";r={self.remaining};t={math.ceil(self.full_in)}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", limit.encode())]


class Buckets:
    """The bounded table of who asked how much."""

    def __init__(self, kept: int = KEPT, clock: Callable[[], float] = time.monotonic) -> None:
        self._full_at: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._kept = kept
        self._clock = clock

    def take(self, policy: str, who: str, rate: Rate) -> Taken:
        """One token, if there is one."""
        now = self._clock()
        one = rate.seconds / rate.amount
        full_at = max(self._full_at.get((policy, who), now), now)
        wait = full_at + one - now - rate.seconds
        if wait > 1e-9:
            return Taken(policy, rate, 0, full_at - now, wait)
        full_at += one
        self._full_at[policy, who] = full_at
        self._full_at.move_to_end((policy, who))
        self._forget(now)
        left = int((rate.seconds - (full_at - now)) / one + 1e-9)
        return Taken(policy, rate, left, full_at - now)

    def __len__(self) -> int:
        return len(self._full_at)

    def _forget(self, now: float) -> None:
        for _ in range(FORGOTTEN_AT_ONCE):
            oldest = next(iter(self._full_at))
            if self._full_at[oldest] > now and len(self._full_at) <= self._kept:
                return
            del self._full_at[oldest]
            if not self._full_at:
                return


class Limits:
    """Says no to who asks too often."""

    def __init__(self, settings: GatewaySettings, buckets: Buckets | None = None) -> None:
        self._buckets = Buckets() if buckets is None else buckets  # an empty table is false
        self._proxies = settings.proxies
        texts = {
            "read": settings.limit_read,
            "write": settings.limit_write,
            "open": settings.limit_open,
            "sign_in": settings.limit_sign_in,
            "account": settings.limit_account,
            "account_anywhere": settings.limit_account_anywhere,
        }
        self._rates = {name: rate_of(text) for name, text in texts.items() if settings.limits}

    def charge(self, kind: Class, scope: Scope, caller: Caller) -> None:
        """One request of a kind of route; raises RateLimited."""
        if kind in ("read", "write") and caller.user_id is not None:
            self._charge(kind, str(caller.user_id), scope)
        elif kind != "none":
            by_address: Class = "sign_in" if kind == "sign_in" else "open"
            self._charge(by_address, self.network_of(scope), scope)

    def charge_account(self, fingerprint: str, scope: Scope) -> None:
        """One try to get into an account; raises RateLimited.

        The strict bucket is of the account at one address, so that who asks too often keeps out
        nobody who comes from elsewhere. What it refuses does not count in the wide one.
        """
        self._charge("account", f"{fingerprint} {self.network_of(scope)}", scope)
        self._charge("account_anywhere", fingerprint, scope)

    def network_of(self, scope: Scope) -> str:
        """Where a request comes from, as it is counted here."""
        return address_of(scope, self._proxies)

    def _charge(self, kind: Class, who: str, scope: Scope) -> None:
        rate = self._rates.get(kind)
        if rate is None:
            return
        taken = self._buckets.take(kind, who, rate)
        # What others ask of an account is told to nobody, unless it is why they have to wait.
        if kind != "account_anywhere" or taken.wait > 0:
            scope["state"]["limit"] = taken
        if taken.wait > 0:
            raise RateLimited(limit=kind, retry_after_seconds=math.ceil(taken.wait))


def rate_of(text: str) -> Rate | None:
    """`120/60` -> 120 in 60 s; None for `off`."""
    if text == "off":
        return None
    amount, _, seconds = text.partition("/")
    return Rate(int(amount), int(seconds))


def class_of(route_handler: Any) -> Class:
    """What a route says of itself, else what its signature and method say."""
    said: Class | None = route_handler.opt.get("limit")
    if said is not None:
        return said
    names = route_handler.parsed_fn_signature.parameters
    reads = "GET" in route_handler.http_methods
    if "driver" in names:
        return "read" if reads else "write"
    if reads:
        # By account where there is one: many people may share an address.
        return "read" if route_handler.opt.get("tag") else "open"
    return "sign_in" if route_handler.opt.get("tag") == "Accounts" else "open"


def address_of(scope: Scope, proxies: int) -> str:
    """Whose address counts: the client's, or what the last of our own proxies has seen."""
    client = scope.get("client")
    seen = client[0] if client else ""
    if proxies:
        header = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
        hops = [hop.strip() for hop in header.decode("latin-1").split(",") if hop.strip()]
        seen = hops[-proxies] if len(hops) >= proxies else seen
    return _network_of(seen)


@lru_cache(maxsize=4096)
def _network_of(address: str) -> str:
    """IPv6 by its /64, which is what one customer has; else the address."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if known.version == 6:
        if known.ipv4_mapped is not None:  # all of IPv4 lies in one /64
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((known, 64), strict=False))
    return address

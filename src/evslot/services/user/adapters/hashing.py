"""Argon2id for passwords, on a few threads of its own so that nothing else waits for it."""

import asyncio
import os
import secrets
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from msgspec import Struct
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from evslot.services.user.domain.passwords import normal_password

T = TypeVar("T")

NICENESS = 5
"""About a third of the processor where others want it, too: sign-ins are slower then, not holds."""


class Verified(Struct, frozen=True):
    """Whether the password fits; `rehashed` where the stored hash is of older parameters."""

    fits: bool
    rehashed: str | None


class PasswordHashing:
    """19 MiB, two passes, one lane (OWASP's smallest advice); about 20 ms of one processor."""

    def __init__(self, threads: int) -> None:
        hasher = Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._hasher = PasswordHash((hasher,))
        self._threads = ThreadPoolExecutor(
            max_workers=threads, thread_name_prefix="hashing", initializer=_step_back
        )
        # Nobody's: an address without an account costs the same time.
        self._dummy = self._hasher.hash(secrets.token_urlsafe(32))

    async def start(self) -> None:
        """Threads are made when they are needed."""

    async def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """A PHC string with a salt of its own."""
        return await self._run(lambda: self._hasher.hash(normal_password(password)))

    async def verify(self, password: str, stored: str | None) -> Verified:
        """Takes the same time whether or not there is a stored hash to compare with."""

        def compare() -> Verified:
            fits, rehashed = self._hasher.verify_and_update(
                normal_password(password), stored or self._dummy
            )
            return Verified(fits and stored is not None, rehashed if stored is not None else None)

        return await self._run(compare)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _step_back() -> None:
    """Whatever else wants the processor comes before a storm of sign-ins.

    Only on Linux does a thread have a priority of its own; elsewhere it would be the process's.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)

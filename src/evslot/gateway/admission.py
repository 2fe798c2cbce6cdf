"""How much may wait for each service: as much as it answers in time, found out by its answers.

Every answer says how long its batch waited in the service. Above the target the number of writes
that may wait for that service shrinks by a fifth, below it grows by one an answer (additive
increase, multiplicative decrease, as TCP finds its window). A queue without this would be as long
as the limit of the whole edge allows, and at a slow service everybody would wait past the deadline.
"""

import time
from collections import Counter
from collections.abc import Callable

TARGET_SECONDS = 0.4
"""A batch may wait so long in a service; with the way there and back it stays well below `wait`."""
SHRINK = 0.8
SHRINK_SECONDS = 0.2
"""Not more often: the answers to what was let in before come for a while."""
FLOOR = 16
"""Always let in: without answers there would be no news."""


class Admission:
    """Counts what waits, and says when it is enough."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`limit`: of all that waits at this edge, questions too."""
        self._limit = limit
        self._clock = clock
        self._writes: Counter[str] = Counter()
        self._allowed: dict[str, float] = {}
        self._shrunk_at: dict[str, float] = {}
        self.in_flight = 0

    def is_full(self, service: str | None = None) -> bool:
        """For a write to that service; None: for anything."""
        if self.in_flight >= self._limit:
            return True
        return service is not None and self._writes[service] >= self.allowed(service)

    def allowed(self, service: str) -> float:
        """How many writes may wait for a service at this moment."""
        return self._allowed.get(service, self._limit)

    def enter(self, service: str | None) -> None:
        """One more waits; `service` where it is a write."""
        self.in_flight += 1
        if service is not None:
            self._writes[service] += 1

    def leave(self, service: str | None) -> None:
        self.in_flight -= 1
        if service is not None:
            self._writes[service] -= 1

    def heard(self, service: str, waited_seconds: float) -> None:
        """An answer to a write: so long its batch had waited there."""
        allowed, now = self.allowed(service), self._clock()
        if waited_seconds <= TARGET_SECONDS:
            self._allowed[service] = min(allowed + 1, self._limit)
        elif now - self._shrunk_at.get(service, 0.0) >= SHRINK_SECONDS:
            self._shrunk_at[service] = now
            # From what does wait: a limit far above it would take long to be felt.
            self._allowed[service] = max(min(allowed, self._writes[service]) * SHRINK, FLOOR)

"""The kinds of jobs that a service has, and how each is run."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct

from evslot.spine.transaction import Job
from evslot.spine.wiring import Resources

T = TypeVar("T")
R = TypeVar("R")


class JobFailed(Struct, frozen=True, kw_only=True):
    """Attempts or time are used up; the outcome outside may be unknown."""

    reason: str
    attempts: int


class JobContext(Resources):
    """Resources, the job's id (its idempotency key outside) and which attempt this is."""

    def __init__(self, resources: Resources, job_id: UUID, attempt: int) -> None:
        super().__init__(list(resources))
        self.job_id = job_id
        self.attempt = attempt


class Kind(Struct, frozen=True, kw_only=True):
    """How one kind of job is run."""

    kind: type[Job[Any]]
    run: Callable[[Any, JobContext], Awaitable[Any]]
    workers: int
    attempts: int
    timeout_seconds: float
    deadline_seconds: float
    back_off_seconds: float


class Jobs:
    """What a service does outside of transactions."""

    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}

    def run(
        self,
        kind: type[Job[R]],
        *,
        workers: int = 4,
        attempts: int = 6,
        timeout_seconds: float = 10.0,
        deadline_seconds: float = 120.0,
        back_off_seconds: float = 0.5,
    ) -> Callable[
        [Callable[[T, JobContext], Awaitable[R]]], Callable[[T, JobContext], Awaitable[R]]
    ]:
        """An adapter call: whatever it raises is tried again with growing pauses."""

        def register(
            run: Callable[[T, JobContext], Awaitable[R]],
        ) -> Callable[[T, JobContext], Awaitable[R]]:
            self.kinds[kind.kind()] = Kind(
                kind=kind,
                run=run,
                workers=workers,
                attempts=attempts,
                timeout_seconds=timeout_seconds,
                deadline_seconds=deadline_seconds,
                back_off_seconds=back_off_seconds,
            )
            return run

        return register

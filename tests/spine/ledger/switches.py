"""What a test may change about the ledger while it runs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class Switches:
    """A resource of the service; fresh for each harness."""

    broken: bool = False
    """Stumble and the event of the name `broken` break."""
    bell: Callable[[UUID, int, str], str] = lambda job_id, attempt, password: f"ring {attempt}"
    """What the outside world does in the bell's job."""
    bell_waits: asyncio.Event | None = None
    """The bell's job waits for this first."""
    results_break: bool = False
    results_trouble: int = 0
    """So many results meet a connection that is lost."""
    rung: list[tuple[UUID, int]] = field(default_factory=list)
    """Job id and attempt of each call of the outside world."""
    bundles: list[list[str]] = field(default_factory=list)
    """The accounts of each bundle of claims its handler was given."""
    thought: list[str] = field(default_factory=list)
    """Names the preparation was asked about."""
    thinking_seconds: float = 0.0
    """How long each preparation takes."""

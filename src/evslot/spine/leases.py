"""A duty that one process of a service has at a time, judged by the database's clock."""

import time

from evslot.spine import db

SECONDS = 3.0
RENEW_SECONDS = 1.0

TAKE = """
insert into lease (name, owner, epoch, until)
values ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
on conflict (name) do update
  set owner = excluded.owner, until = excluded.until, epoch = lease.epoch + 1
  where lease.until < clock_timestamp() or lease.owner = excluded.owner
returning epoch"""

RENEW = """
update lease set until = clock_timestamp() + make_interval(secs => $4)
where name = $1 and owner = $2 and epoch = $3
returning epoch"""


class Lease:
    """Held while renewed; a process that comes back in the same slot takes its own at once.

    A holder that was paused finds another epoch and stops; its late writes name the old epoch
    and change nothing. (An advisory lock would let a paused owner stop everybody.)
    """

    def __init__(self, database: db.Database, name: str, owner: str) -> None:
        self._database = database
        self.name = name
        self._owner = owner
        self._epoch: int | None = None
        self._fresh_until = 0.0

    async def hold(self) -> int | None:
        """The epoch while the lease is ours, else None; at most one statement a second."""
        if self._epoch is not None and time.monotonic() < self._fresh_until:
            return self._epoch
        if self._epoch is not None:
            self._epoch = await self._database.fetch_value(
                RENEW, self.name, self._owner, self._epoch, SECONDS
            )
        else:
            self._epoch = await self._database.fetch_value(TAKE, self.name, self._owner, SECONDS)
        self._fresh_until = time.monotonic() + (RENEW_SECONDS if self._epoch else 0.0)
        return self._epoch

    def forget(self) -> None:
        """Ask the database again before the next use."""
        self._epoch = None
        self._fresh_until = 0.0

    async def release(self) -> None:
        """Let a successor begin at once."""
        if self._epoch is not None:
            await self._database.execute(
                "update lease set until = clock_timestamp() - interval '1 second'"
                " where name = $1 and owner = $2 and epoch = $3",
                self.name,
                self._owner,
                self._epoch,
            )
            self.forget()

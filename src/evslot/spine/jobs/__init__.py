"""Slow work with the outside world: leased rows, bounded workers, retries, a deadline."""

from evslot.spine.jobs.dead import DEAD_JOB, run_again
from evslot.spine.jobs.kinds import JobContext, JobFailed, Jobs
from evslot.spine.jobs.rows import CLEAN_UP, COUNTS
from evslot.spine.jobs.runner import RESULT_TRIES, JobRunner
from evslot.spine.transaction import Job

__all__ = [
    "CLEAN_UP",
    "COUNTS",
    "DEAD_JOB",
    "RESULT_TRIES",
    "Job",
    "JobContext",
    "JobFailed",
    "JobRunner",
    "Jobs",
    "run_again",
]

"""`evslot run`: one process of a part, against any PostgreSQL and Kafka given by settings."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

import uvloop

from evslot import system
from evslot.cli.surroundings import arm_failpoints, process_name
from evslot.gateway.app import run_gateway
from evslot.spine.config import Config, PartSettings, SharedSettings
from evslot.spine.kafka import secure
from evslot.spine.service import Process
from evslot.spine.telemetry import configure_logs

SETTLED_SECONDS = 3.0
"""By then a process has loaded and wired what it keeps to its end."""


def run(part: str) -> None:
    """Run one process of PART: gateway, user, station, reservation, payment, notification.

    Settings come from the environment: EVSLOT_<PART>_DATABASE_URL, …_HEALTH_PORT, …_KEYS_FILE,
    …_SLOT, EVSLOT_KAFKA_BOOTSTRAP, EVSLOT_KEYS_PUBLIC_FILE.
    """
    system.part(part)
    config = Config.from_environment()
    secure(config.shared(SharedSettings))
    settings = config.read(PartSettings, part)
    arm_failpoints(process_name(part, settings.slot))
    if part == "gateway":
        _run(run_gateway(config))
        return
    configure_logs(part, settings.log_level, settings.log_pretty)
    _run(Process(system.service(part), config).run())


def _run(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.get_loop().call_later(SETTLED_SECONDS, _keep_what_is_loaded)
        runner.run(work)


def _keep_what_is_loaded() -> None:
    """What stays for ever is not looked through for garbage: that took a tenth of a second each."""
    gc.collect()
    gc.freeze()


COMMANDS = (run,)

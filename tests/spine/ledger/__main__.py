"""Runs one process of the ledger, as `evslot run` runs one of a real part."""

import asyncio
import os
import sys

from evslot.spine import failpoints
from evslot.spine.config import Config
from evslot.spine.service import Process
from evslot.spine.slots import SlotTaken
from evslot.spine.telemetry import configure_logs
from tests.spine.ledger.service import SERVICE

configure_logs("ledger", "info")
failpoints.arm(os.environ.get("EVSLOT_FAIL"), "ledger")
try:
    asyncio.run(Process(SERVICE, Config.from_environment()).run())
except SlotTaken as taken:
    sys.exit(f"evslot: {taken}")

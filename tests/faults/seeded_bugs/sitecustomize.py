"""Runs first in every interpreter of a system that has this folder on its PYTHONPATH."""

import os
import sys

if os.environ.get("EVSLOT_SEEDED_BUG") and sys.orig_argv[-2:-1] == ["run"]:
    from tests.faults.seeded_bugs import plant

    plant(os.environ["EVSLOT_SEEDED_BUG"], sys.orig_argv[-1])

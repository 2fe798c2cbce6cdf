"""The checker's word on a run, asked for in a process of its own as anybody could ask again."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

CHECK_SECONDS = 600.0


async def judged(folder: Path) -> dict[str, Any]:
    """What `python -m tests.faults.check FOLDER` wrote into `verdict.json`, with what it printed.

    Raises RuntimeError where the checker itself broke.
    """
    path = folder / "verdict.json"
    path.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.check",
        str(folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            printed, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    if not path.exists():
        raise RuntimeError(f"the checker gave no verdict:\n{printed.decode()}")
    found: dict[str, Any] = json.loads(path.read_text())
    return {**found, "printed": printed.decode()}

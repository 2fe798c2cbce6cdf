"""What the first guide tells people to paste works."""

import asyncio
import re
import sys
from pathlib import Path

from tests.journeys.running_system import RunningSystem

ROOT = Path(__file__).resolve().parents[2]


async def test_the_booking_of_the_guide_is_made_and_given_up(system: RunningSystem) -> None:
    guide = ROOT / "docs" / "guides" / "first-booking.md"
    section = guide.read_text().split("## Paste it")[1]
    pasted = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[0]
    script = pasted.replace("http://127.0.0.1:8080", system.gateways[0]).replace(
        ".venv/bin/", f"{Path(sys.executable).parent}/"
    )
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        f"set -euo pipefail\n{script}",
        cwd=ROOT,
        env=system.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await asyncio.wait_for(shell.communicate(), 60))[0].decode()
    assert shell.returncode == 0, said
    assert "\nconfirmed\n" in said
    assert said.rstrip().endswith("{'amount': 340, 'currency': 'EUR'}")

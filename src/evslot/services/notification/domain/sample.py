"""Where the service runs: only a development system has drivers who are made up."""

from typing import Literal

from msgspec import Struct


class Surroundings(Struct, frozen=True, kw_only=True):
    """`EVSLOT_ENVIRONMENT`."""

    environment: Literal["development", "production"] = "development"

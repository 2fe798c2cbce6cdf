"""The sample people of a development system: who they are, and that they exist nowhere else."""

from typing import Final
from uuid import UUID, uuid5

from msgspec import Struct

from evslot.services.user.messages import SampleRole
from evslot.values import UserId

_NAMESPACE = UUID("5b1f7c0e-6a60-5d0a-9d6c-2f0f4a1f6b11")


class SamplePerson(Struct, frozen=True, kw_only=True):
    """Somebody made up, with the same id on every machine."""

    user_id: UserId
    email: str
    name: str
    roles: list[str]
    zone: str = "Europe/Berlin"


def sample_person(role: SampleRole) -> SamplePerson:
    """The one of that role; `.example` addresses belong to nobody (RFC 2606)."""
    return SamplePerson(
        user_id=UserId(uuid5(_NAMESPACE, role)),
        email=f"{role}@sample.evslot.example",
        name=f"Sample {role}",
        roles=["driver", "admin"] if role == "admin" else ["driver"],
    )


MADE_UP_DRIVERS: Final = 400
"""So many drivers fill the sample with bookings; nothing is told to them."""
FIRST_NAMES: Final = (
    *("Aino", "Bela", "Chandra", "Dilek", "Emil", "Farah", "Gustav", "Hanna", "Ilse", "Jyoti"),
    *("Kaarlo", "Lena", "Milo", "Nalini", "Otto", "Pia", "Quinn", "Rosa", "Sami", "Tara"),
)


def made_up_driver(number: int) -> SamplePerson:
    """One of those who fill the sample, from 1 to MADE_UP_DRIVERS."""
    return SamplePerson(
        user_id=UserId(uuid5(_NAMESPACE, f"driver/{number}")),
        email=f"driver-{number}@sample.evslot.example",
        name=f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {number} (made up)",
        roles=["driver"],
    )

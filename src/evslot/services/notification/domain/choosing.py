"""What a person wants to be told on which channel: everything, until they switch it off."""

from collections.abc import Mapping, Sequence
from typing import Final, get_args

from evslot.services.notification.messages import (
    Channel,
    Choice,
    ChoiceFixed,
    Choices,
    ChoiceUnknown,
    Kind,
    Wish,
)

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
Switched = Mapping[str, bool]
"""What was switched, by `<kind>/<channel>`; what is not in it is on."""


def is_account(kind: Kind) -> bool:
    """Mails that guard the account: they go to an address, before there may be a person."""
    return kind.startswith("account_")


def wants(switched: Switched, kind: Kind, channel: Channel) -> bool:
    """Whether a kind is told on a channel."""
    return is_account(kind) or switched.get(_name(kind, channel), True)


def choices(switched: Switched) -> Choices:
    """Every kind on every channel it can be told on."""
    return Choices(
        choices=[
            Choice(
                kind=kind,
                channel=channel,
                wanted=wants(switched, kind, channel),
                fixed=is_account(kind),
            )
            for kind in KINDS
            for channel in CHANNELS
            if _exists(kind, channel)
        ]
    )


def switch(switched: Switched, wishes: Sequence[Wish]) -> dict[str, bool]:
    """What is off afterwards; raises ChoiceUnknown, ChoiceFixed."""
    after = dict(switched)
    for wish in wishes:
        if not _exists(wish.kind, wish.channel):
            raise ChoiceUnknown(kind=wish.kind, channel=wish.channel)
        if is_account(wish.kind) and not wish.wanted:
            raise ChoiceFixed(kind=wish.kind)
        after[_name(wish.kind, wish.channel)] = wish.wanted
    return {name: wanted for name, wanted in after.items() if not wanted}


def _exists(kind: Kind, channel: Channel) -> bool:
    return channel == "email" or not is_account(kind)


def _name(kind: Kind, channel: Channel) -> str:
    return f"{kind}/{channel}"

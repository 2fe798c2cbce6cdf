"""What the caller wants to be told, by kind and channel."""

from typing import Annotated

from litestar import get, put
from litestar.params import JSONBody
from msgspec import Meta

from evslot.gateway.description import described
from evslot.gateway.parsing import Body
from evslot.gateway.visitors import Driver
from evslot.services.notification import messages as notification
from evslot.services.notification.messages import Channel, Choices, Kind


class WishBody(Body, frozen=True, kw_only=True):
    """One kind on one channel, switched on or off."""

    kind: Kind
    channel: Channel
    wanted: bool


class ChoicesBody(Body, frozen=True, kw_only=True):
    """What is not named stays as it is."""

    choices: Annotated[list[WishBody], Meta(min_length=1, max_length=100)]


@get("/v1/me/notification-choices", opt=described(tag="Notifications"))
async def get_notification_choices(driver: Driver) -> Choices:
    """Every kind on every channel it can be told on; all are on until they are switched off."""
    return await driver.ask(notification.GetChoices(user_id=driver.user_id))


@put(
    "/v1/me/notification-choices",
    opt=described(
        notification.ChoiceFixed,
        notification.ChoiceUnknown,
        example={
            "choices": [{"kind": "reservation_tomorrow", "channel": "email", "wanted": False}]
        },
        tag="Notifications",
    ),
)
async def set_notification_choices(data: JSONBody[ChoicesBody], driver: Driver) -> Choices:
    """Switch kinds on or off, channel by channel; mails about the account cannot be off."""
    wishes = tuple(
        notification.Wish(kind=one.kind, channel=one.channel, wanted=one.wanted)
        for one in data.choices
    )
    return await driver.send(notification.SetChoices(user_id=driver.user_id, wishes=wishes))


ROUTES = [get_notification_choices, set_notification_choices]

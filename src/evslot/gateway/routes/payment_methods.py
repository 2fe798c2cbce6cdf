"""Saved methods of payment: list, save, remove, choose the default one."""

from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from evslot.gateway.answers import created
from evslot.gateway.description import described
from evslot.gateway.parsing import Body
from evslot.gateway.visitors import Driver
from evslot.services.payment import messages as payment
from evslot.services.payment.messages import SavedMethod, SavedMethods
from evslot.spine.message import Secret

TAG = "Payment methods"


class MethodBody(Body, frozen=True, kw_only=True):
    """The method to keep."""

    method: Annotated[
        str, Meta(min_length=1, max_length=500, description="The provider's token of the method")
    ]
    make_default: bool = False


class DefaultBody(Body, frozen=True, kw_only=True):
    """The method that is offered first."""

    method_id: UUID


@get("/v1/me/payment-methods", opt=described(tag=TAG))
async def list_payment_methods(driver: Driver) -> SavedMethods:
    """The caller's saved methods, the default one first; of each what may be shown."""
    return await driver.ask(payment.ListMethods(user_id=driver.user_id))


@post(
    "/v1/me/payment-methods",
    opt=described(
        payment.MethodRefused,
        payment.TooManyMethods,
        example={"method": "sim_ok:4242", "make_default": True},
        tag=TAG,
    ),
)
async def save_payment_method(data: JSONBody[MethodBody], driver: Driver) -> Response[SavedMethod]:
    """Keep a method for later. Only the provider's token is kept, sealed; the first is default.

    A method saved before keeps its id.
    """
    saved = await driver.send(
        payment.SaveMethod(
            method_id=await driver.made_id("method"),
            user_id=driver.user_id,
            method=Secret(data.method),
            make_default=data.make_default,
        )
    )
    return created(saved, f"/v1/me/payment-methods/{saved.method_id}")


@put(
    "/v1/me/payment-methods/default",
    opt=described(
        payment.MethodNotFound,
        example={"method_id": "018f4c1e-5a00-8123-8abc-0123456789ab"},
        tag=TAG,
    ),
)
async def set_default_payment_method(data: JSONBody[DefaultBody], driver: Driver) -> SavedMethods:
    """The method that is offered first from now on."""
    return await driver.send(
        payment.SetDefaultMethod(user_id=driver.user_id, method_id=data.method_id)
    )


@delete(
    "/v1/me/payment-methods/{method_id:uuid}",
    opt=described(payment.MethodNotFound, tag=TAG),
)
async def remove_payment_method(method_id: FromPath[UUID], driver: Driver) -> None:
    """Forget a saved method; payments made with it are not touched."""
    await driver.send(payment.RemoveMethod(user_id=driver.user_id, method_id=method_id))


ROUTES = [
    list_payment_methods,
    save_payment_method,
    set_default_payment_method,
    remove_payment_method,
]

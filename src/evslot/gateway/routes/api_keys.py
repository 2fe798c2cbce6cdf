"""API keys: with them machines act for an organisation."""

from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from evslot.gateway.answers import created
from evslot.gateway.description import described
from evslot.gateway.parsing import Body
from evslot.gateway.people import NewApiKey, opened
from evslot.gateway.visitors import Driver
from evslot.services.user import messages as user
from evslot.values import OrganisationId

OWNERS = (user.NotAnOwner, user.NotForApiKeys, user.OrganisationNotFound)


class ApiKeyBody(Body, frozen=True, kw_only=True):
    """What the key is for, and what it may do."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    scopes: Annotated[list[user.Scope], Meta(min_length=1, max_length=10)]
    """`organisation:read` as a viewer does, `organisation:manage` as a manager does."""
    valid_days: Annotated[int, Meta(ge=1, le=1095)] = 365


@get(
    "/v1/organisations/{organisation_id:uuid}/api-keys",
    opt=described(*OWNERS, tag="Operators"),
)
async def list_api_keys(organisation_id: FromPath[OrganisationId], driver: Driver) -> user.ApiKeys:
    """The API keys of an organisation, newest first, for its owners; never the keys themselves."""
    return await driver.ask(user.ListApiKeys(organisation_id=organisation_id))


@post(
    "/v1/organisations/{organisation_id:uuid}/api-keys",
    opt=described(
        *OWNERS,
        user.TooManyApiKeys,
        user.OrganisationInvalid,
        example={"name": "Building control", "scopes": ["organisation:read"], "valid_days": 90},
        tag="Operators",
    ),
)
async def create_api_key(
    organisation_id: FromPath[OrganisationId], data: JSONBody[ApiKeyBody], driver: Driver
) -> Response[NewApiKey]:
    """Make an API key: it is shown this once, and exchanged at /v1/sessions for access tokens."""
    command = user.CreateApiKey(
        organisation_id=organisation_id,
        api_key_id=await driver.made_id("api key"),
        name=data.name,
        scopes=tuple(data.scopes),
        valid_days=data.valid_days,
    )
    made = opened(await driver.send(command), NewApiKey)
    return created(made, f"/v1/organisations/{organisation_id}/api-keys")


@delete(
    "/v1/organisations/{organisation_id:uuid}/api-keys/{api_key_id:uuid}",
    opt=described(*OWNERS, user.ApiKeyNotFound, tag="Operators"),
)
async def revoke_api_key(
    organisation_id: FromPath[OrganisationId], api_key_id: FromPath[UUID], driver: Driver
) -> None:
    """Make an API key worth nothing, and its access tokens with it."""
    await driver.send(user.RevokeApiKey(organisation_id=organisation_id, api_key_id=api_key_id))


ROUTES = [list_api_keys, create_api_key, revoke_api_key]

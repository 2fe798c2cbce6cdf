"""Organisations: the operators of stations."""

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from evslot.gateway.answers import NewOrganisation, created, organisation_of
from evslot.gateway.description import described
from evslot.gateway.parsing import Body
from evslot.gateway.visitors import Driver
from evslot.services.user import messages as user
from evslot.values import OrganisationId


class OrganisationBody(Body, frozen=True, kw_only=True):
    """An operator, with the legal block that receipts name."""

    legal_name: Annotated[str, Meta(min_length=1, max_length=200)]
    address: Annotated[str, Meta(min_length=1, max_length=500)]
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
    contact_email: Annotated[str, Meta(min_length=3, max_length=254)]
    phone: Annotated[str, Meta(min_length=3, max_length=32, description="24/7, E.164")]
    vat_id: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    register: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


@post(
    "/v1/organisations",
    opt=described(
        user.OrganisationInvalid,
        user.OrganisationExists,
        example={
            "legal_name": "Spree Charging GmbH",
            "address": "Uferstraße 1, 10115 Berlin",
            "country": "DE",
            "contact_email": "contact@example.org",
            "phone": "+49301234567",
        },
        tag="Operators",
    ),
)
async def create_organisation(
    data: JSONBody[OrganisationBody], driver: Driver
) -> Response[NewOrganisation]:
    """Register an operator; its maker becomes the owner, in the next access token."""
    organisation_id = OrganisationId(await driver.made_id("organisation"))
    fields: dict[str, Any] = {name: getattr(data, name) for name in data.__struct_fields__}
    event = await driver.send(user.CreateOrganisation(organisation_id=organisation_id, **fields))
    return created(organisation_of(event), f"/v1/organisations/{event.organisation_id}")


@get(
    "/v1/organisations/{organisation_id:uuid}",
    opt=described(user.OrganisationNotFound, tag="Operators"),
)
async def get_organisation(
    organisation_id: FromPath[OrganisationId], driver: Driver
) -> user.OrganisationView:
    """One organisation, for its members."""
    return await driver.ask(user.GetOrganisation(organisation_id=organisation_id))


ROUTES = [create_organisation, get_organisation]

"""Organisations: the operators of stations."""

from typing import Annotated, Any

from litestar import Response, get, patch, post, put
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, UnsetType

from evslot.gateway.answers import NewOrganisation, created, organisation_of
from evslot.gateway.description import described
from evslot.gateway.parsing import Body, Parameters
from evslot.gateway.visitors import Driver, EdgeRequest
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


class OrganisationChange(Body, frozen=True, kw_only=True):
    """What is left out stays; `null` empties VAT id or register."""

    legal_name: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    address: Annotated[str, Meta(min_length=1, max_length=500)] | UnsetType = UNSET
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | UnsetType = UNSET
    contact_email: Annotated[str, Meta(min_length=3, max_length=254)] | UnsetType = UNSET
    phone: Annotated[str, Meta(min_length=3, max_length=32)] | UnsetType = UNSET
    vat_id: Annotated[str, Meta(min_length=1, max_length=32)] | UnsetType | None = UNSET
    register: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType | None = UNSET


class OrganisationsWish(Parameters, frozen=True, kw_only=True):
    """One's own; or, for platform admins, everybody's."""

    everybodys: bool = False
    approved: bool | None = None
    """Only with `everybodys`: those that are approved, or those that wait."""
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=100)] | None = None


@post(
    "/v1/organisations",
    opt=described(
        user.OrganisationInvalid,
        user.OrganisationExists,
        user.TooManyOrganisations,
        user.EmailInvalid,
        user.NotForApiKeys,
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


@get(
    "/v1/organisations",
    opt=described(
        user.OnlyForAdmins,
        user.CursorInvalid,
        user.UserNotFound,
        user.NotForApiKeys,
        parameters=OrganisationsWish,
        tag="Operators",
    ),
)
async def list_organisations(request: EdgeRequest, driver: Driver) -> user.Organisations:
    """The organisations the caller belongs to; for platform admins also everybody's."""
    wish = request.parameters(OrganisationsWish)
    if not wish.everybodys:
        return await driver.ask(user.ListOrganisations(user_id=driver.user_id))
    return await driver.ask(
        user.FindOrganisations(approved=wish.approved, limit=wish.limit, cursor=wish.cursor)
    )


@patch(
    "/v1/organisations/{organisation_id:uuid}",
    opt=described(
        user.NotAnOwner,
        user.NotForApiKeys,
        user.OrganisationNotFound,
        user.OrganisationInvalid,
        user.EmailInvalid,
        example={"address": "Uferstraße 2, 10115 Berlin", "register": None},
        tag="Operators",
    ),
)
async def change_organisation(
    organisation_id: FromPath[OrganisationId], data: JSONBody[OrganisationChange], driver: Driver
) -> user.OrganisationView:
    """Change the details of an organisation; receipts that were written keep the old ones."""
    given = {
        name: value
        for name in data.__struct_fields__
        if (value := getattr(data, name)) is not UNSET
    }
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    emptied: Any = tuple(name for name, value in given.items() if value is None)
    command = user.ChangeOrganisation(organisation_id=organisation_id, emptied=emptied, **fields)
    return await driver.send(command)


@put(
    "/v1/organisations/{organisation_id:uuid}/approval",
    opt=described(user.OnlyForAdmins, user.OrganisationNotFound, tag="Platform"),
)
async def approve_organisation(
    organisation_id: FromPath[OrganisationId], driver: Driver
) -> NewOrganisation:
    """Approve an organisation; for platform admins."""
    event = await driver.send(user.ApproveOrganisation(organisation_id=organisation_id))
    return organisation_of(event)


ROUTES = [
    create_organisation,
    list_organisations,
    get_organisation,
    change_organisation,
    approve_organisation,
]

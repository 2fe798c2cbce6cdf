"""What the user service answers: the caller's account, contacts for services, organisations."""

from typing import Any

from evslot.services.user.messages import (
    Contact,
    GetContact,
    GetMe,
    GetOrganisation,
    Me,
    OrganisationNotFound,
    OrganisationView,
    UserNotFound,
)
from evslot.spine.handling import Queries
from evslot.spine.message import Personal
from evslot.spine.transaction import Reading, Row

queries = Queries()


@queries.on(GetMe)
async def get_me(query: GetMe, reading: Reading) -> Me:
    if reading.caller.require_user() != query.user_id:
        raise UserNotFound()
    row = await reading.fetch_row(
        """select user_id, email, name, language, zone,
                  exists (select from account_password p where p.user_id = account.user_id)
                    as has_password
           from account where user_id = $1 and state = 'active'""",
        query.user_id,
    )
    if row is None:
        raise UserNotFound()
    rows = await reading.fetch(
        """select organisation.*, member.role
           from member join organisation using (organisation_id)
           where member.user_id = $1 order by member.since, organisation_id""",
        query.user_id,
    )
    return Me(
        user_id=row["user_id"],
        email=Personal(row["email"]),
        name=_personal(row["name"]),
        language=row["language"],
        zone=row["zone"],
        verified=True,
        has_password=row["has_password"],
        organisations=[_organisation(found, found["role"]) for found in rows],
    )


@queries.on(GetContact)
async def get_contact(query: GetContact, reading: Reading) -> Contact:
    reading.caller.require_system()
    row = await reading.fetch_row(
        """select user_id, email, name, language, zone from account
           where user_id = $1 and state <> 'erased'""",
        query.user_id,
    )
    if row is None:
        raise UserNotFound()
    return Contact(
        user_id=row["user_id"],
        email=Personal(row["email"]),
        name=_personal(row["name"]),
        language=row["language"],
        zone=row["zone"],
    )


@queries.on(GetOrganisation)
async def get_organisation(query: GetOrganisation, reading: Reading) -> OrganisationView:
    """Members are those of the database, not of the caller's token: that may be minutes old."""
    caller = reading.caller
    member_id = None if caller.kind == "system" else caller.require_user()
    row = await reading.fetch_row(
        """select organisation.*, member.role from organisation
           left join member on member.organisation_id = organisation.organisation_id
             and member.user_id = $2
           where organisation.organisation_id = $1""",
        query.organisation_id,
        member_id,
    )
    if row is None or (row["role"] is None and caller.kind != "system" and not caller.is_admin):
        raise OrganisationNotFound()
    return _organisation(row, row["role"])


def _organisation(row: Row, role: str | None) -> OrganisationView:
    return OrganisationView(
        organisation_id=row["organisation_id"],
        legal_name=row["legal_name"],
        address=row["address"],
        country=row["country"],
        vat_id=row["vat_id"],
        contact_email=row["contact_email"],
        phone=row["phone"],
        approved=row["approved_at"] is not None,
        role=role,
        version=row["version"],
    )


def _personal(text: Any) -> Personal[str] | None:
    return None if text is None else Personal(str(text))

"""What the user service answers: accounts, sessions, vehicles, organisations, API keys."""

import base64
from typing import Any
from uuid import UUID

from evslot.services.user import store
from evslot.services.user.domain.membership import check_owner
from evslot.services.user.domain.sessions import MAX_SESSIONS
from evslot.services.user.messages import (
    ApiKeys,
    Contact,
    CursorInvalid,
    Export,
    FindOrganisations,
    FindUsers,
    FoundUser,
    FoundUsers,
    GetContact,
    GetExport,
    GetMe,
    GetOrganisation,
    ListApiKeys,
    ListInvitations,
    ListMembers,
    ListOrganisations,
    ListSessions,
    ListVehicles,
    Me,
    Members,
    NotForApiKeys,
    OnlyForAdmins,
    OrganisationNotFound,
    Organisations,
    OrganisationView,
    ReceivedInvitations,
    Sessions,
    UserNotFound,
    Vehicles,
)
from evslot.spine.handling import Queries
from evslot.spine.message import Personal
from evslot.spine.transaction import Reading
from evslot.values import UserId

queries = Queries()

MOST = 100
"""Of a page."""


@queries.on(GetMe)
async def get_me(query: GetMe, reading: Reading) -> Me:
    _check_themself(reading, query.user_id)
    return await _me(reading, query.user_id)


@queries.on(GetContact)
async def get_contact(query: GetContact, reading: Reading) -> Contact:
    reading.caller.require_system()
    row = await reading.fetch_row(
        """select user_id, email, name, phone, language, zone from account
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
        phone=_personal(row["phone"]),
    )


@queries.on(ListSessions)
async def list_sessions(query: ListSessions, reading: Reading) -> Sessions:
    _check_themself(reading, query.user_id)
    current = reading.caller.session_id
    return Sessions(
        sessions=await store.read_sessions(reading, query.user_id, current, MAX_SESSIONS)
    )


@queries.on(ListVehicles)
async def list_vehicles(query: ListVehicles, reading: Reading) -> Vehicles:
    _check_themself(reading, query.user_id)
    return Vehicles(vehicles=await store.read_vehicles(reading, query.user_id))


@queries.on(GetExport)
async def get_export(query: GetExport, reading: Reading) -> Export:
    _check_themself(reading, query.user_id)
    me = await _me(reading, query.user_id)
    created_at, password_changed_at = await store.read_dates(reading, query.user_id)
    current = reading.caller.session_id
    return Export(
        account=me,
        created_at=created_at,
        password_changed_at=password_changed_at,
        sessions=await store.read_sessions(reading, query.user_id, current, MAX_SESSIONS),
        vehicles=await store.read_vehicles(reading, query.user_id),
        consents=await store.read_consents(reading, query.user_id),
        invitations=await store.read_received_invitations(reading, query.user_id, MOST),
    )


@queries.on(FindUsers)
async def find_users(query: FindUsers, reading: Reading) -> FoundUsers:
    """Ids hold the time they were made, so their order is that of the accounts."""
    _check_admin(reading)
    limit = min(max(query.limit, 1), MOST)
    rows = await reading.fetch(
        """select user_id, email, name, state, 'admin' = any(roles) as admin, created_at
           from account
           where state <> 'erased' and ($1::text is null or lower(email) = $1)
             and ($2::uuid is null or user_id < $2)
           order by user_id desc limit $3""",
        query.email.value.lower() if query.email else None,
        _id_of(query.cursor),
        limit + 1,
    )
    users = [
        FoundUser(
            user_id=row["user_id"],
            email=Personal(row["email"]),
            name=_personal(row["name"]),
            state=row["state"],
            admin=row["admin"],
            created_at=row["created_at"],
        )
        for row in rows[:limit]
    ]
    more = len(rows) > limit
    return FoundUsers(users=users, next_cursor=_cursor(users[-1].user_id) if more else None)


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
    if row is None:
        raise OrganisationNotFound()
    # A key is no member: its token, good for minutes, says for whom it acts.
    key_role = None if "full" in caller.scopes else caller.role_in(query.organisation_id)
    role = row["role"] or key_role
    if role is None and caller.kind != "system" and not caller.is_admin:
        raise OrganisationNotFound()
    return store.organisation_view(row, role)


@queries.on(ListOrganisations)
async def list_organisations(query: ListOrganisations, reading: Reading) -> Organisations:
    _check_themself(reading, query.user_id)
    return Organisations(organisations=await store.read_own_organisations(reading, query.user_id))


@queries.on(ListInvitations)
async def list_invitations(query: ListInvitations, reading: Reading) -> ReceivedInvitations:
    _check_themself(reading, query.user_id)
    received = await store.read_received_invitations(reading, query.user_id, MOST)
    return ReceivedInvitations(invitations=received)


@queries.on(FindOrganisations)
async def find_organisations(query: FindOrganisations, reading: Reading) -> Organisations:
    _check_admin(reading)
    limit = min(max(query.limit, 1), MOST)
    rows = await reading.fetch(
        """select * from organisation
           where ($1::boolean is null or (approved_at is not null) = $1)
             and ($2::uuid is null or organisation_id > $2)
           order by organisation_id limit $3""",
        query.approved,
        _id_of(query.cursor),
        limit + 1,
    )
    found = [store.organisation_view(row, None) for row in rows[:limit]]
    more = len(rows) > limit
    return Organisations(
        organisations=found, next_cursor=_cursor(found[-1].organisation_id) if more else None
    )


@queries.on(ListMembers)
async def list_members(query: ListMembers, reading: Reading) -> Members:
    """Addresses and invitations are for owners."""
    user_id = _person(reading)
    role = await store.role_in(reading, query.organisation_id, user_id)
    if role is None:
        raise OrganisationNotFound()
    members = await store.read_members(reading, query.organisation_id)
    if role == "owner":
        invitations = await store.read_invitations(reading, query.organisation_id)
        return Members(members=members, invitations=invitations)
    without = [store.without_address(member) for member in members]
    return Members(members=without, invitations=[])


@queries.on(ListApiKeys)
async def list_api_keys(query: ListApiKeys, reading: Reading) -> ApiKeys:
    user_id = _person(reading)
    role = await store.role_in(reading, query.organisation_id, user_id)
    check_owner(role, role is None and await store.owns_any(reading, user_id))
    return ApiKeys(api_keys=await store.read_api_keys(reading, query.organisation_id))


def _person(reading: Reading) -> UserId:
    user_id = reading.caller.require_user()
    if "full" not in reading.caller.scopes:
        raise NotForApiKeys()
    return user_id


def _check_themself(reading: Reading, user_id: UserId) -> None:
    if reading.caller.require_user() != user_id:
        raise UserNotFound()
    _person(reading)


def _check_admin(reading: Reading) -> None:
    reading.caller.require_user()
    if not reading.caller.is_admin:
        raise OnlyForAdmins()


async def _me(reading: Reading, user_id: UserId) -> Me:
    me = await store.read_me(reading, user_id)
    if me is None:
        raise UserNotFound()
    return me


def _cursor(last: UUID) -> str:
    return base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")


def _id_of(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(bytes=base64.urlsafe_b64decode(cursor + "=="))
    except ValueError as broken:
        raise CursorInvalid() from broken


def _personal(text: Any) -> Personal[str] | None:
    return None if text is None else Personal(str(text))

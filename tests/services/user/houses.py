"""Organisations of the user service's tests: an owner, members, keys."""

from typing import Any
from uuid import uuid4

from tests.harness import Harness
from tests.services.user.people import account, caller_of, new_address
from tests.services.user.test_user_organisations import wanted

from evslot.services.user.messages import (
    AcceptInvitation,
    ChangeMember,
    CreateApiKey,
    DeclineInvitation,
    InviteMember,
    ListMembers,
    MemberRole,
    RefreshSession,
    RemoveMember,
    SessionEnded,
    SignedIn,
)
from evslot.spine.callers import Caller
from evslot.spine.message import Personal
from evslot.values import OrganisationId


class House:
    """An organisation and its first owner."""

    def __init__(self, h: Harness, owner: SignedIn, organisation_id: OrganisationId) -> None:
        self.h = h
        self.owner = owner
        self.caller = caller_of(h, owner)
        self.organisation_id = organisation_id

    async def invite(self, email: str, role: MemberRole, caller: Caller | None = None) -> Any:
        command = InviteMember(
            organisation_id=self.organisation_id,
            invitation_id=uuid4(),
            email=Personal(email),
            role=role,
        )
        return await self.h.send(command, caller=caller or self.caller)

    async def member(self, role: MemberRole) -> SignedIn:
        """Somebody more, who accepted, signed in with the new role."""
        email = new_address()
        joined = await account(self.h, email)
        await self.invite(email, role)
        await self.h.send(self.accept(), caller=caller_of(self.h, joined))
        return await self.h.send(RefreshSession(refresh_token=joined.refresh_token))

    def accept(self) -> AcceptInvitation:
        return AcceptInvitation(organisation_id=self.organisation_id)

    def decline(self) -> DeclineInvitation:
        return DeclineInvitation(organisation_id=self.organisation_id)

    def members(self) -> ListMembers:
        return ListMembers(organisation_id=self.organisation_id)

    def change(self, who: SignedIn, role: MemberRole) -> ChangeMember:
        return ChangeMember(organisation_id=self.organisation_id, user_id=who.user_id, role=role)

    def remove(self, who: SignedIn) -> RemoveMember:
        return RemoveMember(organisation_id=self.organisation_id, user_id=who.user_id)

    def key(self, *scopes: Any, days: int = 90) -> CreateApiKey:
        return CreateApiKey(
            organisation_id=self.organisation_id,
            api_key_id=uuid4(),
            name="Building control",
            scopes=scopes,
            valid_days=days,
        )


async def a_house(h: Harness) -> House:
    owner = await account(h)
    command = wanted()
    await h.send(command, caller=caller_of(h, owner))
    fresh = await h.send(RefreshSession(refresh_token=owner.refresh_token))
    return House(h, fresh, command.organisation_id)


def ended(h: Harness) -> list[tuple[object, str]]:
    return [(e.user_id, e.reason) for e in h.events if isinstance(e, SessionEnded)]

"""Invitations: nobody belongs to an organisation who has not accepted, and nobody is told on."""

from typing import Any
from uuid import uuid4

import pytest
from tests.harness import Harness
from tests.services.user.houses import House, a_house, ended
from tests.services.user.people import account, caller_of, h, new_address, refusal

from evslot.services.notification import messages as notification
from evslot.services.user.domain.organisations import MAX_PER_PERSON
from evslot.services.user.messages import (
    GetExport,
    ListInvitations,
    MembershipChanged,
    ReceivedInvitation,
    RefreshSession,
    SignedIn,
    WithdrawInvitation,
)

__all__ = ["h"]
pytestmark = pytest.mark.anyio


async def received(h: Harness, who: SignedIn) -> list[ReceivedInvitation]:
    question = ListInvitations(user_id=who.user_id)
    return (await h.ask(question, caller=caller_of(h, who))).invitations


async def accept(h: Harness, house: House, who: SignedIn) -> Any:
    return await h.send(house.accept(), caller=caller_of(h, who))


def notices(h: Harness) -> list[notification.SendAccountNotice]:
    return [s.command for s in h.sent if isinstance(s.command, notification.SendAccountNotice)]


async def test_who_invites_is_told_the_same_whether_or_not_there_is_an_account(h: Harness) -> None:
    house, known, unknown = await a_house(h), new_address(), new_address()
    await account(h, known)
    h.events.clear()
    for email in (known, unknown):
        invited = await house.invite(email.upper(), "viewer")
        assert invited.member is None
        assert (invited.invitation.email.value, invited.invitation.role) == (email, "viewer")
    assert h.events == []
    seen = await h.ask(house.members(), caller=house.caller)
    assert [len(seen.members), len(seen.invitations)] == [1, 2]


async def test_who_accepts_belongs_and_sees_it_at_the_next_refresh(h: Harness) -> None:
    house, email = await a_house(h), new_address()
    grace = await account(h, email)
    sent = (await house.invite(email, "manager")).invitation
    (invitation,) = await received(h, grace)
    assert invitation.organisation_id == house.organisation_id
    assert (invitation.legal_name, invitation.role) == ("Stadtwerke Beispiel GmbH", "manager")
    assert invitation.expires_at == sent.expires_at
    view = await accept(h, house, grace)
    assert (view.organisation_id, view.role) == (house.organisation_id, "manager")
    assert isinstance(h.events[-1], MembershipChanged)
    told = len(h.events)
    assert await accept(h, house, grace) == view
    assert (len(h.events), ended(h), await received(h, grace)) == (told, [], [])
    assert caller_of(h, grace).organisations == {}
    fresh = await h.send(RefreshSession(refresh_token=grace.refresh_token))
    assert caller_of(h, fresh).organisations == {house.organisation_id: "manager"}
    assert await refusal(house.invite(email, "viewer")) == "already_member"


async def test_a_new_account_belongs_nowhere_until_it_accepts(h: Harness) -> None:
    house, email = await a_house(h), new_address()
    await house.invite(email, "owner")
    grace = await account(h, email)
    assert caller_of(h, grace).organisations == {}
    exported = await h.ask(GetExport(user_id=grace.user_id), caller=caller_of(h, grace))
    assert exported.invitations == await received(h, grace) != []
    assert (await accept(h, house, grace)).role == "owner"


async def test_an_invitation_that_was_answered_taken_back_or_ran_out_is_none(h: Harness) -> None:
    house, email = await a_house(h), new_address()
    grace = await account(h, email)
    who = caller_of(h, grace)
    assert await refusal(accept(h, house, grace)) == "invitation_not_found"
    await house.invite(email, "viewer")
    declined = await h.send(house.decline(), caller=who)
    assert declined.organisation_id == house.organisation_id
    assert await refusal(h.send(house.decline(), caller=who)) == "invitation_not_found"
    assert await refusal(accept(h, house, grace)) == "invitation_not_found"
    number = (await house.invite(email, "viewer")).invitation.invitation_id
    withdraw = WithdrawInvitation(organisation_id=house.organisation_id, invitation_id=number)
    await h.send(withdraw, caller=house.caller)
    assert await refusal(h.send(withdraw, caller=house.caller)) == "invitation_not_found"
    assert await refusal(accept(h, house, grace)) == "invitation_not_found"
    await house.invite(email, "viewer")
    await h.execute("update invitation set expires_at = now() - interval '1 second'")
    assert await received(h, grace) == []
    assert await refusal(accept(h, house, grace)) == "invitation_not_found"
    await h.run_periodic()
    assert await h.fetch_value("select count(*) from invitation") == 0
    assert await h.fetch_value("select count(*) from member") == 1


async def test_only_who_has_the_address_sees_and_answers_an_invitation(h: Harness) -> None:
    house, email = await a_house(h), new_address()
    grace, stranger = await account(h, email), await account(h)
    await house.invite(email, "owner")
    assert await received(h, stranger) == []
    who = caller_of(h, stranger)
    assert await refusal(h.send(house.accept(), caller=who)) == "invitation_not_found"
    assert await refusal(h.send(house.decline(), caller=who)) == "invitation_not_found"
    assert await refusal(h.send(house.accept())) == "unauthenticated"
    assert await refusal(h.send(house.decline())) == "unauthenticated"
    question = ListInvitations(user_id=grace.user_id)
    assert await refusal(h.ask(question, caller=who)) == "user_not_found"
    assert len(await received(h, grace)) == 1


async def test_inviting_again_changes_the_role_and_keeps_the_invitation(h: Harness) -> None:
    house, email = await a_house(h), new_address()
    first = await house.invite(email, "viewer")
    again = await house.invite(email, "manager")
    assert again.invitation.invitation_id == first.invitation.invitation_id
    assert (await accept(h, house, await account(h, email))).role == "manager"


async def test_invitations_use_up_no_room_and_the_limit_holds_when_accepting(h: Harness) -> None:
    email = new_address()
    grace = await account(h, email)
    houses = [await a_house(h) for _ in range(3)]
    for house in houses:
        await house.invite(email, "viewer")
    await h.execute(
        """insert into organisation (organisation_id, legal_name, address, country, contact_email,
                                     phone, created_at, created_by)
           select gen_random_uuid(), 'Werke', 'Ufer 1', 'DE', 'a@example.org', '+4930123', now(), $1
           from generate_series(1, $2::int)""",
        grace.user_id,
        MAX_PER_PERSON - 1,
    )
    await h.execute(
        """insert into member (organisation_id, user_id, role, since)
           select organisation_id, $1, 'owner', now() from organisation where created_by = $1""",
        grace.user_id,
    )
    who = caller_of(h, grace)
    answers = await h.submit_many([(house.accept(), who, uuid4()) for house in houses[:2]])
    codes = sorted(answer.code or "done" for answer in answers if answer)
    assert codes == ["done", "too_many_organisations"]
    assert await refusal(accept(h, houses[2], grace)) == "too_many_organisations"
    assert len(await received(h, grace)) == 2


async def test_who_is_invited_is_mailed_once_and_told_when_they_belong(h: Harness) -> None:
    house, email, known = await a_house(h), new_address(), new_address()
    h.sent.clear()
    first = await house.invite(email, "viewer")
    await house.invite(email, "manager")
    (invited,) = notices(h)
    assert (invited.email.value, invited.fact) == (email, "organisation_invited")
    assert (invited.role, invited.until) == ("viewer", first.invitation.expires_at)
    assert invited.organisation == "Stadtwerke Beispiel GmbH"
    grace = await account(h, known)
    h.sent.clear()
    await house.invite(known, "manager")
    await accept(h, house, grace)
    asked, joined = notices(h)
    assert (asked.email.value, asked.fact) == (known, "organisation_invited")
    assert (joined.email.value, joined.fact) == (known, "organisation_joined")
    assert (joined.role, joined.until) == ("manager", None)
    assert joined.organisation == "Stadtwerke Beispiel GmbH"


async def test_inviting_again_and_again_mails_an_address_a_few_times_a_day(h: Harness) -> None:
    house, email = await a_house(h), new_address()
    assert await mails_of_rounds(h, house, email, 6) == 3
    assert len((await h.ask(house.members(), caller=house.caller)).invitations) == 1
    assert await mails_of_rounds(h, await a_house(h), email, 6) == 2
    assert await mails_of_rounds(h, await a_house(h), email, 2) == 0
    assert await mails_of_rounds(h, house, new_address(), 1) == 1
    await h.execute("update invitation_mail set mailed_at = now() - interval '25 hours'")
    await h.run_periodic()
    assert await h.fetch_value("select count(*) from invitation_mail") == 0
    assert await mails_of_rounds(h, house, email, 2) == 2


async def test_an_organisation_is_no_mailing_list(h: Harness) -> None:
    house = await a_house(h)
    await h.execute(
        """insert into invitation_mail (organisation_id, address_mac, mailed_at)
           select organisation_id, sha256(number::text::bytea), now()
           from organisation, generate_series(1, 199) number""",
    )
    assert await mails_of_rounds(h, house, new_address(), 1) == 1
    assert await mails_of_rounds(h, house, new_address(), 1) == 0
    assert await mails_of_rounds(h, await a_house(h), new_address(), 1) == 1


async def mails_of_rounds(h: Harness, house: House, email: str, rounds: int) -> int:
    """How many mails go out when an address is invited so often, and the last one stands."""
    h.sent.clear()
    for _ in range(rounds):
        open_ones = (await h.ask(house.members(), caller=house.caller)).invitations
        for one in open_ones:
            withdraw = WithdrawInvitation(
                organisation_id=house.organisation_id, invitation_id=one.invitation_id
            )
            await h.send(withdraw, caller=house.caller)
        await house.invite(email, "viewer")
    return len(notices(h))

"""The account of a person: profile, address, erasure."""

from typing import Any

from msgspec.structs import replace

from evslot.services.user import store
from evslot.services.user.domain import profiles
from evslot.services.user.domain.emails import normal_email
from evslot.services.user.domain.membership import check_owner_stays
from evslot.services.user.handlers import callers, proofs
from evslot.services.user.handlers.api_keys import revoke_all_api_keys
from evslot.services.user.handlers.codes import Recipient, address_mac, check_code, mail_code
from evslot.services.user.handlers.notices import send_notice
from evslot.services.user.handlers.sessions import end_all_sessions
from evslot.services.user.messages import (
    ChangeEmail,
    ChangeProfile,
    CodeRequested,
    EmailTaken,
    EraseUser,
    Me,
    MembershipChanged,
    RequestEmailCode,
    UserChanged,
    UserErased,
    UserNotFound,
    WrongCode,
    WrongCredentials,
)
from evslot.spine.handling import Handlers, Received
from evslot.spine.message import Personal, Refusal
from evslot.spine.transaction import Reading, Transaction
from evslot.values import OrganisationId, UserId

handlers = Handlers()


@handlers.on(ChangeProfile)
async def change_profile(command: ChangeProfile, tx: Transaction) -> Me:
    await callers.themself(tx, tx.caller, command.user_id)
    named = _checked(command)
    present = await store.lock_profile(tx, command.user_id)
    if present is None:
        raise UserNotFound()
    emptied: dict[str, Any] = dict.fromkeys(command.emptied)
    profile = replace(present, **{**named, **emptied})
    if profile != present:
        version = await store.update_profile(tx, command.user_id, profile)
        _tell_change(tx, command.user_id, profile, version)
    return await _me(tx, command.user_id)


@handlers.on(RequestEmailCode)
async def request_email_code(command: RequestEmailCode, tx: Transaction) -> CodeRequested:
    """An address that has an account is mailed nothing: its owner asked for nothing."""
    await callers.themself(tx, tx.caller, command.user_id)
    email = normal_email(command.email.value)
    person = await store.addressee(tx, command.user_id)
    if person is None:
        raise UserNotFound()
    recipient = Recipient(email=email, purpose="email", user_id=command.user_id)
    free = not await store.email_is_taken(tx, email)
    return await mail_code(tx, recipient, person.language, mailed=free)


@handlers.prepare(ChangeEmail)
async def check_owner(command: ChangeEmail, reading: Reading) -> proofs.Proof:
    person = await proofs.themself(reading, command.user_id)
    return await proofs.prepare_proof(reading, person, command.present, command.present_code)


@handlers.on_many(ChangeEmail, touches=lambda received: (received.command.user_id,))
async def change_emails(
    commands: list[Received[ChangeEmail]], tx: Transaction
) -> list[Me | Refusal]:
    """Many only so that a wrong code or password is counted although it is refused."""
    return [await _change_email(received, tx) for received in commands]


@handlers.on(EraseUser)
async def erase_user(command: EraseUser, tx: Transaction) -> UserErased:
    """Whoever is the only member leaves the organisation empty: receipts still name it.

    Nobody could take back then what acts for it or lets others in, so that ends with them.
    """
    await callers.themself(tx, tx.caller, command.user_id)
    person = await store.addressee(tx, command.user_id)
    if person is None:
        raise UserNotFound()
    await _leave_organisations(tx, command.user_id)
    await end_all_sessions(tx, command.user_id, "erased")
    await store.delete_belongings(tx, command.user_id, person.email)
    found_by = [
        address_mac(tx, person.email),
        Recipient(email=person.email, purpose="email", user_id=command.user_id).mac(tx),
    ]
    await store.delete_codes(tx, found_by)
    await store.delete_wrong_passwords(tx, found_by[0])
    await store.delete_invitation_mails(tx, found_by[0])
    version = await store.empty_account(tx, command.user_id)
    if version is None:
        raise UserNotFound()
    erased = UserErased(user_id=command.user_id, version=version)
    tx.emit(erased)
    return erased


def _checked(command: ChangeProfile) -> dict[str, Any]:
    """What was named, each in its one spelling."""
    named: dict[str, Any] = {}
    for field, check in (
        ("name", profiles.checked_name),
        ("phone", profiles.checked_phone),
        ("company", profiles.checked_company),
        ("vat_id", profiles.checked_vat_id),
        ("invoice_address", profiles.checked_address),
    ):
        text: Personal[str] | None = getattr(command, field)
        if text is not None:
            named[field] = check(text.value)
    if command.language is not None:
        named["language"] = profiles.checked_language(command.language)
    if command.zone is not None:
        named["zone"] = profiles.checked_zone(command.zone)
    if command.units is not None:
        named["units"] = command.units
    return named


async def _change_email(received: Received[ChangeEmail], tx: Transaction) -> Me | Refusal:
    command = received.command
    try:
        session_id = await callers.themself(tx, received.caller, command.user_id)
        email = normal_email(command.email.value)
    except Refusal as refusal:
        return refusal
    before = await store.addressee(tx, command.user_id)
    if before is None:
        return UserNotFound()
    recipient = Recipient(email=email, purpose="email", user_id=command.user_id)
    code = await check_code(tx, recipient, command.code.value)
    if isinstance(code, Refusal):
        return WrongCode() if isinstance(code, WrongCredentials) else code
    unproven = await proofs.check_proof(tx, before, received.prepared)
    if unproven is not None:
        return unproven
    await store.use_code(tx, code.code_id)
    version = await store.update_email(tx, command.user_id, email)
    if version is None:
        return EmailTaken()
    profile = await store.lock_profile(tx, command.user_id)
    if profile is not None:
        _tell_change(tx, command.user_id, profile, version)
    # To the old address: it must reach who had the account.
    send_notice(tx, before, fact="email_changed")
    await end_all_sessions(tx, command.user_id, "email_changed", besides=session_id)
    return await _me(tx, command.user_id)


def _tell_change(tx: Transaction, user_id: UserId, profile: store.Profile, version: int) -> None:
    tx.emit(
        UserChanged(user_id=user_id, language=profile.language, zone=profile.zone, version=version)
    )


async def _me(tx: Transaction, user_id: UserId) -> Me:
    me = await store.read_me(tx, user_id)
    if me is None:
        raise UserNotFound()
    return me


async def _leave_organisations(tx: Transaction, user_id: UserId) -> None:
    """In the order of ids, as all who lock several."""
    own = await store.read_own_organisations(tx, user_id)
    for view in sorted(own, key=lambda one: one.organisation_id):
        await store.lock_organisation(tx, view.organisation_id)
        await _leave(tx, view.organisation_id, user_id)


async def _leave(tx: Transaction, organisation_id: OrganisationId, user_id: UserId) -> None:
    role = await store.role_in(tx, organisation_id, user_id)
    if role is None:
        return
    if await store.count_members(tx, organisation_id) > 1:
        check_owner_stays(role, None, await store.count_owners(tx, organisation_id))
    else:
        await revoke_all_api_keys(tx, organisation_id)
        await store.delete_invitations(tx, organisation_id)
    await store.delete_member(tx, organisation_id, user_id)
    version = await store.raise_version(tx, organisation_id)
    tx.emit(
        MembershipChanged(
            organisation_id=organisation_id, user_id=user_id, role=None, version=version
        )
    )

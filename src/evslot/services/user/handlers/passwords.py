"""New passwords: by a mailed code without a session, by the present one or a code with one.

Wrong tries are counted although they are refused, so these are `on_many`, as for signing in.
"""

from msgspec import Struct

from evslot.services.user import store
from evslot.services.user.adapters.hashing import PasswordHashing
from evslot.services.user.domain import passwords, profiles
from evslot.services.user.domain.emails import normal_email
from evslot.services.user.handlers import callers, proofs
from evslot.services.user.handlers.codes import Recipient, enter_code, mail_code
from evslot.services.user.handlers.notices import send_notice
from evslot.services.user.handlers.sessions import end_all_sessions, open_session
from evslot.services.user.messages import (
    ChangePassword,
    CodeRequested,
    EmailInvalid,
    PasswordReplaced,
    PasswordTooWeak,
    RequestPasswordCode,
    ResetPassword,
    SignedIn,
    UserNotFound,
    WrongCredentials,
)
from evslot.spine.handling import Handlers, Received
from evslot.spine.message import Refusal
from evslot.spine.transaction import Reading, Transaction

handlers = Handlers()


class NewPassword(Struct, frozen=True, kw_only=True):
    """What was worked out before the transaction of a `ChangePassword`."""

    hash: str
    proof: proofs.Proof


@handlers.on(RequestPasswordCode)
async def request_password_code(command: RequestPasswordCode, tx: Transaction) -> CodeRequested:
    email = normal_email(command.email.value)
    language = profiles.checked_language(command.language)
    account = await store.account_of(tx, email)
    known = account is not None and account.active
    return await mail_code(tx, Recipient(email=email, purpose="password"), language, mailed=known)


@handlers.prepare(ResetPassword)
async def hash_reset_password(command: ResetPassword, reading: Reading) -> str:
    """Hashes always, whether or not the code will fit."""
    passwords.check_password(command.password.value, (command.email.value,))
    return await reading.resource(PasswordHashing).hash(command.password.value)


@handlers.on_many(ResetPassword, touches=lambda received: (received.command.email.value.lower(),))
async def reset_passwords(
    commands: list[Received[ResetPassword]], tx: Transaction
) -> list[SignedIn | Refusal]:
    return [await _reset(received.command, received.prepared, tx) for received in commands]


@handlers.prepare(ChangePassword)
async def check_present_password(command: ChangePassword, reading: Reading) -> NewPassword:
    person = await proofs.themself(reading, command.user_id)
    if command.password == command.present:
        raise PasswordTooWeak("Choose a password that is not the present one.")
    passwords.check_password(command.password.value, (person.email, person.name or ""))
    proof = await proofs.prepare_proof(reading, person, command.present, command.code)
    fresh = await reading.resource(PasswordHashing).hash(command.password.value)
    return NewPassword(hash=fresh, proof=proof)


@handlers.on_many(ChangePassword, touches=lambda received: (received.command.user_id,))
async def change_passwords(
    commands: list[Received[ChangePassword]], tx: Transaction
) -> list[PasswordReplaced | Refusal]:
    return [await _change(received, tx) for received in commands]


async def _reset(command: ResetPassword, password_hash: str, tx: Transaction) -> SignedIn | Refusal:
    try:
        email = normal_email(command.email.value)
    except EmailInvalid as refusal:
        return refusal
    recipient = Recipient(email=email, purpose="password")
    entered = await enter_code(tx, recipient, command.code.value)
    if isinstance(entered, Refusal):
        return entered
    account = await store.account_of(tx, email)
    person = await store.addressee(tx, account.user_id) if account else None
    if person is None:
        return WrongCredentials()
    await _replace(tx, person, password_hash)
    await end_all_sessions(tx, person.user_id, "password_changed")
    return await open_session(tx, person.user_id, "reset")


async def _change(
    received: Received[ChangePassword], tx: Transaction
) -> PasswordReplaced | Refusal:
    command = received.command
    chosen: NewPassword = received.prepared
    try:
        session_id = await callers.themself(tx, received.caller, command.user_id)
    except Refusal as refusal:
        return refusal
    person = await store.addressee(tx, command.user_id)
    if person is None:
        return UserNotFound()
    unproven = await proofs.check_proof(tx, person, chosen.proof)
    if unproven is not None:
        return unproven
    replaced = await _replace(tx, person, chosen.hash)
    await end_all_sessions(tx, person.user_id, "password_changed", besides=session_id)
    return replaced


async def _replace(
    tx: Transaction, person: store.Addressee, password_hash: str
) -> PasswordReplaced:
    version = await store.upsert_password(tx, person.user_id, password_hash)
    replaced = PasswordReplaced(user_id=person.user_id, version=version)
    tx.emit(replaced)
    send_notice(tx, person, fact="password_changed")
    return replaced

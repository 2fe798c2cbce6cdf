"""Mailed codes: sent, and entered. Each purpose has its own, and none opens what another does."""

import hmac
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from evslot.services.notification import messages as notification
from evslot.services.user import store
from evslot.services.user.domain import sessions
from evslot.services.user.domain.sessions import Settings
from evslot.services.user.messages import CodeRequested, TooManyAttempts, WrongCredentials
from evslot.services.user.store import Purpose
from evslot.spine.message import Personal, Refusal, Secret
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reader, Transaction
from evslot.values import UserId

_MAILED: dict[Purpose, notification.CodePurpose] = {
    "sign_in": "sign_in",
    "password": "password_reset",
    "email": "email_change",
}


class Recipient(Struct, frozen=True, kw_only=True):
    """Whom a code is mailed to, and what for."""

    email: str
    purpose: Purpose
    user_id: UserId | None = None
    """Whose address it is to become: with another person's code they change nothing."""

    def mac(self, reader: Reader) -> bytes:
        """What codes are found and counted by; one person has one change of address at a time."""
        if self.user_id is not None:
            return reader.resource(Keys).fingerprint(f"address-of:{self.user_id}".encode())
        return address_mac(reader, self.email)

    def code_mac(self, reader: Reader, code: str) -> bytes:
        """Bound to address and purpose, so that a code is worth nothing elsewhere."""
        prefix = "code" if self.purpose == "sign_in" else f"code:{self.purpose}"
        return reader.resource(Keys).fingerprint(f"{prefix}:{self.email}:{code}".encode())


class Registration(Struct, frozen=True, kw_only=True):
    """What a sign-in code completes where the address has no account yet.

    Whoever owns the mailbox may enter a code that somebody else asked for, and cannot see whose
    it is. So password and name are taken on only if all who asked for codes of the address chose
    this password: those whose codes are kept, for two hours, used or not. Who asks for more codes
    than are mailed leaves no code, but counts: the codes that are kept lose a registration that
    is not theirs. That is looked at as the code is entered, because two who ask at the same time
    do not see each other.
    """

    zone: str = "UTC"
    password_hash: str | None = None
    sealed_name: str | None = None


async def mail_code(
    tx: Transaction,
    recipient: Recipient,
    language: str,
    registration: Registration | None = None,
    *,
    mailed: bool = True,
) -> CodeRequested:
    """The answer is the same whether or not a mail goes out.

    With `mailed` false all is done but the mail: nobody learns from the time who has an account.
    """
    settings = tx.resource(Settings)
    requested = CodeRequested(valid_seconds=settings.code_seconds)
    purpose = recipient.purpose
    owner = recipient.mac(tx)
    completes = registration or Registration()
    if await store.count_codes(tx, owner, purpose) >= settings.codes_per_hour:
        await store.drop_registrations(tx, owner, purpose, besides=completes.password_hash)
        return requested
    code = sessions.new_code()
    valid_until = tx.now + timedelta(seconds=settings.code_seconds)
    await store.insert_code(
        tx,
        store.NewCode(
            purpose=purpose,
            address_mac=owner,
            code_mac=recipient.code_mac(tx, code),
            expires_at=valid_until,
            language=language,
            zone=completes.zone,
            password_hash=completes.password_hash,
            sealed_name=completes.sealed_name,
        ),
    )
    if mailed:
        tx.send(
            notification.SendSignInCode(
                email=Personal(recipient.email),
                code=Secret(code),
                language=language,
                valid_until=valid_until,
                purpose=_MAILED[purpose],
            )
        )
    return requested


async def enter_code(tx: Transaction, recipient: Recipient, entered: str) -> store.Code | Refusal:
    """The code, used up by this; a wrong one counts, so refusals are given back, not raised."""
    code = await check_code(tx, recipient, entered)
    if isinstance(code, Refusal):
        return code
    owner = recipient.mac(tx)
    agreed = await store.all_agree(tx, owner, recipient.purpose, code.password_hash)
    await store.use_code(tx, code.code_id)
    return code if agreed else replace(code, password_hash=None, sealed_name=None)


async def check_code(tx: Transaction, recipient: Recipient, entered: str) -> store.Code | Refusal:
    """The code, which stays good: for where something else may still be missing."""
    owner = recipient.mac(tx)
    code = await store.newest_code(tx, owner, recipient.purpose)
    if code is None:
        return WrongCredentials()
    if not await store.try_code(tx, code.code_id, sessions.MAX_CODE_TRIES):
        # Used up by tries, or used this moment by another process.
        used_up = await store.newest_code(tx, owner, recipient.purpose) is not None
        return TooManyAttempts() if used_up else WrongCredentials()
    if not hmac.compare_digest(code.code_mac, recipient.code_mac(tx, entered.strip())):
        return WrongCredentials()
    return code


def address_mac(reader: Reader, email: str) -> bytes:
    """A keyed fingerprint: the address may belong to nobody here."""
    return reader.resource(Keys).fingerprint(b"address:" + email.encode())

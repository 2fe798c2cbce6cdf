"""Signing in by mailed code or by password, and registering.

Wrong tries must be counted although they are refused, so what counts them is `on_many`: such a
handler gives its refusals back in place of raising them, and nothing it wrote is cut back.
"""

from msgspec import Struct

from evslot.services.user import store
from evslot.services.user.adapters.hashing import PasswordHashing, Verified
from evslot.services.user.domain import passwords, profiles, sessions
from evslot.services.user.domain.emails import normal_email
from evslot.services.user.domain.sessions import Settings
from evslot.services.user.handlers.codes import (
    Recipient,
    Registration,
    address_mac,
    enter_code,
    mail_code,
)
from evslot.services.user.handlers.sessions import open_session
from evslot.services.user.messages import (
    CodeRequested,
    EmailInvalid,
    RegisterUser,
    RequestSignInCode,
    SignedIn,
    SignInWithCode,
    SignInWithPassword,
    TooManyAttempts,
    UserRegistered,
    WrongCredentials,
)
from evslot.spine.handling import Handlers, Received
from evslot.spine.message import Refusal
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reading, Transaction
from evslot.values import UserId, new_id

handlers = Handlers()


class PasswordCheck(Struct, frozen=True, kw_only=True):
    """What was worked out before the transaction of a `SignInWithPassword`."""

    stored: store.StoredPassword | None
    verified: Verified | None
    """None where there were too many wrong ones, and nothing was compared."""


@handlers.on(RequestSignInCode)
async def request_sign_in_code(command: RequestSignInCode, tx: Transaction) -> CodeRequested:
    email = normal_email(command.email.value)
    language = profiles.checked_language(command.language)
    return await mail_code(tx, Recipient(email=email, purpose="sign_in"), language)


@handlers.prepare(RegisterUser)
async def hash_new_password(command: RegisterUser, reading: Reading) -> str:
    """The same hash where the registration asked for last has the same password.

    Hashes and compares always, so that time does not tell who registers.
    """
    found_by = address_mac(reading, normal_email(command.email.value))
    known_about = (command.email.value, command.name.value if command.name else "")
    passwords.check_password(command.password.value, known_about)
    hashing = reading.resource(PasswordHashing)
    before = await store.newest_password_hash(reading, found_by, "sign_in")
    verified = await hashing.verify(command.password.value, before)
    fresh = await hashing.hash(command.password.value)
    return before if before is not None and verified.fits else fresh


@handlers.on(RegisterUser)
async def register_user(command: RegisterUser, tx: Transaction) -> CodeRequested:
    """The code finishes the registration; an address that has an account is just mailed one."""
    email = normal_email(command.email.value)
    language = profiles.checked_language(command.language)
    zone = profiles.checked_zone(command.zone)
    name = profiles.checked_name(command.name.value) if command.name else None
    sealed_name = tx.resource(Keys).seal_own(name.encode()) if name else None
    completes = Registration(zone=zone, password_hash=tx.prepared, sealed_name=sealed_name)
    return await mail_code(tx, Recipient(email=email, purpose="sign_in"), language, completes)


@handlers.on_many(SignInWithCode, touches=lambda received: (received.command.email.value.lower(),))
async def sign_in_with_codes(
    commands: list[Received[SignInWithCode]], tx: Transaction
) -> list[SignedIn | Refusal]:
    return [await _sign_in_with_code(received.command, tx) for received in commands]


@handlers.prepare(SignInWithPassword)
async def check_password(command: SignInWithPassword, reading: Reading) -> PasswordCheck:
    """Compares with a dummy where there is no account, so that time does not tell."""
    email = normal_email(command.email.value)
    settings = reading.resource(Settings)
    wrong = await store.wrong_passwords(
        reading, address_mac(reading, email), sessions.hour_of(reading.now)
    )
    stored = await store.password_of(reading, email)
    if wrong >= settings.wrong_passwords_per_hour:
        return PasswordCheck(stored=stored, verified=None)
    password = command.password.value[: passwords.MAX_LENGTH + 1]
    verified = await reading.resource(PasswordHashing).verify(
        password, stored.hash if stored else None
    )
    return PasswordCheck(stored=stored, verified=verified)


@handlers.on_many(
    SignInWithPassword, touches=lambda received: (received.command.email.value.lower(),)
)
async def sign_in_with_passwords(
    commands: list[Received[SignInWithPassword]], tx: Transaction
) -> list[SignedIn | Refusal]:
    return [
        await _sign_in_with_password(received.command, received.prepared, tx)
        for received in commands
    ]


async def _sign_in_with_code(command: SignInWithCode, tx: Transaction) -> SignedIn | Refusal:
    try:
        email = normal_email(command.email.value)
    except EmailInvalid as refusal:
        return refusal
    code = await enter_code(tx, Recipient(email=email, purpose="sign_in"), command.code.value)
    if isinstance(code, Refusal):
        return code
    user_id = await _account_for(tx, email, code)
    if user_id is None:
        return WrongCredentials()
    return await open_session(tx, user_id, "code")


async def _account_for(tx: Transaction, email: str, code: store.Code) -> UserId | None:
    """The account of a proven address, made if need be; None where it may not sign in."""
    user_id = UserId(new_id())
    name = tx.resource(Keys).unseal(code.sealed_name).decode() if code.sealed_name else None
    if await store.insert_account(tx, user_id, email, name, code.language, code.zone):
        if code.password_hash:
            await store.insert_password(tx, user_id, code.password_hash)
        tx.emit(UserRegistered(user_id=user_id, language=code.language, version=1))
        return user_id
    account = await store.account_of(tx, email)
    return account.user_id if account and account.active else None


async def _sign_in_with_password(
    command: SignInWithPassword, checked: PasswordCheck | Refusal, tx: Transaction
) -> SignedIn | Refusal:
    if isinstance(checked, Refusal):
        return checked
    if checked.verified is None:
        return TooManyAttempts()
    email = normal_email(command.email.value)
    found_by, hour = address_mac(tx, email), sessions.hour_of(tx.now)
    most = tx.resource(Settings).wrong_passwords_per_hour
    stored = await store.password_of(tx, email)
    # Changed or taken away between the comparison and now: then it does not count.
    if not checked.verified.fits or stored is None or stored != checked.stored:
        wrong = await store.count_wrong_password(tx, found_by, hour)
        # Several are compared before the first counts: of those beyond, nothing is told.
        return WrongCredentials() if wrong <= most else TooManyAttempts()
    if await store.wrong_passwords(tx, found_by, hour) >= most:
        return TooManyAttempts()
    if checked.verified.rehashed:
        await store.rehash_password(tx, stored, checked.verified.rehashed)
    return await open_session(tx, stored.user_id, "password")

"""Writes of the user service, one function per statement."""

from datetime import datetime, timedelta

from msgspec import Struct

from evslot.services.user.domain.sessions import GRACE, RefreshToken
from evslot.services.user.messages import CreateOrganisation
from evslot.spine.callers import Role
from evslot.spine.transaction import Reader, Transaction
from evslot.values import OrganisationId, SessionId, UserId


class Code(Struct, frozen=True, kw_only=True):
    """A mailed code, as it is stored."""

    code_id: int
    code_mac: bytes
    language: str
    zone: str
    password_hash: str | None
    sealed_name: str | None


class Account(Struct, frozen=True, kw_only=True):
    """What signing in needs of an account."""

    user_id: UserId
    roles: list[str]
    active: bool


class StoredPassword(Struct, frozen=True, kw_only=True):
    """An active account's password hash, found by address."""

    user_id: UserId
    hash: str


class Session(Struct, frozen=True, kw_only=True):
    """An open session and whose it is."""

    session_id: SessionId
    user_id: UserId
    opened_at: datetime


# Codes


async def newest_code(reader: Reader, address_mac: bytes) -> Code | None:
    """The newest code of an address while it is valid; only that one counts."""
    row = await reader.fetch_row(
        """select code_id, code_mac, language, zone, password_hash, sealed_name
           from (select * from sign_in_code where address_mac = $1
                 order by code_id desc limit 1) newest
           where used_at is null and expires_at > $2""",
        address_mac,
        reader.now,
    )
    return Code(**row) if row else None


async def count_codes(tx: Transaction, address_mac: bytes) -> int:
    """How many were sent to an address within the last hour."""
    count = await tx.fetch_value(
        "select count(*) from sign_in_code where address_mac = $1 and created_at > $2",
        address_mac,
        tx.now - timedelta(hours=1),
    )
    return int(count)


async def insert_code(
    tx: Transaction,
    address_mac: bytes,
    code_mac: bytes,
    expires_at: datetime,
    language: str,
    zone: str,
    password_hash: str | None,
    sealed_name: str | None,
) -> None:
    await tx.execute(
        """insert into sign_in_code (address_mac, code_mac, created_at, expires_at, language, zone,
                                     password_hash, sealed_name)
           values ($1, $2, $3, $4, $5, $6, $7, $8)""",
        address_mac,
        code_mac,
        tx.now,
        expires_at,
        language,
        zone,
        password_hash,
        sealed_name,
    )


async def try_code(tx: Transaction, code_id: int, max_tries: int) -> bool:
    """Counts a try; False where all are used. The row lock makes parallel tries count, too."""
    return bool(
        await tx.execute(
            """update sign_in_code set tries = tries + 1
               where code_id = $1 and tries < $2 and used_at is null""",
            code_id,
            max_tries,
        )
    )


async def use_code(tx: Transaction, code_id: int) -> None:
    await tx.execute(
        "update sign_in_code set used_at = $2, password_hash = null where code_id = $1",
        code_id,
        tx.now,
    )


# Passwords


async def password_of(reader: Reader, email: str) -> StoredPassword | None:
    row = await reader.fetch_row(
        """select user_id, hash from account join account_password using (user_id)
           where lower(email) = $1 and state = 'active'""",
        email,
    )
    return StoredPassword(**row) if row else None


async def insert_password(tx: Transaction, user_id: UserId, password_hash: str) -> None:
    await tx.execute(
        "insert into account_password (user_id, hash, changed_at) values ($1, $2, $3)",
        user_id,
        password_hash,
        tx.now,
    )


async def rehash_password(tx: Transaction, old: StoredPassword, password_hash: str) -> None:
    """Same password, newer parameters; nothing where it was changed meanwhile."""
    await tx.execute(
        "update account_password set hash = $3 where user_id = $1 and hash = $2",
        old.user_id,
        old.hash,
        password_hash,
    )


async def wrong_passwords(reader: Reader, address_mac: bytes, hour: datetime) -> int:
    wrong = await reader.fetch_value(
        "select wrong from password_try where address_mac = $1 and hour = $2", address_mac, hour
    )
    return int(wrong or 0)


async def count_wrong_password(tx: Transaction, address_mac: bytes, hour: datetime) -> None:
    await tx.execute(
        """insert into password_try (address_mac, hour, wrong) values ($1, $2, 1)
           on conflict (address_mac, hour) do update set wrong = password_try.wrong + 1""",
        address_mac,
        hour,
    )


# Accounts


async def insert_account(
    tx: Transaction, user_id: UserId, email: str, name: str | None, language: str, zone: str
) -> bool:
    """False where the address has an account, made perhaps this moment by another process."""
    return bool(
        await tx.execute(
            """insert into account (user_id, email, name, language, zone, created_at, verified_at)
               values ($1, $2, $3, $4, $5, $6, $6)
               on conflict (lower(email)) do nothing""",
            user_id,
            email,
            name,
            language,
            zone,
            tx.now,
        )
    )


async def account_of(tx: Transaction, email: str) -> Account | None:
    row = await tx.fetch_row(
        """select user_id, roles, state = 'active' as active from account
           where lower(email) = $1""",
        email,
    )
    return Account(**row) if row else None


async def account(tx: Transaction, user_id: UserId) -> Account:
    row = await tx.fetch_row(
        "select user_id, roles, state = 'active' as active from account where user_id = $1",
        user_id,
    )
    if row is None:
        raise LookupError("a session without an account")
    return Account(**row)


async def roles_in_organisations(tx: Transaction, user_id: UserId) -> dict[OrganisationId, Role]:
    rows = await tx.fetch("select organisation_id, role from member where user_id = $1", user_id)
    return {row["organisation_id"]: row["role"] for row in rows}


# Sessions


async def insert_session(
    tx: Transaction, session: Session, opened_by: str, expires_at: datetime
) -> None:
    await tx.execute(
        """insert into session (session_id, user_id, opened_by, created_at, refreshed_at,
                                expires_at)
           values ($1, $2, $3, $4, $4, $5)""",
        session.session_id,
        session.user_id,
        opened_by,
        session.opened_at,
        expires_at,
    )


async def extend_session(tx: Transaction, session_id: SessionId, expires_at: datetime) -> None:
    await tx.execute(
        "update session set refreshed_at = $2, expires_at = $3 where session_id = $1",
        session_id,
        tx.now,
        expires_at,
    )


async def end_session(tx: Transaction, session_id: SessionId, reason: str) -> bool:
    """False where it was over already, or never was."""
    return bool(
        await tx.execute(
            """update session set ended_at = $2, end_reason = $3
               where session_id = $1 and ended_at is null""",
            session_id,
            tx.now,
            reason,
        )
    )


async def session_is_open(tx: Transaction, session_id: SessionId) -> bool:
    """Whether a session is alive now: an access token may outlive it by minutes."""
    return bool(
        await tx.fetch_value(
            """select ended_at is null and expires_at > $2 from session
               where session_id = $1 for share""",
            session_id,
            tx.now,
        )
    )


async def insert_refresh_token(tx: Transaction, token_mac: bytes, session_id: SessionId) -> None:
    await tx.execute(
        "insert into refresh_token (token_mac, session_id, issued_at) values ($1, $2, $3)",
        token_mac,
        session_id,
        tx.now,
    )


async def lock_refresh_token(
    tx: Transaction, token_mac: bytes
) -> tuple[RefreshToken, Session] | None:
    """The token and its session. Both rows are locked, so of parallel uses one is the first."""
    row = await tx.fetch_row(
        """select t.used_at, t.sealed_successor, s.session_id, s.user_id, s.created_at,
                  s.ended_at, s.expires_at, a.state = 'active' as active
           from refresh_token t join session s using (session_id) join account a using (user_id)
           where t.token_mac = $1
           for update of t, s""",
        token_mac,
    )
    if row is None:
        return None
    token = RefreshToken(
        used_at=row["used_at"],
        sealed_successor=row["sealed_successor"],
        session_ended_at=row["ended_at"],
        session_expires_at=row["expires_at"],
        account_active=row["active"],
    )
    session = Session(
        session_id=row["session_id"], user_id=row["user_id"], opened_at=row["created_at"]
    )
    return token, session


async def use_refresh_token(tx: Transaction, token_mac: bytes, sealed_successor: str) -> None:
    await tx.execute(
        "update refresh_token set used_at = $2, sealed_successor = $3 where token_mac = $1",
        token_mac,
        tx.now,
        sealed_successor,
    )


# Organisations


async def count_organisations(tx: Transaction, user_id: UserId) -> int:
    count = await tx.fetch_value("select count(*) from member where user_id = $1", user_id)
    return int(count)


async def insert_organisation(
    tx: Transaction, wanted: CreateOrganisation, owner_id: UserId, approved: bool
) -> bool:
    """False where the id is taken."""
    return bool(
        await tx.execute(
            """insert into organisation (organisation_id, legal_name, address, country, vat_id,
                                         register, contact_email, phone, approved_at, created_at,
                                         created_by)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
               on conflict (organisation_id) do nothing""",
            wanted.organisation_id,
            wanted.legal_name,
            wanted.address,
            wanted.country,
            wanted.vat_id,
            wanted.register,
            wanted.contact_email,
            wanted.phone,
            tx.now if approved else None,
            tx.now,
            owner_id,
        )
    )


async def insert_member(
    tx: Transaction, organisation_id: OrganisationId, user_id: UserId, role: Role
) -> None:
    await tx.execute(
        "insert into member (organisation_id, user_id, role, since) values ($1, $2, $3, $4)",
        organisation_id,
        user_id,
        role,
        tx.now,
    )


# Housekeeping

_TIDYING = (
    # Successors of refresh tokens are kept for the seconds of a lost answer only.
    (
        GRACE,
        """update refresh_token set sealed_successor = null where token_mac in (
          select token_mac from refresh_token
          where sealed_successor is not null and used_at < $1 limit $2 for update skip locked)""",
    ),
    (
        timedelta(hours=2),
        """delete from sign_in_code where code_id in (
          select code_id from sign_in_code where created_at < $1 limit $2
          for update skip locked)""",
    ),
    (
        timedelta(hours=2),
        """delete from password_try where (address_mac, hour) in (
          select address_mac, hour from password_try where hour < $1 limit $2
          for update skip locked)""",
    ),
    # Later than this, a reused token is refused but no longer ends its session.
    (
        timedelta(days=7),
        """delete from refresh_token where token_mac in (
          select token_mac from refresh_token where used_at < $1 limit $2
          for update skip locked)""",
    ),
    (
        timedelta(days=30),
        """delete from session where session_id in (
          select session_id from session where least(ended_at, expires_at) < $1 limit $2
          for update skip locked)""",
    ),
)


async def tidy(tx: Transaction, limit: int) -> None:
    """Takes away what has had its time, at most `limit` rows of each kind a run."""
    for age, statement in _TIDYING:
        await tx.execute(statement, tx.now - age, limit)

"""Writes of invitations, and of the mails that tell of them."""

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from evslot.services.user.messages import Invitation, MemberRole, ReceivedInvitation
from evslot.spine.message import Personal
from evslot.spine.transaction import Reader, Row, Transaction
from evslot.values import OrganisationId, UserId


class MailsOfADay(Struct, frozen=True, kw_only=True):
    """How many invitations were mailed within the last 24 hours."""

    of_both: int
    """By this organisation to this address."""
    to_address: int
    """By anybody."""
    of_organisation: int
    """To anybody."""


async def upsert_invitation(
    tx: Transaction,
    organisation_id: OrganisationId,
    invitation_id: UUID,
    email: str,
    role: MemberRole,
    invited_by: UserId,
    expires_at: datetime,
) -> Invitation:
    """Inviting again renews it, perhaps in another role; it keeps its id."""
    row = await tx.fetch_row(
        """insert into invitation (invitation_id, organisation_id, email, role, invited_by,
                                   invited_at, expires_at)
           values ($1, $2, $3, $4, $5, $6, $7)
           on conflict (organisation_id, lower(email)) do update
             set role = excluded.role, expires_at = excluded.expires_at
           returning invitation_id, email, role, expires_at""",
        invitation_id,
        organisation_id,
        email,
        role,
        invited_by,
        tx.now,
        expires_at,
    )
    if row is None:
        raise LookupError("an invitation that was just written is gone")
    return _invitation(row)


async def read_invitations(reader: Reader, organisation_id: OrganisationId) -> list[Invitation]:
    rows = await reader.fetch(
        """select invitation_id, email, role, expires_at from invitation
           where organisation_id = $1 and expires_at > $2 order by invited_at, invitation_id
           limit 200""",
        organisation_id,
        reader.now,
    )
    return [_invitation(row) for row in rows]


async def delete_invitation(
    tx: Transaction, organisation_id: OrganisationId, invitation_id: UUID
) -> bool:
    return bool(
        await tx.execute(
            "delete from invitation where organisation_id = $1 and invitation_id = $2",
            organisation_id,
            invitation_id,
        )
    )


async def delete_invitations(tx: Transaction, organisation_id: OrganisationId) -> None:
    """All that an organisation has sent out."""
    await tx.execute("delete from invitation where organisation_id = $1", organisation_id)


async def read_received_invitations(
    reader: Reader, user_id: UserId, limit: int
) -> list[ReceivedInvitation]:
    """Open ones to the address of an active account, newest first: it is proven."""
    rows = await reader.fetch(
        """select organisation_id, legal_name, country, role, invited_at, expires_at
           from account
           join invitation on lower(invitation.email) = lower(account.email)
           join organisation using (organisation_id)
           where user_id = $1 and state = 'active' and expires_at > $2
           order by invited_at desc, invitation_id limit $3""",
        user_id,
        reader.now,
        limit,
    )
    return [ReceivedInvitation(**row) for row in rows]


async def role_offered(
    tx: Transaction, organisation_id: OrganisationId, email: str
) -> MemberRole | None:
    """The role of an open invitation; None where there is none."""
    role: MemberRole | None = await tx.fetch_value(
        """select role from invitation
           where organisation_id = $1 and lower(email) = $2 and expires_at > $3""",
        organisation_id,
        email,
        tx.now,
    )
    return role


async def delete_invitation_to(
    tx: Transaction, organisation_id: OrganisationId, email: str
) -> None:
    await tx.execute(
        "delete from invitation where organisation_id = $1 and lower(email) = $2",
        organisation_id,
        email,
    )


async def count_invitation_mails(
    tx: Transaction, organisation_id: OrganisationId, address_mac: bytes
) -> MailsOfADay:
    row = await tx.fetch_row(
        """select count(*) filter (where organisation_id = $1 and address_mac = $2) as of_both,
                  count(*) filter (where address_mac = $2) as to_address,
                  count(*) filter (where organisation_id = $1) as of_organisation
           from invitation_mail
           where (organisation_id = $1 or address_mac = $2) and mailed_at > $3""",
        organisation_id,
        address_mac,
        tx.now - timedelta(days=1),
    )
    if row is None:
        raise LookupError("a count without a row")
    return MailsOfADay(**row)


async def insert_invitation_mail(
    tx: Transaction, organisation_id: OrganisationId, address_mac: bytes
) -> None:
    await tx.execute(
        """insert into invitation_mail (organisation_id, address_mac, mailed_at)
           values ($1, $2, $3)""",
        organisation_id,
        address_mac,
        tx.now,
    )


async def delete_invitation_mails(tx: Transaction, address_mac: bytes) -> None:
    await tx.execute("delete from invitation_mail where address_mac = $1", address_mac)


def _invitation(row: Row) -> Invitation:
    return Invitation(
        invitation_id=row["invitation_id"],
        email=Personal(row["email"]),
        role=row["role"],
        expires_at=row["expires_at"],
    )

"""Takes away what has had its time."""

from datetime import timedelta

from evslot.services.user.domain.sessions import GRACE
from evslot.spine.transaction import Transaction

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
    (
        timedelta(),
        """delete from invitation where invitation_id in (
          select invitation_id from invitation where expires_at < $1 limit $2
          for update skip locked)""",
    ),
    (
        timedelta(days=1),
        """delete from invitation_mail where mail_id in (
          select mail_id from invitation_mail where mailed_at < $1 limit $2
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

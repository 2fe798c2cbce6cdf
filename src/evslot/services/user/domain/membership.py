"""Who may do what in an organisation, and what a change of role takes away."""

from evslot.services.user.messages import (
    LastOwner,
    MemberRole,
    NotAnOwner,
    OrganisationNotFound,
    Scope,
)

MAX_MEMBERS = 200
"""With open invitations: the list is one answer."""
INVITATION_DAYS = 30
MAILS_TO_ONE_A_DAY = 3
"""Of one organisation to one address; later invitations of the day wait unmailed."""
MAILS_TO_ADDRESS_A_DAY = 5
"""Of all organisations: anybody can register some."""
MAILS_OF_ORGANISATION_A_DAY = MAX_MEMBERS
"""To all addresses: as many as it can have, or it would be a mailing list."""

_RANKS: dict[MemberRole | None, int] = {None: 0, "viewer": 1, "manager": 2, "owner": 3}


def check_owner(role: MemberRole | None, owns_another: bool) -> None:
    """Role first: who owns nothing is told so; an owner elsewhere does not learn what is here."""
    if role == "owner":
        return
    if role is None and owns_another:
        raise OrganisationNotFound()
    raise NotAnOwner()


def check_owner_stays(old: MemberRole, new: MemberRole | None, owners: int) -> None:
    """LastOwner where nobody would be left who can invite; `owners` counts the one who changes."""
    if old == "owner" and new != "owner" and owners <= 1:
        raise LastOwner()


def may_be_mailed(of_both: int, to_address: int, of_organisation: int) -> bool:
    """Whether one more invitation may be mailed, after so many within a day."""
    return (
        of_both < MAILS_TO_ONE_A_DAY
        and to_address < MAILS_TO_ADDRESS_A_DAY
        and of_organisation < MAILS_OF_ORGANISATION_A_DAY
    )


def loses_rights(old: MemberRole | None, new: MemberRole | None) -> bool:
    """Whether access tokens that are out there say more than is true now."""
    return _RANKS[new] < _RANKS[old]


def role_of_scopes(scopes: list[Scope]) -> MemberRole:
    """The role an API key acts in: keys never invite, so never owner."""
    return "manager" if "organisation:manage" in scopes else "viewer"

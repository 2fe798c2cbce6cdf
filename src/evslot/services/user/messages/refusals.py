"""Why the user service says no."""

from evslot.spine.message import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
)


class WrongCredentials(Unauthenticated):
    """E-mail and password (or code) do not match; ask for a new code if you are unsure."""


class RefreshTokenInvalid(Unauthenticated):
    """This refresh token is unknown, used up or ended; sign in again."""


class ApiKeyInvalid(Unauthenticated):
    """This API key is unknown, revoked or expired; ask an owner for a new one."""


class TooManyAttempts(TooMany):
    """Too many wrong tries; ask for a new code."""


class WrongPassword(Forbidden):
    """This is not your present password; use a mailed code if you have forgotten it."""


class WrongCode(Forbidden):
    """This code is wrong, used or too old; ask for a new one."""


class PasswordTooWeak(Invalid):
    """Choose a password of at least 15 characters that is not a well-known one."""


class EmailInvalid(Invalid):
    """This is not an e-mail address."""


class EmailTaken(Conflict):
    """Another account has this address; sign in there, or choose another address."""


class ProfileInvalid(Invalid):
    """Something in the profile is not acceptable; `field` says which."""


class VehicleInvalid(Invalid):
    """Something about the vehicle is not acceptable; `field` says which."""


class VehicleNotFound(NotFound):
    """There is no such vehicle, or it is not yours."""


class TooManyVehicles(Conflict):
    """You have as many vehicles as one person can; remove one first."""


class SessionNotFound(NotFound):
    """There is no such session, or it is not yours."""


class OrganisationInvalid(Invalid):
    """The details of the organisation are not acceptable."""


class OrganisationNotFound(NotFound):
    """There is no such organisation, or you are not a member."""


class NotAnOwner(Forbidden):
    """Only owners of the organisation may do this."""


class UserNotFound(NotFound):
    """There is no such account."""


class MemberNotFound(NotFound):
    """This person is not a member."""


class InvitationNotFound(NotFound):
    """There is no such invitation: it was answered or taken back, or has run out."""


class AlreadyMember(Conflict):
    """This person is a member already; change the role instead."""


class LastOwner(Conflict):
    """An organisation needs an owner: make somebody else one first."""


class TooManyMembers(Conflict):
    """The organisation has as many members and invitations as it can; remove one first."""


class TooManyOrganisations(Conflict):
    """You belong to as many organisations as one person can."""


class OrganisationExists(Conflict):
    """This organisation id is taken."""


class ApiKeyNotFound(NotFound):
    """There is no such API key."""


class TooManyApiKeys(Conflict):
    """The organisation has as many API keys as it can; revoke one first."""


class OnlyForAdmins(Forbidden):
    """Only platform admins may do this."""


class NotYourself(Conflict):
    """Admins do not do this to themselves; ask another admin."""


class NotForApiKeys(Forbidden):
    """An API key acts for its organisation only; sign in as a person for this."""


class SampleAccountsOff(NotFound):
    """There are no sample accounts here: they exist in development only."""


class OnlyForServices(Forbidden):
    """Only services may ask this."""


class CursorInvalid(Invalid):
    """This cursor was not made by this list."""

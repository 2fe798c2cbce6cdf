"""Which messages keep their order: those about one person, those about one organisation."""

from evslot.values import OrganisationId, UserId


class OfUser:
    """About one person."""

    __slots__ = ()
    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


class OfOrganisation:
    """About one organisation."""

    __slots__ = ()
    organisation_id: OrganisationId

    def key(self) -> str:
        return str(self.organisation_id)

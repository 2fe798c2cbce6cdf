"""Who may act for an organisation's stations."""

from evslot.services.station.messages import NotAnOperator, StationNotFound, StationView
from evslot.services.user import messages as user
from evslot.spine.callers import Caller
from evslot.values import OrganisationId


def check_operator(caller: Caller, organisation_id: OrganisationId) -> None:
    """Role first (403), then ownership (404)."""
    caller.require_user()
    if not caller.is_operator:
        raise NotAnOperator
    role = caller.role_in(organisation_id)
    if role is None:
        raise user.OrganisationNotFound
    if role not in ("owner", "manager"):
        raise NotAnOperator


def check_own_station(caller: Caller, station: StationView | None) -> StationView:
    """The station, if the caller may act for its organisation; role first, then ownership."""
    caller.require_user()
    if not caller.is_operator:
        raise NotAnOperator
    role = caller.role_in(station.organisation_id) if station and station.organisation_id else None
    if station is None or role is None:
        raise StationNotFound
    if role not in ("owner", "manager"):
        raise NotAnOperator
    return station

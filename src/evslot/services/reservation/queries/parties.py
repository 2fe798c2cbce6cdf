"""Who may look: members of the organisation, whatever their role in it."""

from evslot.services.reservation import store
from evslot.services.reservation.messages import MembersOnly
from evslot.services.station import messages as station
from evslot.services.user import messages as user
from evslot.spine.callers import Caller
from evslot.spine.transaction import Reading
from evslot.values import OrganisationId, StationId

STATION = """
select station_id, organisation_id, charger_ids from station where station_id = $1"""


def check_member(caller: Caller, organisation_id: OrganisationId) -> None:
    """Role first (MembersOnly), then ownership (OrganisationNotFound)."""
    _check_any_member(caller)
    if caller.role_in(organisation_id) is None:
        raise user.OrganisationNotFound()


async def check_member_of_station(reading: Reading, station_id: StationId) -> None:
    """Role first (MembersOnly), then ownership (StationNotFound)."""
    _check_any_member(reading.caller)
    row = await reading.fetch_row(STATION, station_id)
    owner = store.station_of(row).organisation_id if row else None
    if owner is None or reading.caller.role_in(owner) is None:
        raise station.StationNotFound()


def _check_any_member(caller: Caller) -> None:
    caller.require_user()
    if not caller.organisations:
        raise MembersOnly()

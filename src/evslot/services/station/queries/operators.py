"""What operators ask about their own stations."""

from evslot.services.station.domain.listing import Last, pack_cursor, unpack_cursor
from evslot.services.station.domain.states import OLDEST
from evslot.services.station.messages import ListStations, NotAnOperator, OwnStation, OwnStations
from evslot.services.user import messages as user
from evslot.spine.callers import Caller
from evslot.spine.handling import Queries
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reading
from evslot.values import OrganisationId

queries = Queries()

PAGE_LIMIT = 100

PAGE = """
select s.station_id, s.version, s.name, s.address, s.city, s.zone, s.status, s.changed_at,
  count(c.charger_id) as chargers,
  count(c.charger_id) filter (
    where c.state in ('BLOCKED', 'INOPERATIVE', 'OUTOFORDER') and c.state_source <> 'import'
      and c.state_at >= $6::timestamptz - case c.state_source
        when 'charger' then $7::interval else $8::interval end) as chargers_broken,
  (select t.body->>'name' from terms t
   where t.station_id = s.station_id and t.version = s.terms_version) as terms,
  (select t.body->>'currency' from tariff t
   where t.station_id = s.station_id and t.version = s.tariff_version) as currency
from station s left join charger c on c.station_id = s.station_id and not c.retired
where s.organisation_id = $1 and ($2::text is null or s.status = $2)
  and ($3::text is null or (s.name, s.station_id) > ($3, $4))
group by s.station_id
order by s.name, s.station_id
limit $5"""


@queries.on(ListStations)
async def list_stations(query: ListStations, reading: Reading) -> OwnStations:
    """For members of the organisation, viewers too."""
    _check_member(reading.caller, query.organisation_id)
    keys = reading.resource(Keys)
    last = unpack_cursor(query, keys.fingerprint)
    limit = max(1, min(query.limit, PAGE_LIMIT))
    rows = await reading.fetch(
        PAGE,
        query.organisation_id,
        query.status,
        last.name if last else None,
        last.station_id if last else None,
        limit + 1,
        reading.now,
        OLDEST["charger"],
        OLDEST["operator"],
    )
    stations = [OwnStation(**row) for row in rows[:limit]]
    if len(rows) <= limit:
        return OwnStations(stations=stations)
    end = Last(stations[-1].name, stations[-1].station_id)
    return OwnStations(stations=stations, next_cursor=pack_cursor(query, end, keys.fingerprint))


def _check_member(caller: Caller, organisation_id: OrganisationId) -> None:
    """Any role in the organisation will do; who belongs to none is told so first."""
    caller.require_user()
    if not caller.organisations:
        raise NotAnOperator("Only members of an organisation may see this.")
    if caller.role_in(organisation_id) is None:
        raise user.OrganisationNotFound

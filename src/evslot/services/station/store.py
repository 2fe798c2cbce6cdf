"""SQL of the write side: stations with all that belongs to them, and what occupies chargers."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from evslot.services.reservation.messages import Closure, Reservation
from evslot.services.station.domain.claims import LastImport
from evslot.services.station.messages import Charger, SampleState, StationView
from evslot.spine.transaction import Reading, Transaction
from evslot.values import ChargerId, StationId

# A station as messages.StationView in JSON; the caller says which ones.
VIEW = """
select jsonb_build_object(
  'station_id', s.station_id, 'organisation_id', s.organisation_id, 'version', s.version,
  'name', s.name, 'address', s.address, 'city', s.city, 'postcode', s.postcode,
  'district', s.district,
  'country', s.country, 'position',
  jsonb_build_object('latitude', s.latitude, 'longitude', s.longitude),
  'zone', s.zone, 'how_to_find', s.how_to_find, 'status', s.status, 'hours', s.hours,
  'rule', s.rule, 'source', s.source, 'licence', s.licence,
  'tariff', (select body from tariff t
             where t.station_id = s.station_id and t.version = s.tariff_version),
  'terms', (select body from terms t
            where t.station_id = s.station_id and t.version = s.terms_version),
  'chargers', coalesce(
    (select jsonb_agg(jsonb_build_object(
       'charger_id', c.charger_id, 'label', c.label, 'current', c.current,
       'accessible', c.accessible, 'own', c.own, 'state', c.state, 'state_source', c.state_source,
       'state_at', c.state_at, 'tariff',
       (select body from charger_tariff t
        where t.charger_id = c.charger_id and t.version = c.tariff_version), 'connectors', coalesce(
         (select jsonb_agg(jsonb_build_object(
            'standard', k.standard, 'cable', k.cable, 'max_watts', k.max_watts) order by k.number)
          from connector k where k.charger_id = c.charger_id), '[]')) order by c.number)
     from charger c where c.station_id = s.station_id and not c.retired), '[]')) as view
from station s
where s.station_id = any($1::uuid[])"""


async def select_stations(
    reader: Reading | Transaction, station_ids: Sequence[StationId]
) -> dict[StationId, StationView]:
    """Those that exist, by id."""
    rows = await reader.fetch(VIEW, station_ids)
    views = [msgspec.json.decode(row["view"], type=StationView) for row in rows]
    return {view.station_id: view for view in views}


async def select_station_ids(tx: Transaction, after: UUID | None, limit: int) -> list[StationId]:
    """A page of all stations, by id."""
    rows = await tx.fetch(
        """select station_id from station
           where $1::uuid is null or station_id > $1
           order by station_id limit $2""",
        after,
        limit,
    )
    return [StationId(row["station_id"]) for row in rows]


async def lock_imports(tx: Transaction) -> None:
    """One import at a time, for a lock on rows cannot hold those that are not there yet."""
    await tx.execute("select pg_advisory_xact_lock(hashtext('station import'))")


class StationRow(Struct, frozen=True, kw_only=True):
    """A station to write, with its id at the provider it was imported from."""

    view: StationView
    imported_from: str | None = None
    source_id: str | None = None


async def upsert_stations(tx: Transaction, rows: Sequence[StationRow]) -> bool:
    """Write stations as their views say, all in six statements; the state of chargers stays.

    False where one has another version than that before the written one: somebody was faster, or
    a new station's id is taken. The caller refuses then, which takes back what was written.
    """
    stations = msgspec.json.encode(rows).decode()
    if await tx.execute(_STATIONS, stations) < len(rows):
        return False
    # What is gone goes in a statement of its own, for its label may pass to another charger.
    for statement in (
        _GONE_CHARGERS,
        _CHARGERS,
        _CONNECTORS,
        _PRICES_AND_TERMS,
        _CHARGER_PRICES,
    ):
        await tx.execute(statement, stations)
    return True


async def select_last_imports(
    tx: Transaction, station_ids: Sequence[StationId]
) -> dict[StationId, LastImport]:
    """Of those that were imported, by id."""
    rows = await tx.fetch(
        """select station_id, last_import::text as told from station
           where station_id = any($1::uuid[]) and last_import is not null""",
        station_ids,
    )
    return {row["station_id"]: msgspec.json.decode(row["told"], type=LastImport) for row in rows}


async def update_last_imports(tx: Transaction, told: Mapping[StationId, LastImport]) -> None:
    """A station is none other for it: its version stays."""
    await tx.execute(
        """update station s set last_import = t.told::json
           from unnest($1::uuid[], $2::text[]) as t (station_id, told)
           where s.station_id = t.station_id""",
        list(told),
        [msgspec.json.encode(one).decode() for one in told.values()],
    )


_STATIONS = """
insert into station as s (
  station_id, organisation_id, version, status, name, address, city, postcode, country,
  how_to_find, latitude, longitude, zone, hours, rule, standards, most_watts, tariff_version,
  terms_version, imported_from, source_id, source, licence, district)
select v.station_id, v.organisation_id, v.version, v.status, v.name, v.address, v.city,
  v.postcode, v.country, v.how_to_find, (v.position->>'latitude')::float8,
  (v.position->>'longitude')::float8, v.zone, v.hours, v.rule, p.standards, p.most_watts,
  (v.tariff->>'version')::integer, (v.terms->>'version')::integer, r.imported_from,
  r.source_id, v.source, v.licence, coalesce(v.district, '')
from jsonb_to_recordset($1::jsonb) as r (view jsonb, imported_from text, source_id text),
  jsonb_to_record(r.view) as v (
    station_id uuid, organisation_id uuid, version integer, status text, name text, address text,
    city text, postcode text, country text, how_to_find text, position jsonb, zone text,
    hours jsonb, rule jsonb, tariff jsonb, terms jsonb, chargers jsonb, source text,
    licence text, district text),
  lateral (
    select coalesce(array_agg(distinct k.plug->>'standard'), '{}') as standards,
      coalesce(max((k.plug->>'max_watts')::integer), 0) as most_watts
    from jsonb_array_elements(v.chargers) as c (charger),
      jsonb_array_elements(c.charger->'connectors') as k (plug)) as p
order by v.station_id
on conflict (station_id) do update set
  organisation_id = excluded.organisation_id, version = excluded.version,
  status = excluded.status, name = excluded.name, address = excluded.address,
  city = excluded.city, postcode = excluded.postcode, country = excluded.country,
  how_to_find = excluded.how_to_find, latitude = excluded.latitude,
  longitude = excluded.longitude, zone = excluded.zone, hours = excluded.hours,
  rule = excluded.rule, standards = excluded.standards, most_watts = excluded.most_watts,
  tariff_version = excluded.tariff_version,
  terms_version = excluded.terms_version,
  imported_from = coalesce(excluded.imported_from, s.imported_from),
  source_id = coalesce(excluded.source_id, s.source_id),
  source = excluded.source, licence = excluded.licence,
  district = excluded.district, changed_at = now()
where s.version = excluded.version - 1"""

_GONE_CHARGERS = """
update charger set retired = true
from jsonb_to_recordset($1::jsonb) as r (view jsonb)
where charger.station_id = (r.view->>'station_id')::uuid and not charger.retired
  and not exists (select from jsonb_array_elements(r.view->'chargers') as c (charger)
                  where (c.charger->>'charger_id')::uuid = charger.charger_id)"""

_CHARGERS = """
insert into charger (
  charger_id, station_id, number, label, current, accessible, own, tariff_version)
select (c.charger->>'charger_id')::uuid, (r.view->>'station_id')::uuid, c.number,
  c.charger->>'label', c.charger->>'current', (c.charger->>'accessible')::boolean,
  (c.charger->>'own')::boolean, (c.charger->'tariff'->>'version')::integer
from jsonb_to_recordset($1::jsonb) as r (view jsonb),
  jsonb_array_elements(r.view->'chargers') with ordinality as c (charger, number)
on conflict (charger_id) do update set
  number = excluded.number, label = excluded.label, current = excluded.current,
  accessible = excluded.accessible, tariff_version = excluded.tariff_version, retired = false"""

_CONNECTORS = """
with wanted as (
  select (c.charger->>'charger_id')::uuid as charger_id, k.number, k.plug
  from jsonb_to_recordset($1::jsonb) as r (view jsonb),
    jsonb_array_elements(r.view->'chargers') as c (charger),
    jsonb_array_elements(c.charger->'connectors') with ordinality as k (plug, number)),
gone as (
  delete from connector k
  using jsonb_to_recordset($1::jsonb) as r (view jsonb),
    jsonb_array_elements(r.view->'chargers') as c (charger)
  where k.charger_id = (c.charger->>'charger_id')::uuid
    and not exists (select from wanted w
                    where w.charger_id = k.charger_id and w.number = k.number))
insert into connector (charger_id, number, standard, cable, max_watts)
select charger_id, number, plug->>'standard', (plug->>'cable')::boolean,
  (plug->>'max_watts')::integer
from wanted
on conflict on constraint connector_pk do update set
  standard = excluded.standard, cable = excluded.cable, max_watts = excluded.max_watts"""

_PRICES_AND_TERMS = """
with views as (select view from jsonb_to_recordset($1::jsonb) as r (view jsonb)),
prices as (
  insert into tariff (station_id, version, body)
  select (view->>'station_id')::uuid, (view->'tariff'->>'version')::integer, view->'tariff'
  from views where view->'tariff'->>'version' is not null
  on conflict on constraint tariff_pk do nothing)
insert into terms (station_id, version, body)
select (view->>'station_id')::uuid, (view->'terms'->>'version')::integer, view->'terms'
from views where view->'terms'->>'version' is not null
on conflict on constraint terms_pk do nothing"""


_CHARGER_PRICES = """
insert into charger_tariff (charger_id, version, body)
select (c.charger->>'charger_id')::uuid, (c.charger->'tariff'->>'version')::integer,
  c.charger->'tariff'
from jsonb_to_recordset($1::jsonb) as r (view jsonb),
  jsonb_array_elements(r.view->'chargers') as c (charger)
where c.charger->'tariff'->>'version' is not null
on conflict on constraint charger_tariff_pk do nothing"""


async def lock_station(tx: Transaction, station_id: StationId) -> StationView | None:
    """The station, changed by nobody else until the end of this transaction."""
    await tx.fetch("select from station where station_id = $1 for update", station_id)
    return (await select_stations(tx, [station_id])).get(station_id)


async def charger_exists(tx: Transaction, charger_id: ChargerId) -> bool:
    """At whatever station, retired ones too."""
    found: bool = await tx.fetch_value(
        "select exists (select from charger where charger_id = $1)", charger_id
    )
    return found


async def update_charger_state(tx: Transaction, charger: Charger) -> int:
    """Answers the version of the state: it counts on with each."""
    version: int = await tx.fetch_value(
        """update charger
           set state = $2, state_source = $3, state_at = $4, state_version = state_version + 1
           where charger_id = $1 returning state_version""",
        charger.charger_id,
        charger.state,
        charger.state_source,
        charger.state_at,
    )
    return version


class Said(Struct, frozen=True, kw_only=True):
    """Of which charger something was said, and the version of its state."""

    charger_id: ChargerId
    station_id: StationId
    version: int


async def update_older_states(tx: Transaction, states: Sequence[SampleState]) -> list[Said]:
    """Those chargers of which nothing was said since."""
    rows = await tx.fetch(
        """update charger c
           set state = t.state, state_source = 'operator', state_at = t.at,
             state_version = state_version + 1
           from unnest($1::uuid[], $2::text[], $3::timestamptz[]) as t (charger_id, state, at)
           where c.charger_id = t.charger_id and not c.retired
             and (c.state_at is null or c.state_at < t.at)
           returning c.charger_id, c.station_id, c.state_version as version""",
        [one.charger_id for one in states],
        [one.state for one in states],
        [one.at for one in states],
    )
    return [Said(**dict(row)) for row in rows]


async def upsert_busy(tx: Transaction, reservation: Reservation, version: int) -> None:
    """What a booking occupies, unless a later version of it is known already."""
    await tx.execute(
        """insert into busy (ref, version, station_id, charger_id, kind, state, occupies, period,
             occupied, held_until)
           values ($1, $2, $3, $4, 'reservation', $5, $6, tstzrange($7, $8), tstzrange($9, $10),
             $11)
           on conflict (ref) do update set
             version = excluded.version, charger_id = excluded.charger_id,
             state = excluded.state, occupies = excluded.occupies, period = excluded.period,
             occupied = excluded.occupied, held_until = excluded.held_until, changed_at = now()
           where busy.version < excluded.version""",
        reservation.reservation_id,
        version,
        reservation.station_id,
        reservation.charger_id,
        reservation.state,
        reservation.state in ("held", "confirmed", "active"),
        reservation.period.start,
        reservation.period.end,
        reservation.occupied.start,
        reservation.occupied.end,
        reservation.held_until if reservation.state == "held" else None,
    )


async def upsert_closure(tx: Transaction, closure: Closure) -> None:
    """What a closure occupies, unless a later version of it is known already."""
    await tx.execute(
        """with standing as (
             insert into busy (ref, version, station_id, charger_id, kind, state, occupies,
               period, occupied, closure_id)
             select c.ref, $2, $3, c.charger_id, 'closure', $4, $4 = 'standing',
               tstzrange($5, $6), tstzrange($5, $6), $1
             from unnest($7::uuid[], $8::uuid[]) as c (ref, charger_id)
             on conflict (ref) do update set
               version = excluded.version, state = excluded.state, occupies = excluded.occupies,
               period = excluded.period, occupied = excluded.occupied, changed_at = now()
             where busy.version < excluded.version)
           update busy set version = $2, occupies = false, changed_at = now()
           where closure_id = $1 and version < $2 and charger_id <> all($8::uuid[])""",
        closure.closure_id,
        closure.version,
        closure.station_id,
        closure.state,
        closure.period.start,
        closure.period.end,
        [uuid5(closure.closure_id, str(charger_id)) for charger_id in closure.charger_ids],
        closure.charger_ids,
    )


async def delete_old_busy(tx: Transaction, kept: timedelta, limit: int) -> int:
    """Forget what ended, and was last heard of, longer ago than `kept`; answers how many."""
    return await tx.execute(
        """delete from busy where ref in (
             select ref from busy
             where changed_at < now() - $1::interval
               and (not occupies or upper(occupied) < now() - $1::interval
                    or held_until < now() - $1::interval)
             order by changed_at limit $2)""",
        kept,
        limit,
    )


async def places_are_old(tx: Transaction) -> bool:
    """Whether a station may have changed since they were made.

    A change bears the time its transaction began, so late ones are looked for a while longer.
    """
    return bool(
        await tx.fetch_value(
            """select (select max(changed_at) from station) > at - interval '20 seconds'
               from places_made"""
        )
    )


async def replace_places(tx: Transaction) -> None:
    """Make them anew from the stations that are shown."""
    await tx.execute("update places_made set at = now()")
    await tx.execute("delete from place")
    await tx.execute("insert into place select * from places_of_stations()")

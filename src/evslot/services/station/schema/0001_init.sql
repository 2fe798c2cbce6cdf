-- Stations, what they cost and by which rules; and a view of what occupies their chargers.

create extension if not exists cube;        -- places on the globe, nearest first
create extension if not exists btree_gist;  -- a charger and a period in one index

-- Metres from the centre of the earth (mean radius, IUGG) in three axes: no seam at the date
-- line, no shrinking towards the poles. The chord between two places grows with the way between.
create function on_globe(latitude float8, longitude float8) returns cube
language sql immutable strict parallel safe
return cube(array[
  6371008.8 * cos(radians(latitude)) * cos(radians(longitude)),
  6371008.8 * cos(radians(latitude)) * sin(radians(longitude)),
  6371008.8 * sin(radians(latitude))]);

create table station (
  station_id uuid primary key,
  -- Null: imported and claimed by nobody yet.
  organisation_id uuid,
  version integer not null constraint station_version_counts check (version > 0),
  -- listed: shown, not bookable. bookable: slots can be quoted. retired: nothing new, live
  -- bookings are rescued, history stays; no search finds it.
  status text not null constraint station_status_known
    check (status in ('listed', 'bookable', 'retired')),
  name text not null,
  address text not null,
  city text not null,
  postcode text not null,
  country text not null,
  how_to_find text not null,
  latitude float8 not null constraint station_latitude_on_globe check (abs(latitude) <= 90),
  longitude float8 not null constraint station_longitude_on_globe check (abs(longitude) <= 180),
  place cube not null generated always as (on_globe(latitude, longitude)) stored,
  zone text not null,
  -- Weekly hours and dated exceptions, minutes of local wall time (messages.Hours).
  hours jsonb not null,
  -- Grid, lengths, buffer and notice in minutes (messages.SlotRule).
  rule jsonb not null,
  -- All plugs there, and the strongest's power (0: not known): a search asks these first.
  standards text[] not null,
  most_watts integer not null,
  -- The versions that new quotes use; null where nobody has named any.
  tariff_version integer,
  terms_version integer,
  -- Of an import: format, id there, the data's provider and licence.
  imported_from text,
  source_id text,
  source text,
  licence text,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  constraint station_bookable_has_owner_and_price check (
    status <> 'bookable'
    or (organisation_id is not null and tariff_version is not null and terms_version is not null)),
  constraint station_import_has_id check ((imported_from is null) = (source_id is null)),
  -- One record of a provider is one station.
  constraint station_source_unique unique (imported_from, source_id)
);
create index station_near on station using gist (place) where status <> 'retired';
create index station_of_organisation on station (organisation_id);

create table charger (
  charger_id uuid primary key,
  station_id uuid not null references station,
  -- Order in the station, from 1.
  number integer not null,
  label text not null constraint charger_label_short check (length(label) between 1 and 3),
  current text not null constraint charger_current_known check (current in ('AC', 'DC')),
  accessible boolean not null,
  -- Gone from the station: not shown, nothing new, its bookings' history stays.
  retired boolean not null default false,
  -- An OCPI Status or not_known, who said so, when: an old state is shown as not known.
  state text not null default 'not_known',
  state_source text constraint charger_state_source_known
    check (state_source in ('operator', 'driver', 'charger', 'import')),
  state_at timestamptz
);
create index charger_of_station on charger (station_id, number);
create unique index charger_label_once on charger (station_id, label) where not retired;

create table connector (
  charger_id uuid not null references charger,
  number integer not null,
  -- An OCPI ConnectorType.
  standard text not null,
  cable boolean not null,
  -- Null: not known.
  max_watts integer constraint connector_watts_positive check (max_watts > 0),
  constraint connector_pk primary key (charger_id, number)
);

-- Prices are never changed, a new version is written: a quote names the one it used.
create table tariff (
  station_id uuid not null references station,
  version integer not null,
  -- Gross, minor units (messages.Tariff).
  body jsonb not null,
  made_at timestamptz not null default now(),
  constraint tariff_pk primary key (station_id, version)
);

-- Likewise the rules of a booking (values.Terms).
create table terms (
  station_id uuid not null references station,
  version integer not null,
  body jsonb not null,
  made_at timestamptz not null default now(),
  constraint terms_pk primary key (station_id, version)
);

-- A view of the reservation service's events: what occupies a charger. It may be milliseconds
-- old and never decides. A row that is over or free again stays for a while, so that an event
-- that is read again cannot bring an older version back.
create table busy (
  -- The reservation, closure or walk-in.
  ref uuid primary key,
  version integer not null,
  station_id uuid not null,
  charger_id uuid not null,
  -- reservation; closures, offers and walk-ins are to come.
  kind text not null,
  -- As the reservation service names it.
  state text not null,
  -- Whether this state takes the charger.
  occupies boolean not null,
  period tstzrange not null,
  -- With the buffer.
  occupied tstzrange not null,
  -- A hold that has lapsed counts as free, whether or not its end was heard of.
  held_until timestamptz,
  changed_at timestamptz not null default now()
);
create index busy_at_charger on busy using gist (charger_id, occupied) where occupies;
create index busy_over on busy (changed_at);

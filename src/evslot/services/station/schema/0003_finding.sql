-- Finding stations: near a place, by the name of a place, and what is taken there.

create extension if not exists pg_trgm;  -- places by their names, slips forgiven

-- Part of the city; empty where nobody said so.
alter table station add column district text not null default '';

-- A search asks for all chargers of a station at once: one look instead of one for each.
create index busy_at_station on busy using gist (station_id, occupied) where occupies;

-- Few chargers have prices of their own.
create index charger_own_prices on charger (station_id) where tariff_version is not null;

-- OCPI asks for what changed since.
create index station_changed on station (changed_at);

-- The stations around a place that have what is wanted, nearest first, after a given one.
-- Walks the index in the order of distance. A function, because only so can the way of looking
-- be set: the planner takes "in reach" for rarer than it is, and would fetch all that is in reach
-- to sort it. Within `reach` of `middle`; `box`: null, or south, north, west, east in degrees.
create function stations_near(
  here cube, middle cube, reach float8, box float8[], only_bookable boolean, with_standard text,
  with_watts integer, with_current text, with_access boolean,
  after_chord float8, after_station uuid, most integer)
returns table (station_id uuid, chord float8)
language plpgsql stable
set enable_bitmapscan = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return query
    select s.station_id, s.place <-> here
    from station s
    where s.status <> 'retired' and (s.status = 'bookable' or not only_bookable)
      and s.place <@ cube_enlarge(middle, reach, 3)
      and (box is not null or s.place <-> here <= reach)
      and (s.place <-> here, s.station_id) > (after_chord, after_station)
      and (with_standard is null or s.standards @> array[with_standard])
      and (with_watts is null or s.most_watts >= with_watts)
      and (box is null or (
        s.latitude between box[1] and box[2]
        and case when box[3] <= box[4] then s.longitude between box[3] and box[4]
                 else s.longitude >= box[3] or s.longitude <= box[4] end))
      -- One charger must have it all.
      and ((with_current is null and not with_access
            and (with_standard is null or with_watts is null))
        or exists (
          select from charger c
          where c.station_id = s.station_id and not c.retired
            and (with_current is null or c.current = with_current)
            and (c.accessible or not with_access)
            and ((with_standard is null and with_watts is null) or exists (
              select from connector k
              where k.charger_id = c.charger_id
                and (with_standard is null or k.standard = with_standard)
                and (with_watts is null or k.max_watts >= with_watts)))))
    order by s.place <-> here, s.station_id
    limit most;
end $$;

-- How names are compared: no capitals, no accents, one space.
create function folded(name text) returns text
language sql immutable strict parallel safe
return lower(replace(
  regexp_replace(regexp_replace(normalize(name, nfkd), '[\u0300-\u036f]', '', 'g'), '\s+', ' ', 'g'),
  'ß', 'ss'));

alter table station add column folded text not null generated always as (folded(name)) stored;
create index station_named on station using gin (folded gin_trgm_ops) where status <> 'retired';
create index station_named_from on station (folded text_pattern_ops) where status <> 'retired';

-- What one can search around besides stations: cities, districts, postcodes, made anew from the
-- stations there whenever one changed.
create table place (
  kind text not null constraint place_kind_known check (kind in ('city', 'district', 'postcode')),
  country text not null,
  city text not null,
  name text not null,
  folded text not null,
  -- The middle of its stations, and how far the furthest is from it.
  latitude float8 not null,
  longitude float8 not null,
  radius_metres integer not null,
  stations integer not null,
  constraint place_pk primary key (kind, country, city, name)
);
create index place_named on place using gin (folded gin_trgm_ops);

-- One row: when places were made the last time.
create table places_made (
  sole boolean primary key default true constraint places_made_once check (sole),
  at timestamptz not null default '-infinity'
);
insert into places_made default values;

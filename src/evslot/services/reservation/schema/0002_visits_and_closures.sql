-- Check-in and completion, bookings of a kind, closures, and whose stations they are.

alter table reservation
  add column checked_in_at timestamptz,
  add column completed_at  timestamptz,     -- when it ended: by somebody's act, or its own end
  add column kind_of       jsonb;           -- what was wished, where kind = 'fitting'

-- What ends by itself, once its time and the buffer after it are over.
create index reservation_ending on reservation (upper(occupied))
  where state in ('confirmed', 'active');
-- What operators see, of all their stations or of one. One index: holds pay for each.
create index reservation_organisation_list
  on reservation (organisation_id, lower(period) desc, reservation_id desc);
-- Reasons that somebody wrote, to be cleared when that person is erased.
create index story_reason_by on story (by_user) where reason is not null;

-- Whose a station is and which chargers it has, as `station-events` say.
create table station (
  station_id       uuid primary key,
  version          int not null,
  organisation_id  uuid,                    -- null while nobody has claimed it
  charger_ids      uuid[] not null
);

-- Chargers that an operator took out of use. What a closure occupies is in `occupancy`: its gaps
-- at once, the rest piece by piece in the transaction that frees it.
create table closure (
  closure_id       uuid primary key,
  version          int not null,
  station_id       uuid not null,
  organisation_id  uuid not null,
  charger_ids      uuid[] not null,
  during           tstzrange not null,
  reason           text not null,
  state            text not null
    constraint closure_state check (state in (
      'standing',   -- occupies, and takes what gets free
      'lifted'      -- over before its time
    )),
  created_by       uuid not null,
  created_at       timestamptz not null,
  changed_at       timestamptz not null,
  constraint closure_during check (
    not isempty(during) and lower(during) is not null and upper(during) is not null),
  constraint closure_chargers check (cardinality(charger_ids) > 0)
);
create index closure_standing on closure (station_id) where state = 'standing';
create index closure_list on closure (station_id, lower(during) desc, closure_id desc);
create index closure_reason_by on closure (created_by) where reason <> '';

-- The bookings that lived when a closure was set: those it touches.
create table closure_touched (
  closure_id      uuid not null references closure,
  reservation_id  uuid not null references reservation,
  primary key (closure_id, reservation_id)
);

-- Pieces of closures whose time is over, to be swept.
create index occupancy_closed on occupancy (upper(during)) where kind = 'closure';

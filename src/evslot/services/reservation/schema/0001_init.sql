-- Everything that occupies a charger, and the bookings it belongs to.

create extension if not exists btree_gist;

-- The record of a booking. It stays when the booking is over; what it claims is in `occupancy`.
create table reservation (
  reservation_id   uuid primary key,        -- UUIDv8 with the station's bucket: the record key
  version          int not null,            -- 1, 2, 3 … one event and one story row each
  state            text not null
    constraint reservation_state check (state in (
      'held',       -- takes the slot, unpaid, until held_until (OCPI: PENDING)
      'confirmed',  -- paid, or costs nothing (RESERVED)
      'active',     -- checked in (FULFILLED)
      'completed',  -- was used or is over (FULFILLED)
      'released',   -- a hold that was given up (CANCELED)
      'expired',    -- a hold that was not paid in time (CANCELED)
      'cancelled',  -- a confirmed booking that was given up; fee_amount is what it cost (CANCELED)
      'no_show'     -- nobody came, by evidence (NO_SHOW)
    )),
  station_id       uuid not null,
  organisation_id  uuid not null,           -- who may see and cancel it as operator
  charger_id       uuid,                    -- null while a booking of a kind has no charger yet
  charger_label    text not null,
  station_name     text not null,
  zone             text not null,           -- IANA zone of the station: what a day is
  driver_id        uuid not null,           -- who comes
  payer_id         uuid not null,           -- who pays
  created_by       uuid not null,           -- who booked it: the driver, or staff on the phone
  vehicle_id       uuid,
  kind             text not null
    constraint reservation_kind check (kind in (
      'charger',    -- of this charger
      'fitting'     -- of any charger that fits; assigned later
    )),
  period           tstzrange not null,      -- what was booked
  occupied         tstzrange not null,      -- with the buffer after it
  held_until       timestamptz,             -- stays after the hold: when it lapsed or would have
  prolonged        boolean not null,        -- a hold is prolonged once
  confirmed_at     timestamptz,
  total_amount     bigint not null,         -- gross, minor units
  currency         text not null,
  lines            jsonb not null,          -- price lines with VAT; they add up to the total
  terms            jsonb not null,          -- frozen when quoted
  terms_version    int not null,
  tariff_version   int not null,
  quote_id         uuid not null,
  code             text not null,           -- 6 characters for staff and phone
  payment_id       uuid,                    -- of the latest attempt
  payment_state    text
    constraint reservation_payment_state check (payment_state in (
      'authorising',      -- the provider was asked
      'challenge',        -- the provider wants the customer
      'authorised',       -- promised
      'captured',         -- taken (prepay, or the fee of a cancellation)
      'declined',         -- a no; a hold may be paid again
      'voided',           -- the promise was let go
      'refunded',         -- all given back
      'partly_refunded'   -- the fee was kept
    )),
  fee_amount       bigint,                  -- what a cancellation kept
  created_at       timestamptz not null,
  changed_at       timestamptz not null,

  constraint reservation_charger_known check (kind = 'fitting' or charger_id is not null),
  constraint reservation_period check (
    not isempty(period) and lower(period) is not null and upper(period) is not null
    and occupied @> period),
  constraint reservation_hold_ends check (state <> 'held' or held_until is not null),
  constraint reservation_confirmed check (
    state not in ('confirmed', 'active', 'completed', 'no_show') or confirmed_at is not null),
  constraint reservation_total check (total_amount >= 0),
  constraint reservation_fee check (fee_amount between 0 and total_amount),
  constraint reservation_payment check ((payment_id is null) = (payment_state is null))
) with (fillfactor = 80);

-- Lapsed holds, for the sweep; and on the chargers that somebody wants now.
create index reservation_lapsing on reservation (held_until) where state = 'held';
create index reservation_held_on on reservation (charger_id) where state = 'held';
-- A driver's own: what is live (quota, vehicle, adjoining slots), what lapsed, and the list.
create index reservation_driver_live on reservation (driver_id)
  where state in ('held', 'confirmed', 'active');
create index reservation_driver_lapsed on reservation (driver_id, held_until)
  where state = 'expired';
create index reservation_driver_list
  on reservation (driver_id, lower(period) desc, reservation_id desc);

-- The claim on a charger. A row exists if and only if it occupies. One ref may claim in pieces:
-- a buffer that was cut for the driver's own next slot comes back as a row of its own.
create table occupancy (
  station_id  uuid not null,
  charger_id  uuid not null,
  during      tstzrange not null,           -- with the buffer
  kind        text not null
    constraint occupancy_kind check (kind in (
      'hold',       -- a reservation that is held
      'booking',    -- a reservation that is confirmed or active
      'offer',      -- kept for somebody on the waiting list
      'walk_in',    -- somebody is there without a booking
      'closure'     -- the operator took it out of use
    )),
  ref         uuid not null,                -- the reservation, offer, walk-in or closure
  held_until  timestamptz,                  -- holds and offers: worth nothing after this
  primary key (ref, charger_id, during),
  constraint occupancy_during check (not isempty(during)),
  constraint occupancy_held check ((kind in ('hold', 'offer')) = (held_until is not null)),
  -- The guard of the whole system: no charger is claimed twice at any moment. Not deferrable,
  -- because a deferrable one cannot serve ON CONFLICT.
  constraint occupancy_no_overlap exclude using gist (charger_id with =, during with &&)
);

-- What happened to a booking, one row a version.
create table story (
  reservation_id  uuid not null references reservation,
  version         int not null,
  at              timestamptz not null,
  what            text not null,            -- held, hold_prolonged, confirmed, cancelled, …
  by_role         text not null
    constraint story_by_role check (by_role in ('driver', 'operator', 'payment', 'system')),
  by_user         uuid,                     -- drivers never see this
  reason          text,
  evidence        jsonb,                    -- what a fact that costs a driver money rests on
  primary key (reservation_id, version)
);

-- One row a driver, locked (sorted by id) before rules that cross stations are judged: live
-- holds, pauses after lapsed holds, one vehicle in one place. The rules read the bookings
-- themselves, so there is no count here that could drift.
create table driver_use (
  driver_id     uuid primary key,
  last_hold_at  timestamptz not null        -- when the driver last asked for a slot
) with (fillfactor = 70);

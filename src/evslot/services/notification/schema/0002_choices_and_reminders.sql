-- Choices, read marks, bookings as last heard (calendar files, reminders), receipts to attach.

-- What is known of a person: never an address or a name.
create table person (
  user_id      uuid primary key,
  language     text,                           -- of texts; null until it was heard
  switched     jsonb not null default '{}',    -- {"reservation_soon/email": false}: what is off
  erased_at    timestamptz                     -- nothing is told about them any more
);

alter table notification
  add column listed boolean not null default true,  -- false: mailed only, by the person's choice
  add column read_at timestamptz;
create index notification_unread on notification (user_id, created_at desc)
  where user_id is not null and listed and read_at is null;

-- A mail may wait for the receipt it carries, and may not be wanted.
alter table delivery
  add column due_at timestamptz,               -- of 'waiting': mailed without the receipt then
  add column asked integer not null default 0, -- how often the receipt was asked for
  drop constraint delivery_state_known,
  add constraint delivery_state_known check (state in (
    'waiting',    -- for the receipt, until due_at
    'asking',     -- the user service was asked for the address
    'sending',    -- a job tries to hand it to the mail server
    'delivered',  -- the mail server took it at delivered_at
    'failed',     -- given up; `failure` says why, never to which address
    'stale',      -- the fact was too old to be news when it was heard; only in the list
    'off'         -- the person does not want this kind by mail
  )),
  add constraint delivery_waiting_has_end check (state <> 'waiting' or due_at is not null);
create index delivery_waiting on delivery (due_at) where state = 'waiting';

-- Bookings that were confirmed, as last heard.
create table booking (
  reservation_id  uuid primary key,
  driver_id       uuid not null,
  version         integer not null,            -- of the booking: what is older changes nothing
  state           text not null,
  payment_id      uuid,
  facts           jsonb not null,              -- what texts and the calendar file say
  ends_at         timestamptz not null
);
create index booking_of_driver on booking (driver_id);
create index booking_by_payment on booking (payment_id) where payment_id is not null;
create index booking_by_end on booking (ends_at);

-- A row exists until it was told, or the booking is cancelled, begun or over.
create table reminder (
  reservation_id  uuid not null references booking on delete cascade,
  kind            text not null,
  due_at          timestamptz not null,
  constraint reminder_once primary key (reservation_id, kind)
);
create index reminder_due on reminder (due_at);

-- Receipts that were heard of: which payment has one.
create table receipt (
  payment_id  uuid primary key,
  heard_at    timestamptz not null
);
create index receipt_by_age on receipt (heard_at);

-- Pieces of a receipt's PDF on their way into a mail; gone once the job has them.
create table receipt_part (
  notification_id  uuid not null references notification,
  part             integer not null,
  parts            integer not null,
  content          bytea not null,
  constraint receipt_part_once primary key (notification_id, part)
);

-- For tidying: the oldest first.
create index notification_by_age on notification (created_at);

-- What people were told, and how each telling was delivered. No address and no name lies here:
-- they are asked for when a mail is sent and live, sealed, in the job that sends it.

-- One row per fact and person, whatever the channels.
create table notification (
  notification_id  uuid primary key,           -- UUIDv5 of what it tells to whom: a repeat is the same
  user_id          uuid,                       -- null: somebody without an account yet (sign-in code)
  kind             text not null,              -- account_code, reservation_confirmed, …
  subject_id       uuid,                       -- the reservation it is about
  subject_version  integer,                    -- its version: republished facts tell nothing new
  facts            jsonb not null,             -- what the texts say, without personal data
  language         text not null,              -- of the text; the person's as soon as it is known
  version          integer not null default 1,
  created_at       timestamptz not null,
  -- The same event heard twice, or republished under another id, is one notification.
  constraint notification_once unique (user_id, kind, subject_id, subject_version)
);

-- The in-app list of a person, newest first, read by keyset.
create index notification_of_user on notification (user_id, created_at desc, notification_id desc)
  where user_id is not null;

-- One row per notification and channel.
create table delivery (
  notification_id  uuid not null references notification,
  channel          text not null
    constraint delivery_channel_known check (channel in ('email')),
  state            text not null
    constraint delivery_state_known check (state in (
      'asking',     -- the user service was asked for the address
      'sending',    -- a job tries to hand it to the mail server
      'delivered',  -- the mail server took it at delivered_at
      'failed',     -- given up; `failure` says why, never to which address
      'stale'       -- the fact was too old to be news when it was heard; only in the list
    )),
  failure          text,
  changed_at       timestamptz not null,
  delivered_at     timestamptz,
  constraint delivery_once primary key (notification_id, channel),
  constraint delivery_delivered_has_time check ((state = 'delivered') = (delivered_at is not null)),
  constraint delivery_failed_has_reason check ((state = 'failed') = (failure is not null))
);

-- For operators: what is on its way or went wrong.
create index delivery_not_done on delivery (state, changed_at) where state <> 'delivered';

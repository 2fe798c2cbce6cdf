-- What every service's database has: inbox, outbox, timers, asks, jobs, leases.

-- One row per command that had an effect (or is having one). The insert is the first statement of
-- a batch: it is the fence against zombies, rebalances and repeats.
create table inbox (
  command_id   uuid primary key,
  fingerprint  bytea not null,            -- HMAC of the unsealed body: same key, other body = 422
  type         text not null,
  state        text not null default 'open'
    constraint inbox_state check (state in (
      'open',       -- a handler said LATER; who asks again joins `waiting`
      'answered',   -- `answer` is what every repeat gets
      'failed'      -- went to the dead topic; a repeat is answered 500, never replayed as done
    )),
  answer       bytea,                     -- JSON of Answer; sealed fields sealed to ourselves
  waiting      jsonb not null default '[]'
    constraint inbox_waiting_bounded check (jsonb_array_length(waiting) <= 8),
  received_at  timestamptz not null default now(),
  answered_at  timestamptz
) with (fillfactor = 70);                 -- room for the answer: updates stay on the page (HOT)
create index inbox_received on inbox using brin (received_at);

-- What leaves the service, written with the state it belongs to; the relay publishes it.
create table outbox (
  id          bigint generated always as identity,
  created_at  timestamptz not null default now(),
  topic       text not null,
  key         text,
  envelope    bytea not null,             -- JSON of Envelope
  body        bytea not null,
  sent_at     timestamptz,
  primary key (id, created_at)
) partition by range (created_at);
create index outbox_unsent on outbox (id) where sent_at is null;
create table outbox_rest partition of outbox default;

-- Daily partitions: made two days ahead, dropped when all is sent and a day old.
create function outbox_partitions() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  day date;
  name text;
  unsent boolean;
begin
  for i in 0..2 loop
    day := (now() at time zone 'UTC')::date + i;
    name := 'outbox_' || to_char(day, 'YYYYMMDD');
    if to_regclass('public.' || name) is null
       and not exists (select from outbox_rest
                       where created_at >= day::timestamp at time zone 'UTC'
                         and created_at < (day + 1)::timestamp at time zone 'UTC') then
      execute format(
        'create table %I partition of outbox for values from (%L) to (%L)',
        name, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
    end if;
  end loop;
  for name in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'outbox'::regclass and c.relname ~ '^outbox_\d{8}$'
      and to_date(right(c.relname, 8), 'YYYYMMDD') < (now() at time zone 'UTC')::date - 1
  loop
    execute format('select exists (select from %I where sent_at is null)', name) into unsent;
    if not unsent then
      execute format('drop table %I', name);
    end if;
  end loop;
end $$;
select outbox_partitions();

-- Commands to send at a time of the database's clock.
create table timer (
  id        uuid primary key,
  due_at    timestamptz not null,
  topic     text not null,
  key       text,
  envelope  bytea not null,
  body      bytea not null
);
create index timer_due on timer (due_at);

-- Questions to other services whose answers come back to a handler of ours.
create table ask (
  command_id   uuid primary key,
  step         text not null,             -- the handler: @handlers.answered(step)
  about        uuid not null,             -- what it belongs to: a saga, a notification
  context      jsonb not null default 'null',
  type         text not null,
  topic        text not null,
  key          text,
  envelope     bytea not null,
  body         bytea not null,            -- sealed for the receiver; the same bytes are sent again
  asked_at     timestamptz not null default now(),
  send_again_at timestamptz not null default now() + interval '15 seconds',
  answered_at  timestamptz
);
create index ask_unanswered on ask (send_again_at) where answered_at is null;
create index ask_about on ask (about);

-- Slow work with the outside world; workers lease rows by the database's clock.
create table job (
  id            uuid primary key,         -- stable over attempts: the idempotency key outside
  kind          text not null,
  payload       bytea not null,           -- sealed fields sealed to ourselves; emptied at the end
  state         text not null default 'ready'
    constraint job_state check (state in (
      'ready',      -- waits for run_at
      'running',    -- leased until leased_until; an unfinished lease runs again
      'done',       -- its result handler has committed
      'failed'      -- attempts or deadline used up; the result handler was told
    )),
  attempt       int not null default 0,
  run_at        timestamptz not null default now(),
  leased_until  timestamptz,
  deadline_at   timestamptz not null,
  error         text,
  created_at    timestamptz not null default now(),
  finished_at   timestamptz
);
create index job_waiting on job (kind, run_at) where state in ('ready', 'running');
create index job_finished on job (finished_at) where state in ('done', 'failed');

-- One owner per duty (relay, timers, periodic work), judged by the database's clock. The epoch
-- grows with each change of owner and fences what a paused one still tries to write.
create table lease (
  name   text primary key,
  owner  text not null,
  epoch  bigint not null,
  until  timestamptz not null
);

-- A gap in an event stream that a view cannot close by itself: ask for `evslot republish`.
create table event_gap (
  topic      text not null,
  partition  int not null,
  seen_at    timestamptz not null default now(),
  closed_at  timestamptz,
  primary key (topic, partition, seen_at)
);

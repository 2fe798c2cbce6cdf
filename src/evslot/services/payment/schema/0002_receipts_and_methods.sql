-- What was bought, receipts and credit notes, saved methods, and events a provider sends by itself.

-- What a payment is for, as its receipt names it; payments of before have none.
create table purchase (
  payment_id  uuid primary key references payment,
  bought      jsonb not null
);

-- Ids that were voided before they were known: an authorise that comes after that (a replay of a
-- dead one, whose saga has turned back long ago) must not promise anybody's money any more.
create table stopped_payment (
  payment_id  uuid primary key,
  stopped_at  timestamptz not null default now()
);

-- Money has moved and its paper is to be written, as soon as the seller's legal block is there.
create table receipt_due (
  receipt_id       uuid primary key,
  payment_id       uuid not null references payment,
  movement_id      uuid not null,             -- the provider call that moved the money
  organisation_id  uuid not null,
  kind             text not null
    constraint receipt_due_kind_known check (kind in ('receipt', 'credit_note')),
  amount           bigint not null constraint receipt_due_amount_positive check (amount > 0),
  moved_at         timestamptz not null,
  place            bigint generated always as identity,  -- in which order they are written
  rounds           int not null default 0,               -- how often the seller was asked for
  ask_again_at     timestamptz                           -- null while an answer is awaited
);
create index receipt_due_of_payment on receipt_due (payment_id, place);
create index receipt_due_refused on receipt_due (ask_again_at) where ask_again_at is not null;

-- Receipts and credit notes, frozen as they were issued: `paper` is all there is to show.
create table receipt (
  receipt_id       uuid primary key,
  payment_id       uuid not null references payment,
  movement_id      uuid not null constraint receipt_once_a_movement unique,
  organisation_id  uuid not null,
  kind             text not null
    constraint receipt_kind_known check (kind in ('receipt', 'credit_note')),
  sequence         bigint not null,           -- of the organisation, from receipt_counter
  total            bigint not null constraint receipt_total_positive check (total > 0),
  paper            jsonb not null,
  issued_at        timestamptz not null,
  constraint receipt_number_taken_once unique (organisation_id, sequence)
);
create index receipt_of_payment on receipt (payment_id, sequence);
-- Money is taken once, so there is one receipt; what goes back has a credit note each time.
create unique index receipt_once_a_payment on receipt (payment_id) where kind = 'receipt';
create trigger receipt_append_only before update or delete or truncate on receipt
  for each statement execute function append_only();

-- Saved methods of payment. The token is sealed to this service; the rest may be shown.
create table method (
  method_id    uuid primary key,
  user_id      uuid not null,
  state        text not null
    constraint method_state_known check (state in (
      'waiting',   -- for the payment it came with, which the customer has not confirmed yet
      'kept'       -- can be used
    )),
  payment_id   uuid,                          -- of a waiting one
  token        text not null,                 -- sealed
  digest       bytea not null,                -- keyed hash: the same token is kept once a person
  shown        jsonb not null,
  is_default   boolean not null,
  created_at   timestamptz not null default now(),
  constraint method_waits_for_something check ((state = 'waiting') = (payment_id is not null)),
  constraint method_default_is_kept check (state = 'kept' or not is_default)
);
create unique index method_once_a_person on method (user_id, digest) where state = 'kept';
create unique index method_one_default on method (user_id) where is_default;
create index method_of_user on method (user_id);
create index method_waiting on method (payment_id) where payment_id is not null;

-- Events of a provider that were taken, so that each has an effect once.
create table provider_event (
  provider  text not null,
  event_id  text not null,
  outcome   text not null
    constraint provider_event_outcome_known check (outcome in (
      'applied',   -- it told the answer of a call that had none
      'nothing'    -- it told what was known, or nothing of ours
    )),
  taken_at  timestamptz not null,
  constraint provider_event_once primary key (provider, event_id)
);
create index provider_event_age on provider_event (taken_at);

-- Webhooks the simulated provider has to send; part of its own books, like provider_log.
create table provider_delivery (
  delivery_id   bigint generated always as identity primary key,
  position      bigint not null references provider_log,
  due_at        timestamptz not null,
  attempts      int not null default 0,
  delivered_at  timestamptz
);
create index provider_delivery_due on provider_delivery (due_at) where delivered_at is null;

do $$
declare
  app text := current_user || '_app';
begin
  revoke update, delete, truncate on receipt from public;
  if exists (select from pg_roles where rolname = app) then
    execute format('revoke update, delete, truncate on receipt from %I', app);
  end if;
end $$;

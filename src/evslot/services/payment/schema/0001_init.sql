-- Money of bookings: what was promised, taken and given back, and the ledger that proves it.

-- The record. Amounts are gross, in minor units of `currency`. No card, token or name lies here.
create table payment (
  payment_id          uuid primary key,
  version             int not null,
  state               text not null
    constraint payment_state_known check (state in (
      'authorising',      -- the provider was asked and has not answered
      'challenge',        -- the provider wants the customer, until challenge_until
      'authorised',       -- promised until valid_until
      'captured',         -- taken, wholly or in part; the rest was let go
      'declined',         -- the provider or the customer said no, or stayed silent
      'voided',           -- the promise was let go, or lapsed
      'refunded',         -- taken and wholly given back
      'partly_refunded'   -- taken and given back in part
    )),
  reservation_id      uuid not null,
  organisation_id     uuid not null,
  payer_id            uuid not null,
  amount              bigint not null
    constraint payment_amount_positive check (amount > 0),
  currency            text not null
    constraint payment_currency_iso check (currency ~ '^[A-Z]{3}$'),
  capture_at_once     boolean not null,
  method_digest       bytea not null,         -- keyed hash: tells a repeat from another request
  captured            bigint not null,
  refunded            bigint not null,
  refunding           bigint not null,        -- promised to refunds that still run
  running             text
    constraint payment_running_known check (running in (
      'authorise',        -- in state authorising
      'answer',           -- in state challenge: the customer's answer is at the provider
      'capture',          -- in state authorised
      'void'              -- in state authorised or challenge
    )),
  capturing           bigint not null,        -- what the running capture takes
  void_wanted         boolean not null,       -- to be undone as soon as it is known what is to undo
  provider_reference  text,
  valid_until         timestamptz,            -- when the promise lapses at the provider
  challenge_until     timestamptz,
  decline_reason      text,
  created_at          timestamptz not null default now(),
  changed_at          timestamptz not null default now(),
  constraint payment_never_takes_more_than_promised check (captured between 0 and amount),
  constraint payment_never_returns_more_than_taken
    check (refunded >= 0 and refunding >= 0 and refunded + refunding <= captured),
  constraint payment_capture_within_promise check (capturing between 0 and amount),
  constraint payment_challenge_has_end check (state <> 'challenge' or challenge_until is not null)
) with (fillfactor = 80);

create index payment_of_payer on payment (payer_id, created_at desc);
create index payment_of_reservation on payment (reservation_id);
create index payment_challenge_open on payment (challenge_until)
  where state = 'challenge' and running is null;
create index payment_promise_open on payment (valid_until)
  where state = 'authorised' and running is null;

-- Money on its way back; the id comes from who wants it and makes it happen once.
create table refund (
  refund_id   uuid primary key,
  payment_id  uuid not null references payment,
  amount      bigint not null constraint refund_amount_positive check (amount > 0),
  state       text not null
    constraint refund_state_known check (state in (
      'pending',   -- the provider was asked
      'done',      -- given back, and in the ledger
      'refused'    -- the provider would not; nothing moved
    )),
  reason      text not null,
  created_at  timestamptz not null default now(),
  changed_at  timestamptz not null default now()
);
create index refund_of_payment on refund (payment_id);

-- One row per effect wanted at the provider. Its id is the idempotency key of every attempt.
create table provider_call (
  call_id     uuid primary key,
  payment_id  uuid not null references payment,
  kind        text not null
    constraint provider_call_kind_known check (kind in (
      'authorise', 'answer', 'capture', 'void', 'refund',
      'look_up'    -- what became of an authorise that nobody waits for any more
    )),
  amount      bigint not null,
  refund_id   uuid references refund,
  state       text not null
    constraint provider_call_state_known check (state in (
      'open',      -- a job is at it, or will be at due_at
      'done',      -- the provider has answered and the payment knows
      'given_up'   -- the provider stayed silent past the deadline; a look_up goes after it
    )),
  outcome     text,                           -- the provider's word, when done
  rounds      int not null default 0,         -- how often a job used up its attempts
  due_at      timestamptz,                    -- when a new job is made; null while one is at it
  created_at  timestamptz not null default now(),
  closed_at   timestamptz,
  constraint provider_call_closed_once check ((state = 'open') = (closed_at is null)),
  constraint provider_call_refund_named check ((kind = 'refund') = (refund_id is not null))
);
create index provider_call_of_payment on provider_call (payment_id);
create index provider_call_due on provider_call (due_at) where due_at is not null;

-- Commands that were left open until the payment gets somewhere.
create table waiting (
  command_id  uuid primary key,
  payment_id  uuid not null references payment,
  purpose     text not null
    constraint waiting_purpose_known check (purpose in (
      'authorise', 'challenge', 'answer', 'capture', 'void', 'refund'
    )),
  refund_id   uuid,
  since       timestamptz not null default now()
);
create index waiting_for_payment on waiting (payment_id, purpose);

-- The ledger: double entry, append only, each transaction linked to the one before it.
create table ledger_transaction (
  transaction_id  bigint generated always as identity primary key,
  kind            text not null
    constraint ledger_transaction_kind_known check (kind in ('capture', 'refund')),
  payment_id      uuid not null references payment,
  call_id         uuid not null,              -- the provider call that moved the money
  at              timestamptz not null,
  legs            smallint not null constraint ledger_transaction_has_legs check (legs >= 2),
  -- The chain has one beginning and never forks: each link is followed at most once.
  previous_hash   bytea
    constraint ledger_chain_unbroken references ledger_transaction (hash),
  hash            bytea not null constraint ledger_link_length check (length(hash) = 32),
  constraint ledger_link_unique unique (hash),
  constraint ledger_chain_never_forks unique nulls not distinct (previous_hash),
  constraint ledger_moves_money_once unique (call_id)
);
create index ledger_transaction_of_payment on ledger_transaction (payment_id);

create table ledger_entry (
  transaction_id  bigint not null references ledger_transaction,
  line            smallint not null,
  account         text not null
    constraint ledger_entry_account_known check (account in (
      'payer_receivable',   -- what a payer owes for bookings
      'provider_clearing',  -- what the provider has taken and owes to us
      'operator_payable',   -- what we owe to an operator
      'platform_revenue'    -- what we keep
    )),
  owner_id        uuid,                       -- the payer or the operator; null for the platform
  amount          bigint not null             -- debit positive, credit negative
    constraint ledger_entry_moves_something check (amount <> 0),
  currency        text not null
    constraint ledger_entry_currency_iso check (currency ~ '^[A-Z]{3}$'),
  constraint ledger_entry_once primary key (transaction_id, line)
);
create index ledger_entry_of_owner on ledger_entry (owner_id, account) where owner_id is not null;

-- At commit every ledger transaction has exactly its legs, and they sum to zero per currency. The
-- number of legs closes it: nobody adds a balanced pair of lines later.
create function ledger_check_balance() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare
  found record;
begin
  select t.legs, count(e.line) as lines into found
  from ledger_transaction t left join ledger_entry e using (transaction_id)
  where t.transaction_id = new.transaction_id group by t.legs;
  if found.lines <> found.legs then
    raise exception 'ledger transaction % has % of % legs',
      new.transaction_id, found.lines, found.legs
      using errcode = 'check_violation', constraint = 'ledger_transaction_complete';
  end if;
  if exists (select from ledger_entry where transaction_id = new.transaction_id
             group by currency having sum(amount) <> 0) then
    raise exception 'ledger transaction % does not sum to zero', new.transaction_id
      using errcode = 'check_violation', constraint = 'ledger_transaction_balanced';
  end if;
  return null;
end $$;

create constraint trigger ledger_transaction_balanced after insert on ledger_transaction
  deferrable initially deferred for each row execute function ledger_check_balance();
create constraint trigger ledger_entry_balanced after insert on ledger_entry
  deferrable initially deferred for each row execute function ledger_check_balance();

-- Against slips of the owner too, who could do more than the app role.
create function append_only() returns trigger language plpgsql as $$
begin
  raise exception '% is append only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger ledger_transaction_append_only
  before update or delete or truncate on ledger_transaction
  for each statement execute function append_only();
create trigger ledger_entry_append_only before update or delete or truncate on ledger_entry
  for each statement execute function append_only();

-- Numbers of receipts and credit notes, without gaps: taken in the receipt's own transaction.
create table receipt_counter (
  organisation_id  uuid primary key,
  last_number      bigint not null default 0
);

-- The simulated provider's own books. It is an outside system that happens to live here: it
-- writes through its own connection, and nothing but its adapter (and reconciliation, which asks
-- for the provider's own list) reads these rows.
create table provider_log (
  position         bigint generated always as identity primary key,
  idempotency_key  uuid not null,
  step             smallint not null default 0,   -- an authorise that takes at once writes two rows
  kind             text not null
    constraint provider_log_kind_known check (kind in (
      'authorised',   -- holds `amount` until valid_until
      'challenged',   -- will hold `amount` if the customer agrees
      'unanswered',   -- the customer's answer was not understood; the challenge stands
      'captured',     -- took `amount`, let the rest go
      'voided',       -- let everything go
      'refunded',     -- gave `amount` back
      'declined',     -- no; an authorisation or challenge ends with it
      'refused',      -- no; what was asked is not possible now, nothing changed
      'outage'        -- was out of order on purpose; no effect
    )),
  reference        text not null,             -- the authorisation
  amount           bigint not null,
  currency         text not null,
  takes_at_once    boolean not null,
  valid_until      timestamptz,
  fault            text,                      -- how calls for this reference misbehave
  merchant_id      uuid,                      -- the payment it was asked for
  answer           jsonb,                     -- what every repeat of the key is told
  at               timestamptz not null default clock_timestamp()
);
-- An effect happens once per key, whatever comes again, and at the same time.
create unique index provider_log_once on provider_log (idempotency_key, step)
  where kind <> 'outage';
create index provider_log_outages on provider_log (idempotency_key) where kind = 'outage';
create index provider_log_of_reference on provider_log (reference, position);
create trigger provider_log_append_only before update or delete or truncate on provider_log
  for each statement execute function append_only();

-- What is append only can only be appended by the role that runs.
do $$
declare
  app text := current_user || '_app';
begin
  revoke update, delete, truncate on ledger_transaction, ledger_entry, provider_log from public;
  if exists (select from pg_roles where rolname = app) then
    execute format(
      'revoke update, delete, truncate on ledger_transaction, ledger_entry, provider_log from %I',
      app);
  end if;
end $$;

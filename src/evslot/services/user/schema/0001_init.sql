-- Accounts, how they are proven, their sessions; organisations and who belongs to them.

create table account (
  user_id      uuid primary key,
  version      int not null default 1,
  state        text not null default 'active'
    constraint account_state check (state in (
      'active',
      'blocked',    -- by a platform admin: no sign-in, sessions ended
      'erased'      -- the person is emptied; the id stays for ledger and receipts
    )),
  email        text,                       -- normalised; proven by a mailed code before the row is
  name         text,
  phone        text,                       -- E.164
  company      text,
  vat_id       text,
  invoice_address text,
  language     text not null,
  zone         text not null,              -- IANA
  units        text not null default 'metric'
    constraint account_units check (units in ('metric', 'imperial')),
  roles        text[] not null default '{driver}'
    constraint account_roles check (roles <@ array['driver', 'admin']),
  created_at   timestamptz not null,
  verified_at  timestamptz not null,
  erased_at    timestamptz,
  -- Whoever is emptied is empty, whoever is not can be reached.
  constraint account_email_or_erased check ((state = 'erased') = (email is null)),
  constraint account_emptied check (
    state <> 'erased'
    or (name is null and phone is null and company is null and vat_id is null
        and invoice_address is null and erased_at is not null))
);
create unique index account_email on account (lower(email));

-- Apart from the account, so that nothing reads a hash by reading a person.
create table account_password (
  user_id     uuid primary key references account,
  hash        text not null,               -- argon2id, PHC string
  changed_at  timestamptz not null
);

-- Codes mailed to an address. The address itself is not stored: it may belong to nobody here.
create table sign_in_code (
  code_id        bigint generated always as identity primary key,
  address_mac    bytea not null,           -- keyed fingerprint of the normalised address
  code_mac       bytea not null,           -- keyed fingerprint of address and code
  tries          int not null default 0
    constraint sign_in_code_tries check (tries between 0 and 5),
  created_at     timestamptz not null,
  expires_at     timestamptz not null,
  used_at        timestamptz,              -- only the newest code of an address counts
  language       text not null,
  zone           text not null,
  -- A registration that this code would complete; dropped where another asked in between.
  password_hash  text,
  sealed_name    text                      -- sealed to this service
);
create index sign_in_code_newest on sign_in_code (address_mac, code_id desc);
create index sign_in_code_created on sign_in_code (created_at);

-- Wrong passwords by address and hour, counted alike for addresses that have an account or none.
create table password_try (
  address_mac  bytea not null,
  hour         timestamptz not null,
  wrong        int not null,
  primary key (address_mac, hour)
);
create index password_try_hour on password_try (hour);

create table session (
  session_id    uuid primary key,
  user_id       uuid not null references account,
  opened_by     text not null
    constraint session_opened_by check (opened_by in ('code', 'password')),
  created_at    timestamptz not null,
  refreshed_at  timestamptz not null,
  expires_at    timestamptz not null,      -- moves on with each refresh, up to a limit
  ended_at      timestamptz,
  end_reason    text
    constraint session_end_reason check (end_reason in (
      'signed_out',
      'refresh_token_reused',  -- two parties hold the session's tokens: both are out
      'membership_changed',
      'blocked',
      'erased'
    )),
  constraint session_ended_with_reason check ((ended_at is null) = (end_reason is null))
);
create index session_of_user on session (user_id) where ended_at is null;
create index session_over on session (least(ended_at, expires_at));

create table refresh_token (
  token_mac         bytea primary key,     -- keyed fingerprint; the token itself is nowhere
  session_id        uuid not null references session on delete cascade,
  issued_at         timestamptz not null,
  used_at           timestamptz,
  sealed_successor  text,                  -- for a repeat within seconds; emptied after that
  constraint refresh_token_successor_of_used check (sealed_successor is null or used_at is not null)
);
create index refresh_token_session on refresh_token (session_id);
create index refresh_token_open_successor on refresh_token (used_at)
  where sealed_successor is not null;
create index refresh_token_used on refresh_token (used_at) where used_at is not null;

create table organisation (
  organisation_id  uuid primary key,
  version          int not null default 1,
  -- The legal block that receipts name.
  legal_name       text not null,
  address          text not null,
  country          text not null
    constraint organisation_country check (country ~ '^[A-Z]{2}$'),
  vat_id           text,
  register         text,
  contact_email    text not null,
  phone            text not null,
  approved_at      timestamptz,            -- stations of others are not shown
  created_at       timestamptz not null,
  created_by       uuid not null references account
);

create table member (
  organisation_id  uuid not null references organisation,
  user_id          uuid not null references account,
  role             text not null
    constraint member_role check (role in (
      'owner',      -- all, and who belongs
      'manager',    -- stations, prices, bookings
      'viewer'      -- looks on
    )),
  since            timestamptz not null,
  constraint member_once primary key (organisation_id, user_id)
);
create index member_user on member (user_id);

create table vehicle (
  vehicle_id   uuid primary key,
  user_id      uuid not null references account,
  name         text not null,
  connector    text not null,
  battery_wh   int,
  max_ac_watts int,
  max_dc_watts int,
  created_at   timestamptz not null,
  removed_at   timestamptz
);
create index vehicle_user on vehicle (user_id) where removed_at is null;

-- What a person agreed to, and when it was taken back; a new row per change.
create table consent (
  user_id   uuid not null references account,
  purpose   text not null,
  version   text not null,                 -- of the text that was shown
  given     boolean not null,
  at        timestamptz not null,
  constraint consent_once primary key (user_id, purpose, at)
);

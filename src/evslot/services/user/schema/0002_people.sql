-- Codes for more than signing in, invitations, API keys; sessions open and end in more ways.

alter table sign_in_code
  add column purpose text not null default 'sign_in'
    constraint sign_in_code_purpose check (purpose in (
      'sign_in',
      'password',   -- sets a new password
      'email'       -- proves the address that is to become the account's
    ));
create index sign_in_code_newest_of_purpose on sign_in_code (address_mac, purpose, code_id desc);

alter table session drop constraint session_opened_by;
alter table session add constraint session_opened_by
  check (opened_by in ('code', 'password', 'reset', 'sample'));
alter table session drop constraint session_end_reason;
alter table session add constraint session_end_reason check (end_reason in (
  'signed_out',
  'ended_by_user',         -- from the list of sessions
  'password_changed',
  'superseded',            -- one person has only so many
  'refresh_token_reused',  -- two parties hold the session's tokens: both are out
  'membership_changed',    -- rights were taken away: the token would still say them
  'blocked',
  'erased'
));

-- An address that is to belong to an organisation as soon as it has an account.
create table invitation (
  invitation_id    uuid primary key,
  organisation_id  uuid not null references organisation,
  email            text not null,        -- normalised
  role             text not null
    constraint invitation_role check (role in ('owner', 'manager', 'viewer')),
  invited_by       uuid not null references account,
  invited_at       timestamptz not null,
  expires_at       timestamptz not null
);
create unique index invitation_once on invitation (organisation_id, lower(email));
create index invitation_email on invitation (lower(email));
create index invitation_expires on invitation (expires_at);

-- With it a machine acts for an organisation; the key itself is nowhere.
create table api_key (
  api_key_id       uuid primary key,     -- who acts, in tokens and stories
  organisation_id  uuid not null references organisation,
  name             text not null,
  key_mac          bytea not null
    constraint api_key_once unique,      -- keyed fingerprint
  scopes           text[] not null
    constraint api_key_scopes check (
      cardinality(scopes) > 0
      and scopes <@ array['organisation:read', 'organisation:manage']),
  created_by       uuid not null references account,
  created_at       timestamptz not null,
  expires_at       timestamptz not null,
  last_used_at     timestamptz,
  revoked_at       timestamptz
);
create index api_key_of_organisation on api_key (organisation_id, created_at desc);
create index api_key_revoked on api_key (revoked_at) where revoked_at is not null;

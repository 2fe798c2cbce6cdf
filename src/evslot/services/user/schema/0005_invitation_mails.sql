-- Which invitations were mailed, kept for a day: inviting, taking back and inviting again must
-- not make a stranger's post box fill up with words that the inviter chooses.
create table invitation_mail (
  mail_id          bigint generated always as identity primary key,
  organisation_id  uuid not null references organisation,
  address_mac      bytea not null,        -- keyed fingerprint: the address may belong to nobody
  mailed_at        timestamptz not null
);
create index invitation_mail_to on invitation_mail (address_mac, mailed_at);
create index invitation_mail_of on invitation_mail (organisation_id, mailed_at);
create index invitation_mail_over on invitation_mail (mailed_at);

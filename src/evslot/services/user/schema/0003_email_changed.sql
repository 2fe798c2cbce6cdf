-- Sessions end, too, where an address is changed: whoever else had one is out.

alter table session drop constraint session_end_reason;
alter table session add constraint session_end_reason check (end_reason in (
  'signed_out',
  'ended_by_user',         -- from the list of sessions
  'password_changed',
  'email_changed',
  'superseded',            -- one person has only so many
  'refresh_token_reused',  -- two parties hold the session's tokens: both are out
  'membership_changed',    -- rights were taken away: the token would still say them
  'blocked',
  'erased'
));

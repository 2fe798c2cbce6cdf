-- What the edge must remember: which part was asked to do what, before it said 202 or 503.

create table operation (
  -- The command's id, end to end: the owner's inbox knows it by the same id.
  id uuid primary key,
  -- The part that owns the command: user, station, reservation, payment, notification.
  service text not null,
  -- Wire type of the command, such as reservation.HoldSlot.
  type text not null,
  -- The account that asked; null for callers without one, who know the unguessable id.
  caller uuid,
  accepted_at timestamptz not null
);

comment on table operation is
  'Accepted commands whose outcome was not told in the HTTP answer; the outcome is in the inbox of the owner.';

-- For the clean-up of old rows.
create index operation_accepted_at on operation (accepted_at);

-- Where each process over several services stands. `data` holds ids and states, never a secret.
create table saga (
  id          uuid primary key,
  name        text not null,
  subject     uuid not null,              -- what it is about: a reservation
  step        text not null,              -- the step it waits for, or ended at
  state       text not null
    constraint saga_state check (state in (
      'running',       -- going forward
      'compensating',  -- a step said no; what earlier steps did is being put back
      'done',          -- all steps done
      'failed',        -- all put back
      'stuck'          -- a compensation was refused: a person has to look
    )),
  reason      text,                       -- why it turned back, or is stuck
  data        jsonb not null,
  started_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now()
);
create index saga_subject on saga (subject);
create index saga_open on saga (updated_at) where state in ('running', 'compensating', 'stuck');

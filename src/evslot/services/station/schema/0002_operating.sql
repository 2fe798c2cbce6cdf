-- What operators change: prices of one charger, its state, closures in the view of what is taken.

-- Prices that differ from the station's; never changed either, a new version is written.
create table charger_tariff (
  charger_id uuid not null references charger,
  version integer not null,
  -- Gross, minor units (messages.Tariff).
  body jsonb not null,
  made_at timestamptz not null default now(),
  constraint charger_tariff_pk primary key (charger_id, version)
);

-- Null: it costs what the station costs.
alter table charger add column tariff_version integer;
-- Counts what was said of the state, which comes and goes without a version of the station.
alter table charger add column state_version integer not null default 0;

-- Of a closure: it has a row for each charger, and may let some of them go.
alter table busy add column closure_id uuid;
create index busy_of_closure on busy (closure_id) where closure_id is not null;

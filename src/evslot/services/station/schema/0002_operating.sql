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

-- Added by its operator: an import, which knows nothing of it, leaves it alone.
alter table charger add column own boolean not null default false;

-- Looked at once a statement is done, so that two chargers can exchange their labels in one.
drop index charger_label_once;
alter table charger add constraint charger_label_once
  exclude using btree (station_id with =, label with =) where (not retired)
  deferrable initially immediate;

-- Of a closure: it has a row for each charger, and may let some of them go.
alter table busy add column closure_id uuid;
create index busy_of_closure on busy (closure_id) where closure_id is not null;

-- How far the sample of a development system is filled with bookings: one row, or none.
create table sample_history (
  sole           boolean primary key default true constraint sample_history_once check (sole),
  written_until  timestamptz not null       -- what was booked before this is there
);

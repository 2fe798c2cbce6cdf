-- Drivers who fill the sample of a development system with bookings: nothing is told to them.
alter table person add column made_up boolean not null default false;

-- The number of the process that leased a job last: who comes next in that slot goes on with it at
-- once instead of waiting for the lease of a process that is gone.
alter table job add column slot int;

-- What caused a job, so that what its result lets out carries the same trace (W3C traceparent).
alter table job add column traceparent text;

-- Finding stations: where in a city they are.

-- Part of the city; empty where nobody said so.
alter table station add column district text not null default '';

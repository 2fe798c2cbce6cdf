-- A search asks for a page of stations, not for the thousand that a function is taken for: believing
-- that, the planner reads the whole table of some thousand stations once a search (10 ms, not 0.3).
alter function stations_near(
  cube, cube, float8, float8[], boolean, text, integer, text, boolean, float8, uuid, integer) rows 50;

-- Towns of one name are several places: there are thirty called Neustadt in one country.

-- Which of those with the same name; and how it is told from them.
alter table place add column part integer not null default 1;
alter table place add column detail text not null default '';
alter table place drop constraint place_pk;
alter table place add constraint place_pk primary key (kind, country, city, name, part);

-- Stations of one name in cells of 25 km along each of the globe's axes: those of neighbouring
-- cells are of one place, so what lies within 25 km always is, and an edge parts no town. The
-- middle is that of places on the globe: no seam at the date line.
create function places_of_stations() returns setof place
language sql stable
-- Each turn of the recursion would sort all cells anew.
set enable_mergejoin = off
as $$
with recursive named as materialized (
  select array[v.kind, s.country, s.city, v.name] as called, s.place, nullif(s.postcode, '') as code,
    array[round(cube_ll_coord(s.place, 1) / 25000), round(cube_ll_coord(s.place, 2) / 25000),
      round(cube_ll_coord(s.place, 3) / 25000)]::integer[] as cell
  from station s, lateral (
    values ('city', s.city), ('district', s.district), ('postcode', s.postcode)) as v (kind, name)
  where s.status <> 'retired' and v.name <> ''),
-- Most lie in one, and are done.
cells as materialized (
  select called, cell from (
    select called, cell, count(*) over (partition by called) as many
    from named group by called, cell) c
  where many > 1),
-- From the least cell around, over and over to the next ones; a place may have several such.
reached as (
  select c.called, c.cell as least, c.cell from cells c
  where not exists (
    select from cells n
    where n.called = c.called and n.cell < c.cell and abs(n.cell[1] - c.cell[1]) <= 1
      and abs(n.cell[2] - c.cell[2]) <= 1 and abs(n.cell[3] - c.cell[3]) <= 1)
  union
  select r.called, r.least, n.cell
  from reached r join cells n on n.called = r.called and abs(n.cell[1] - r.cell[1]) <= 1
    and abs(n.cell[2] - r.cell[2]) <= 1 and abs(n.cell[3] - r.cell[3]) <= 1),
parts as (
  select called, cell, dense_rank() over (partition by called order by min(least)) as part
  from reached group by called, cell),
middles as (
  select called, coalesce(part, 1) as part, count(*) as stations, max(coalesce(part, 1)) over (partition by called) as parts,
    mode() within group (order by n.code) as code, array_agg(n.place) as places,
    avg(cube_ll_coord(n.place, 1)) as x, avg(cube_ll_coord(n.place, 2)) as y,
    avg(cube_ll_coord(n.place, 3)) as z
  from named n left join parts using (called, cell) group by called, coalesce(part, 1))
select called[1], called[2], called[3], called[4], folded(called[4]), h.latitude, h.longitude,
  (select greatest(500, ceil(max(p <-> on_globe(h.latitude, h.longitude))))
   from unnest(places) as p)::integer,
  stations::integer, part::integer,
  concat_ws(' ', case when parts > 1 and called[1] <> 'postcode' then code end,
    case when called[1] <> 'city' then nullif(called[3], '') end)
from middles, lateral (
  select degrees(atan2(z, sqrt(x * x + y * y))) as latitude, degrees(atan2(y, x)) as longitude) as h
$$;

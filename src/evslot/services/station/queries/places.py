"""Suggestions of places to search around."""

from evslot.services.station.domain.search import check_places
from evslot.services.station.messages import FindPlaces, Place, Places, Position
from evslot.spine.handling import Queries
from evslot.spine.transaction import Reading, Row

queries = Queries()

ALIKE = 0.35
"""Of the words in a name, by trigrams: two letters changed places in a word of nine."""

# Stations are asked through indexes, for there are many: what begins so; what is alike by the
# index's own limit of 0.6, where there are letters enough to compare.
FOUND = """
with asked as materialized (
  select folded($1) as words,
    replace(replace(replace(folded($1), '\\', '\\\\'), '%', '\\%'), '_', '\\_') || '%' as begins,
    case when $2::float8 is not null then on_globe($2, $3::float8) end as here),
stations as materialized (
  select s.station_id from asked, lateral (
    select s.station_id from station s
    where s.status <> 'retired'
      and s.folded ~>=~ asked.words and s.folded ~<~ (asked.words || chr(1114111))
    order by s.folded using ~<~ limit 50) s
  union
  select s.station_id from asked, lateral (
    select s.station_id from station s
    where s.status <> 'retired' and asked.words <% s.folded and length(asked.words) > 3
    order by word_similarity(asked.words, s.folded) desc, s.station_id limit 50) s),
found as (
  select p.kind, p.name, p.detail, p.country,
    p.latitude, p.longitude, p.radius_metres, p.stations, null::uuid as station_id, p.folded
  from asked, place p
  where p.folded like asked.begins or word_similarity(asked.words, p.folded) >= $5
  union all
  select 'station', s.name, concat_ws(', ', nullif(s.address, ''), nullif(s.city, '')), s.country,
    s.latitude, s.longitude, 500, 1, s.station_id, s.folded
  from stations join station s using (station_id))
select f.* from asked, found f
order by f.folded = asked.words desc, f.folded like asked.begins desc,
  case when f.folded like asked.begins then 0 else round((
    word_similarity(asked.words, f.folded) + similarity(asked.words, f.folded))::numeric, 1) end
    desc,
  array_position(array['city', 'district', 'postcode', 'station'], f.kind),
  on_globe(f.latitude, f.longitude) <-> asked.here, f.name, f.station_id
limit $4"""


@queries.on(FindPlaces)
async def find_places(query: FindPlaces, reading: Reading) -> Places:
    check_places(query)
    rows = await reading.fetch(
        FOUND,
        query.text.strip(),
        query.near.latitude if query.near else None,
        query.near.longitude if query.near else None,
        query.limit,
        ALIKE,
    )
    return Places(places=[_place(row) for row in rows])


def _place(row: Row) -> Place:
    return Place(
        kind=row["kind"],
        name=row["name"],
        detail=row["detail"],
        country=row["country"],
        position=Position(row["latitude"], row["longitude"]),
        radius_metres=row["radius_metres"],
        stations=row["stations"],
        station_id=row["station_id"],
    )

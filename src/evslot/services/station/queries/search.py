"""Search: what is near, with what is free there and what it costs."""

from collections.abc import Container, Sequence
from datetime import datetime

from evslot.services.station.domain import finding
from evslot.services.station.domain import search as searching
from evslot.services.station.domain.finding import Bays, Judged, Near
from evslot.services.station.domain.states import OLDEST
from evslot.services.station.messages import FindStations, FoundStations
from evslot.spine.handling import Queries
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reading, Row
from evslot.values import ChargerId, Period, StationId

queries = Queries()

ROUNDS = 5
"""Each looks at twice as many stations: a page is short, and goes on, where few of them fit."""
RANKED = 150
"""The nearest that fit, among which is sorted by price or start."""


@queries.on(FindStations)
async def find_stations(query: FindStations, reading: Reading) -> FoundStations:
    searching.check_search(query)
    seal = reading.resource(Keys).fingerprint
    last = searching.unpack_cursor(query, seal)
    if query.sort == "distance":
        page, end = await _nearest(reading, query, last)
    else:
        page, end = await _ranked(reading, query, last)
    later = await _next_free(reading, query, page)
    return FoundStations(
        stations=[
            finding.line_of(query, found, later.get(found.near.station_id), reading.now)
            for found in page
        ],
        as_of=reading.now,
        next_cursor=searching.pack_cursor(query, end, seal) if end else None,
        sorted_by=query.sort,
    )


async def _nearest(
    reading: Reading, query: FindStations, last: searching.Last
) -> tuple[list[Judged], searching.Last | None]:
    """A page, and where it ended if there may be more."""
    size = query.limit + 1 + (query.limit if searching.judges(query) else 0)
    page: list[Judged] = []
    for _ in range(ROUNDS):
        near = await _near(reading, query, last, size)
        for found in await _judged(reading, query, near):
            if finding.is_wanted(query, found):
                if len(page) == query.limit:
                    return page, _end_of(page[-1])
                page.append(found)
        if len(near) < size:
            return page, None
        last = searching.Last(near[-1].chord, near[-1].station_id)
        size *= 2
    return page, last


async def _ranked(
    reading: Reading, query: FindStations, last: searching.Last
) -> tuple[list[Judged], searching.Last | None]:
    """Prices that need no look at chargers are sorted first, and looked at when on the page."""
    near = await _near(reading, query, searching.START, RANKED)
    plain = {one.station_id for one in near if finding.is_priced(query, one)}
    rest = await _judged(reading, query, [one for one in near if one.station_id not in plain])
    fitting = [found for found in rest if finding.is_wanted(query, found)]
    later = await _next_free(reading, query, fitting) if query.sort == "start" else {}
    ranks = [
        (finding.rank_of(query, found, later.get(found.near.station_id)), found)
        for found in (
            *fitting,
            *(finding.judged(query, one, Bays(tariffs=(None,))) for one in near
              if one.station_id in plain),
        )
    ]  # fmt: skip
    left = sorted((rank, found) for rank, found in ranks if rank > searching.rank_after(last))
    chosen = left[: query.limit]
    page = await _judged_at_last(reading, query, [found for _, found in chosen], plain)
    return page, searching.last_of(chosen[-1][0]) if len(left) > len(chosen) else None


async def _judged_at_last(
    reading: Reading, query: FindStations, page: Sequence[Judged], plain: Container[StationId]
) -> list[Judged]:
    """The page with the chargers of those that were sorted without."""
    stations = [found.near for found in page if found.near.station_id in plain]
    looked_at = {found.near.station_id: found for found in await _judged(reading, query, stations)}
    return [looked_at.get(found.near.station_id, found) for found in page]


def _end_of(found: Judged) -> searching.Last:
    return searching.Last(found.near.chord, found.near.station_id)


async def _near(
    reading: Reading, search: FindStations, last: searching.Last, limit: int
) -> list[Near]:
    """Stations that have what is wanted, nearest first, after `last`."""
    box, whole = search.box, searching.around(search)
    rows = await reading.fetch(
        NEAR,
        search.position.latitude,
        search.position.longitude,
        whole.middle.latitude,
        whole.middle.longitude,
        searching.chord_of(whole.metres),
        [box.south, box.north, box.west, box.east] if box else None,
        search.bookable_only or search.free,
        search.connector,
        search.min_watts,
        search.current,
        search.accessible,
        last.chord,
        last.station_id,
        limit,
    )
    return [Near(**row) for row in rows]


# The columns are the fields of Near.
NEAR = """
select n.station_id, n.chord, n.name, n.address, n.city, n.district, n.latitude, n.longitude,
  n.zone, n.status, n.most_watts, n.hours, n.rule, t.body as tariff, exists (
    select from charger c where c.station_id = n.station_id and c.tariff_version is not null
  ) as own_prices
from stations_near(
  on_globe($1, $2), on_globe($3, $4), $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) as n
left join tariff t on t.station_id = n.station_id and t.version = n.tariff_version
order by n.chord, n.station_id"""


async def _judged(reading: Reading, search: FindStations, near: Sequence[Near]) -> list[Judged]:
    """In the same order, without those that are not wanted whatever their chargers are."""
    now = reading.now
    stations = [one for one in near if finding.may_be_wanted(search, one, now)]
    claims = [finding.claim_of(search, one, now) for one in stations]
    bays = await _bays(reading, search, stations, claims)
    return [finding.judged(search, one, bays.get(one.station_id, Bays())) for one in stations]


async def _bays(
    reading: Reading,
    search: FindStations,
    stations: Sequence[Near],
    claims: Sequence[Period | None],
) -> dict[StationId, Bays]:
    """The chargers that fit, station by station."""
    rows = await reading.fetch(
        BAYS,
        [one.station_id for one in stations],
        [claim.start if claim else None for claim in claims],
        [claim.end if claim else None for claim in claims],
        search.connector,
        search.min_watts,
        search.current,
        search.accessible,
        search.window is None,
        reading.now,
        reading.now + finding.AHEAD,
        OLDEST["charger"],
        OLDEST["operator"],
        searching.picks_chargers(search),
    )
    return {StationId(row["station_id"]): _sum(row) for row in rows}


# A charger is free where its station can be booked (has a claim) and nothing occupies it then;
# without a window it must not be known to be in use or broken either. 'infinity' is a charger that
# nothing takes within a day.
BAYS = """
with wanted as materialized (
  select * from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[])
    as w (station_id, start, until)),
occupied as materialized (
  select b.charger_id, bool_or(b.occupied && tstzrange(w.start, w.until)) as taken,
    min(lower(b.occupied)) filter (where lower(b.occupied) >= w.until) as next
  from wanted w join busy b on b.station_id = w.station_id and b.occupies
    and b.occupied && tstzrange(w.start, case when $8::boolean then $10 else w.until end)
    and (b.held_until is null or b.held_until > $9::timestamptz)
  where w.start is not null
  group by b.charger_id),
bay as materialized (
  select c.station_id, c.charger_id, c.accessible, c.tariff_version, k.watts, o.next,
    w.start is not null and not coalesce(o.taken, false) and not ($8
      and c.state not in ('AVAILABLE', 'not_known')
      and c.state_at > $9 - case c.state_source
        when 'charger' then $11::interval when 'import' then '0' else $12::interval end) as free
  from wanted w
  join charger c on c.station_id = w.station_id and not c.retired
    and ($6::text is null or c.current = $6) and (c.accessible or not $7::boolean)
  left join occupied o using (charger_id)
  cross join lateral (
    select max(k.max_watts) as watts, count(*) filter (
      where ($4::text is null or k.standard = $4)
        and ($5::integer is null or k.max_watts >= $5)) as plugs
    from connector k where k.charger_id = c.charger_id and $13::boolean) k
  where k.plugs > 0 or ($4 is null and $5 is null))
select b.station_id, count(*) as total, count(*) filter (where b.free) as free,
  max(b.watts) as watts, bool_or(b.accessible) as accessible,
  case when not bool_or(b.free) then array_agg(b.charger_id) end as charger_ids,
  bool_or(b.tariff_version is null and b.free) as usual_free,
  bool_or(b.tariff_version is null) as usual,
  array_agg(t.body) filter (where b.free and t.version is not null) as own_free,
  array_agg(t.body) filter (where t.version is not null) as own,
  nullif(max(coalesce(b.next, 'infinity')) filter (where b.free), 'infinity') as taken_from
from bay b
left join charger_tariff t on t.charger_id = b.charger_id and t.version = b.tariff_version
group by b.station_id"""


def _sum(row: Row) -> Bays:
    free = bool(row["free"])
    own = row["own_free"] if free else row["own"]
    usual = row["usual_free"] if free else row["usual"]
    return Bays(
        total=row["total"],
        free=row["free"],
        watts=row["watts"],
        accessible=row["accessible"],
        tariffs=(*(own or ()), *((None,) if usual else ())),
        charger_ids=tuple(row["charger_ids"] or ()),
        taken_from=row["taken_from"],
    )


async def _next_free(
    reading: Reading, search: FindStations, page: Sequence[Judged]
) -> dict[StationId, Period]:
    """Of stations where nothing is free in the window: the first slot after its start."""
    window, now = search.window, reading.now
    full = [found for found in page if finding.is_full(found) and found.bays.charger_ids]
    if window is None or not full or window.start > now + searching.FURTHEST_AHEAD:
        return {}
    after = max(window.start, now)
    span = Period(after, after + finding.AHEAD + searching.LONGEST_CLAIM)
    busy = await _busy(reading, [c for found in full for c in found.bays.charger_ids], span, now)
    later = {}
    for found in full:
        taken = [busy.get(charger_id, ()) for charger_id in found.bays.charger_ids]
        slot = finding.next_free(found.near, window.length, after, now, taken)
        if slot is not None:
            later[found.near.station_id] = slot
    return later


async def _busy(
    reading: Reading, charger_ids: Sequence[ChargerId], span: Period, now: datetime
) -> dict[ChargerId, list[Period]]:
    """What occupies these chargers, in order."""
    rows = await reading.fetch(
        """select charger_id, array_agg(lower(occupied) order by occupied) as starts,
             array_agg(upper(occupied) order by occupied) as ends
           from busy
           where charger_id = any($1::uuid[]) and occupies and occupied && tstzrange($2, $3)
             and (held_until is null or held_until > $4)
           group by charger_id""",
        charger_ids,
        span.start,
        span.end,
        now,
    )
    return {
        ChargerId(row["charger_id"]): list(map(Period, row["starts"], row["ends"])) for row in rows
    }

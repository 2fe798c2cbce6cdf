"""Questions about the stickers on chargers."""

from evslot.services.station.domain.states import with_known_states
from evslot.services.station.domain.stickers import LOOKED_AT, read_code, sticker_view
from evslot.services.station.messages import (
    ChargerNotFound,
    GetSticker,
    ListStickers,
    NotAnOperator,
    StationNotFound,
    Sticker,
    Stickers,
    StickerUnknown,
    StickerView,
)
from evslot.services.station.queries.stations import busy_in, known_station
from evslot.spine.handling import Queries
from evslot.spine.transaction import Reading
from evslot.values import Period, StationId

queries = Queries()


@queries.on(GetSticker)
async def get_sticker(query: GetSticker, reading: Reading) -> StickerView:
    code = read_code(query.code)
    rows = await reading.fetch(
        """select c.station_id, c.charger_id from charger c join station s using (station_id)
           where c.sticker = $1 and not c.retired and s.status <> 'retired'""",
        code,
    )
    if not rows:
        raise StickerUnknown
    now = reading.now
    station = with_known_states(await known_station(reading, StationId(rows[0]["station_id"])), now)
    for charger in station.chargers:
        if charger.charger_id == rows[0]["charger_id"]:
            busy = await busy_in(reading, [charger], Period(now, now + LOOKED_AT))
            taken = sorted(busy.get(charger.charger_id, ()), key=lambda one: one.period.start)
            return sticker_view(code, station, charger, taken, now)
    raise ChargerNotFound


@queries.on(ListStickers)
async def list_stickers(query: ListStickers, reading: Reading) -> Stickers:
    """Role first, then whose the station is."""
    reading.caller.require_user()
    if not reading.caller.organisations:
        raise NotAnOperator("Only members of an organisation may see this.")
    station = await known_station(reading, query.station_id)
    if station.organisation_id is None or not reading.caller.role_in(station.organisation_id):
        raise StationNotFound
    rows = await reading.fetch(
        """select charger_id, label, sticker as code from charger
           where station_id = $1 and not retired order by number""",
        query.station_id,
    )
    return Stickers(station_id=query.station_id, stickers=[Sticker(**row) for row in rows])

"""Stickers: what can be had here and now at the charger one stands before."""

from litestar import get
from litestar.params import FromPath

from evslot.gateway.description import described
from evslot.gateway.visitors import Driver, Visitor
from evslot.services.station import messages as station
from evslot.services.station.messages import Stickers, StickerView
from evslot.values import StationId


@get("/v1/stickers/{code:str}", opt=described(station.StickerUnknown, tag="Stations"))
async def get_sticker(code: FromPath[str], visitor: Visitor) -> StickerView:
    """The charger with this sticker: free until when, and what starting now costs.

    An offer is booked by a quote with `now` and the `end` of its period. Whoever has a booking
    finds it among `/v1/reservations?station=…` and checks in with the charger's label.
    """
    return await visitor.show_view(station.GetSticker(code=code))


@get(
    "/v1/stations/{station_id:uuid}/stickers",
    opt=described(station.NotAnOperator, station.StationNotFound, tag="Operators"),
)
async def list_stickers(station_id: FromPath[StationId], driver: Driver) -> Stickers:
    """The codes on the chargers of a station, to be printed: members of its organisation."""
    return await driver.ask(station.ListStickers(station_id=station_id))


ROUTES = [get_sticker, list_stickers]

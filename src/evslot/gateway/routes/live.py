"""Live changes as server-sent events."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.response import Stream
from msgspec import Meta

from evslot.gateway.auth import seconds_left
from evslot.gateway.description import described
from evslot.gateway.limits import Limits
from evslot.gateway.live import Live
from evslot.gateway.parsing import Parameters
from evslot.gateway.problems import LiveFull
from evslot.gateway.visitors import EdgeRequest

MOST = 100
"""Stations of one stream: as many as one page of a search has."""
ONE = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
Stations = Annotated[
    str,
    Meta(
        pattern=f"^{ONE}(,{ONE}){{0,{MOST - 1}}}$",
        description=f"Several stations, up to {MOST}: their ids with commas between",
    ),
]
NOTE = "The station whose slots to follow; without it: the caller's own bookings and payments"


class LiveWish(Parameters, frozen=True, kw_only=True):
    """What to follow."""

    station: Annotated[UUID, Meta(description=NOTE)] | None = None
    stations: Stations | None = None

    def station_ids(self) -> list[UUID]:
        """Empty where the caller's own are wanted."""
        several = [UUID(text) for text in (self.stations or "").split(",") if text]
        return several if self.station is None else [self.station, *several]


@get("/v1/live", opt=described(LiveFull, parameters=LiveWish, tag="Live"))
async def follow(
    request: EdgeRequest, live: NamedDependency[Live], limits: NamedDependency[Limits]
) -> Stream:
    """Server-sent events of stations (public), or of all that is the caller's own.

    Of stations: `slot` (SlotChange) and `station` (StationChange). Of the caller: `reservation`
    and `payment` (OwnChange), `notification` (Told).

    Send the last `id:` back as `Last-Event-ID` to miss nothing; `event: reset` says that too much
    was missed and the state must be read anew. The stream ends with its access token.
    """
    wish = request.parameters(LiveWish)
    frames = live.follow(
        request.caller,
        network=limits.network_of(request.scope),
        station_ids=wish.station_ids(),
        last_event_id=request.headers.get("last-event-id"),
        seconds=seconds_left(request.jwt),
    )
    return Stream(frames, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


ROUTES = [follow]

"""The sticker on a charger: who stands before it asks by its code what can be had here now."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from evslot.services.station.messages.supply import Charger, StationStatus
from evslot.spine.message import NotFound, Query
from evslot.values import ChargerId, Money, Period, StationId, bucket_key, station_bucket

NotNow = Literal["not_bookable", "closed", "out_of_order", "taken", "in_use"]


class StartOffer(Struct, frozen=True, kw_only=True):
    """What it costs to start this minute; a quote with `now` and this end books it."""

    period: Period
    minutes: int
    price: Money
    """Gross, all in all; energy that is paid at the charger is not in it."""
    longest: bool = False
    """Nothing later than this end can be had."""


class StickerView(Struct, frozen=True, kw_only=True):
    """The charger before somebody's eyes: where it is, how it is, what starting now costs."""

    code: str
    station_id: StationId
    station_name: str
    address: str
    city: str
    zone: str
    how_to_find: str
    station_status: StationStatus
    charger: Charger
    """Its `state` with source and time; not_known where that is too old."""
    as_of: datetime
    free_now: bool
    reason: NotNow | None = None
    """Why it cannot be started now."""
    free_until: datetime | None = None
    """Where it is free: until somebody else comes, or it closes; a day ahead at most."""
    busy: Period | None = None
    """Where it is taken: by whom is not said. It may begin soon, too soon for a slot before it."""
    next_free: Period | None = None
    """Where it is not free: the first slot that can be booked today or tomorrow."""
    offers: list[StartOffer] = []
    """Where it is free: the usual lengths and the longest, shortest first."""


class GetSticker(Query[StickerView], frozen=True, kw_only=True):
    """The charger with this sticker; capitals, blanks and hyphens do not count."""

    code: str

    def key(self) -> None:
        return None


class Sticker(Struct, frozen=True, kw_only=True):
    """What stands on a charger."""

    charger_id: ChargerId
    label: str
    code: str


class Stickers(Struct, frozen=True, kw_only=True):
    """In the order of the chargers."""

    station_id: StationId
    stickers: list[Sticker]


class ListStickers(Query[Stickers], frozen=True, kw_only=True):
    """The stickers of a station, for the members of its organisation: to be printed."""

    station_id: StationId

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class StickerUnknown(NotFound):
    """No charger has this sticker: look at the code again."""

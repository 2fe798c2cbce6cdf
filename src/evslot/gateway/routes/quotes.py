"""Quotes: the price of a slot, line by line, with the terms that would hold."""

from typing import Annotated

from litestar import post
from litestar.params import JSONBody
from msgspec import Meta

from evslot.gateway.description import described
from evslot.gateway.parsing import Body, Instant
from evslot.gateway.problems import FieldError, FieldInvalid
from evslot.gateway.visitors import Visitor
from evslot.services.station import messages as station
from evslot.values import ChargerId, Period, StationId


class PeriodBody(Body, frozen=True, kw_only=True):
    """A span of time [start, end)."""

    start: Annotated[Instant, Meta(description="Left out with `now`")] | None = None
    end: Instant


class QuoteBody(Body, frozen=True, kw_only=True):
    """The slot to be priced: at a charger, or at any of a kind, which is named when it is held."""

    station_id: StationId
    charger_id: ChargerId | None = None
    connector: (
        Annotated[str, Meta(min_length=1, max_length=40, description="OCPI ConnectorType")] | None
    ) = None
    min_power_kw: Annotated[float, Meta(ge=0, le=10_000)] | None = None
    period: PeriodBody
    now: Annotated[bool, Meta(description="From this minute on, valid for 5 minutes")] = False

    def query(self) -> station.GetQuote:
        """The question; raises FieldInvalid where start, or the charger, is said twice or never."""
        start, end = self.period.start, self.period.end
        if (start is None) != self.now:
            raise _wrong("period.start", "needed, unless `now` is true: then leave it out")
        if self.charger_id is not None and (self.connector or self.min_power_kw is not None):
            raise _wrong("charger_id", "a charger or a kind, not both")
        watts = None if self.min_power_kw is None else round(self.min_power_kw * 1000)
        return station.GetQuote(
            station_id=self.station_id,
            charger_id=self.charger_id,
            connector=self.connector,
            min_watts=watts,
            period=Period(start or end, end),
            now=self.now,
        )


def _wrong(field: str, message: str) -> FieldInvalid:
    return FieldInvalid(errors=[FieldError(where="body", field=field, message=message)])


@post(
    "/v1/quotes",
    status_code=200,
    opt=described(
        station.StationNotFound,
        station.ChargerNotFound,
        station.StationNotBookable,
        station.StationClosed,
        station.SlotOffGrid,
        station.SlotLengthInvalid,
        station.SlotInPast,
        station.SlotTooSoon,
        station.SlotTooFar,
        station.PeriodInvalid,
        example={
            "station_id": "018f4c1e-0000-8000-8000-000000000001",
            "charger_id": "018f4c1e-0000-8000-8000-000000000002",
            "period": {"start": "2026-11-24T17:00:00+01:00", "end": "2026-11-24T18:00:00+01:00"},
        },
        tag="Booking",
    ),
)
async def get_quote(data: JSONBody[QuoteBody], visitor: Visitor) -> station.SignedQuote:
    """Price a slot. The answer is signed and valid for 15 minutes, 5 from now on; it holds no slot.

    Without a charger it is for the first free one of the kind: all that the quote names cost the
    same.
    """
    return await visitor.ask(data.query())


ROUTES = [get_quote]

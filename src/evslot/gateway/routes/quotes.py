"""Quotes: the price of a slot, line by line, with the terms that would hold."""

from litestar import post
from litestar.params import JSONBody

from evslot.gateway.description import described
from evslot.gateway.parsing import Body, Instant
from evslot.gateway.visitors import Visitor
from evslot.services.station import messages as station
from evslot.values import ChargerId, Period, StationId


class PeriodBody(Body, frozen=True, kw_only=True):
    """A span of time [start, end)."""

    start: Instant
    end: Instant


class QuoteBody(Body, frozen=True, kw_only=True):
    """The slot to be priced."""

    station_id: StationId
    charger_id: ChargerId
    period: PeriodBody


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
    """Price a slot. The answer is signed and valid for 15 minutes; it holds no slot."""
    return await visitor.ask(
        station.GetQuote(
            station_id=data.station_id,
            charger_id=data.charger_id,
            period=Period(data.period.start, data.period.end),
        )
    )


ROUTES = [get_quote]

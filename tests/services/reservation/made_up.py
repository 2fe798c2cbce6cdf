"""Made-up quotes, terms, bookings and callers for the tests of the reservation service."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec.structs import replace

from evslot.services.reservation.domain import holding
from evslot.services.reservation.domain.booking import Booking, Own, Rules
from evslot.services.reservation.domain.holding import Wish
from evslot.services.station.messages import Quote
from evslot.spine.callers import Caller
from evslot.values import (
    ChargerId,
    LadderStep,
    Money,
    OrganisationId,
    Period,
    PriceLine,
    ReservationId,
    StationId,
    Terms,
    UserId,
    new_id,
    station_bucket,
)

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
RULES = Rules()
STATION = StationId(UUID("6f2d3a52-51fb-4d1c-9a49-3f6f5a0b7c11"))
ORGANISATION = OrganisationId(UUID("0a1b2c3d-51fb-4d1c-9a49-3f6f5a0b7c11"))
CHARGER = ChargerId(UUID("11111111-51fb-4d1c-9a49-3f6f5a0b7c11"))
BUFFER = timedelta(minutes=5)

RELAXED = Terms(
    name="relaxed",
    version=1,
    ladder=(LadderStep(until_minutes=15, kept_percent=0),),
    last_percent=50,
    grace_minutes=20,
    no_show_percent=50,
    early_minutes=10,
)
USUAL = Terms(
    name="usual",
    version=1,
    ladder=(
        LadderStep(until_minutes=60, kept_percent=0),
        LadderStep(until_minutes=15, kept_percent=50),
    ),
    last_percent=100,
    grace_minutes=15,
    no_show_percent=100,
    early_minutes=5,
)
STRICT = Terms(
    name="strict",
    version=1,
    ladder=(
        LadderStep(until_minutes=1440, kept_percent=0),
        LadderStep(until_minutes=120, kept_percent=50),
    ),
    last_percent=100,
    grace_minutes=10,
    no_show_percent=100,
    early_minutes=0,
)


def quote(
    start: datetime,
    *,
    minutes: int = 60,
    now: datetime = NOW,
    charger: ChargerId = CHARGER,
    station: StationId = STATION,
    price: int = 640,
    terms: Terms = USUAL,
    buffer: timedelta = BUFFER,
    now_quote: bool = False,
    **more: Any,
) -> Quote:
    """A quote of a slot, made at `now`; with `now_quote` of one that begins at once."""
    end = start + timedelta(minutes=minutes)
    lines = (
        PriceLine(kind="FLAT", text="Booking", amount=price - price // 2, vat_basis_points=1900),
        PriceLine(kind="TIME", text="Time", amount=price // 2, vat_basis_points=1900),
    )
    made = Quote(
        quote_id=uuid4(),
        station_id=station,
        organisation_id=ORGANISATION,
        charger_id=charger,
        charger_label="A1",
        station_name="Market square",
        zone="Europe/Berlin",
        period=Period(start, end),
        occupied=Period(start, end + buffer),
        lines=lines,
        total=Money(price, "EUR"),
        tariff_version=1,
        terms=terms,
        valid_until=now + timedelta(minutes=15),
        now=now_quote,
    )
    return replace(made, **more)


def wish(of: Quote, driver: UserId | None = None, **more: Any) -> Wish:
    """Somebody asks to hold a quoted slot."""
    made = Wish(
        command_id=uuid4(),
        quote=of,
        driver_id=driver or UserId(uuid4()),
        vehicle_id=None,
        reservation_id=ReservationId(new_id(station_bucket(of.station_id))),
        code="K7M2PX",
    )
    return replace(made, **more)


def held(
    start: datetime, *, now: datetime = NOW, driver: UserId | None = None, **more: Any
) -> Booking:
    """A booking that is held since `now`."""
    return holding.hold(wish(quote(start, now=now, **more), driver), [], RULES, now).booking


def confirmed(start: datetime, *, at: datetime = NOW, **more: Any) -> Booking:
    """A booking that was held and confirmed at `at`."""
    booking = held(start, now=at, **more).next(at, state="confirmed", payment_state="authorised")
    return replace(booking, confirmed_at=at)


def own(*bookings: Booking) -> list[Own]:
    """As the rules look at them when their driver wants one more."""
    return [msgspec.convert(one.reservation, Own, from_attributes=True) for one in bookings]


def driver(user_id: UserId | None = None) -> Caller:
    return Caller(kind="user", user_id=user_id or UserId(uuid4()), roles=frozenset({"driver"}))


def operator(organisation: OrganisationId = ORGANISATION, role: Any = "manager") -> Caller:
    return Caller(
        kind="user",
        user_id=UserId(uuid4()),
        roles=frozenset({"driver"}),
        organisations={organisation: role},
    )

"""Holding a slot: who may, for how long, and what it claims on the charger."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from evslot.services.reservation.domain.booking import Booking, Own, Rules, is_held, lapsed_at
from evslot.services.reservation.messages import (
    ChargerCrowded,
    HoldPaused,
    KindWish,
    QuoteOutdated,
    Reservation,
    TooManyBookings,
    TooManyHolds,
    VehicleBusy,
)
from evslot.services.station.messages import Quote
from evslot.values import ChargerId, Period, ReservationId, UserId, VehicleId


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody asks to hold; id and code are made outside."""

    command_id: UUID
    quote: Quote
    driver_id: UserId
    vehicle_id: VehicleId | None
    reservation_id: ReservationId
    code: str


class Hold(Struct, frozen=True, kw_only=True):
    """A wish that may be tried: the booking, its claim, and the own bookings it adjoins."""

    command_id: UUID
    booking: Booking
    claim: Period
    adjoins: tuple[ReservationId, ...] = ()
    """Earlier bookings of the driver whose buffer this slot needs."""


def is_sound(quote: Quote) -> bool:
    """Whether the numbers of a quote fit together, whoever signed it."""
    period, occupied = quote.period, quote.occupied
    return (
        occupied.start <= period.start < period.end <= occupied.end
        and quote.total.amount >= 0
        and sum(line.amount for line in quote.lines) == quote.total.amount
    )


def chargers(quote: Quote) -> list[ChargerId]:
    """Those that a quote can be held at."""
    return [fitting.charger_id for fitting in quote.candidates] or [quote.charger_id]


def choices(wish: Wish, own: Sequence[Own], rules: Rules, now: datetime) -> list[Hold]:
    """The holds to try, one after the other, until one gets its slot: of a kind, one a charger.

    Where a driver has to pause at one charger, another that fits is as good. Raises as `hold`.
    """
    quote = wish.quote
    if not quote.candidates:
        return [hold(wish, own, rules, now)]
    found: list[Hold] = []
    paused = HoldPaused()
    for fitting in quote.candidates:
        named = replace(quote, charger_id=fitting.charger_id, charger_label=fitting.charger_label)
        try:
            found.append(hold(replace(wish, quote=named), own, rules, now))
        except HoldPaused as no:
            paused = no
    if not found:
        raise paused
    return found


def hold(wish: Wish, own: Sequence[Own], rules: Rules, now: datetime) -> Hold:
    """The hold a driver may have beside the own live and lately lapsed bookings.

    Raises QuoteOutdated, TooManyHolds, TooManyBookings, HoldPaused, VehicleBusy.
    """
    quote = wish.quote
    if quote.valid_until <= now or latest(quote) <= now:
        raise QuoteOutdated()
    live = [booking for booking in own if booking.is_live(now)]
    if sum(is_held(booking, now) for booking in live) >= rules.live_holds:
        raise TooManyHolds()
    if len(live) >= rules.live_bookings:
        raise TooManyBookings()
    paused = paused_until(quote, own, rules, now)
    if paused is not None:
        raise HoldPaused(until=paused.isoformat())
    if wish.vehicle_id is not None and _vehicle_busy(wish, live):
        raise VehicleBusy()
    return Hold(
        command_id=wish.command_id,
        booking=_held(wish, held_until(quote, rules, now), now),
        claim=_claim(quote, live),
        adjoins=_adjoined(quote, live),
    )


class Crowd:
    """Unpaid holds of newcomers: drivers who never paid for a booking.

    Accounts cost nothing, so limits by account do not keep a hundred of them from holding all
    there is; but a booking that was paid for does cost. All wishes for a station come by one
    process, in order, so nobody else counts at the same time.
    """

    def __init__(
        self, known: Iterable[UserId], unpaid: Iterable[tuple[ChargerId | None, datetime, str]]
    ) -> None:
        """`unpaid`: charger, start and zone of what newcomers hold now."""
        self._known = set(known)
        self._held = Counter(_charger_day(*place) for place in unpaid)

    def admit(self, choices: Sequence[Hold], rules: Rules) -> list[Hold]:
        """Those that one may try; the first counts for who comes next. Raises ChargerCrowded."""
        booking = choices[0].booking
        if not rules.newcomer_holds or booking.reservation.driver_id in self._known:
            return list(choices)
        free = [one for one in choices if self._held[_place(one)] < rules.newcomer_holds]
        if not free:
            raise ChargerCrowded()
        self._held[_place(free[0])] += 1
        return free


def _place(hold: Hold) -> tuple[ChargerId | None, date]:
    reservation = hold.booking.reservation
    return _charger_day(reservation.charger_id, reservation.period.start, reservation.zone)


def _charger_day(
    charger: ChargerId | None, start: datetime, zone: str
) -> tuple[ChargerId | None, date]:
    return charger, start.astimezone(ZoneInfo(zone)).date()


def held_until(quote: Quote, rules: Rules, now: datetime) -> datetime:
    """Ten minutes, five where it starts within the hour, never past start + grace."""
    soon = quote.period.start - now <= timedelta(minutes=rules.soon_minutes)
    seconds = rules.hold_seconds_soon if soon else rules.hold_seconds
    return min(now + timedelta(seconds=seconds), latest(quote))


def latest(quote: Quote) -> datetime:
    """Nobody holds a slot past the moment when a late driver would lose it.

    Who books from now on is there: only the end counts.
    """
    if quote.now:
        return quote.period.end
    grace = timedelta(minutes=quote.terms.grace_minutes)
    return min(quote.period.start + grace, quote.period.end)


def prolong(booking: Booking, rules: Rules, now: datetime) -> Booking | None:
    """A hold gets five minutes more, once, never past start + grace; None where it cannot."""
    until = booking.reservation.held_until
    if until is None or booking.prolonged:
        return None
    end = min(booking.grace_ends, booking.reservation.period.end)
    longer = min(until + timedelta(seconds=rules.prolong_seconds), end)
    if longer <= until:
        return None
    return replace(booking.next(now, held_until=longer), prolonged=True)


def paused_until(quote: Quote, own: Sequence[Own], rules: Rules, now: datetime) -> datetime | None:
    """Until when a driver pauses on this charger after too many lapsed holds of one day."""
    zone = ZoneInfo(quote.zone)
    lapses = sorted(
        lapsed
        for booking in own
        if booking.charger_id == quote.charger_id
        and (lapsed := lapsed_at(booking, now)) is not None
    )
    if not lapses:
        return None
    day = lapses[-1].astimezone(zone).date()
    if sum(lapsed.astimezone(zone).date() == day for lapsed in lapses) < rules.lapsed_holds:
        return None
    until = lapses[-1] + timedelta(minutes=rules.pause_minutes)
    return until if until > now else None


def groups(holds: Iterable[Hold]) -> list[list[Hold]]:
    """Cut a batch so that a hold that needs a buffer shares its charger with nobody.

    Rivals for one charger are settled by the insert, in order of arrival. But the buffer of an
    own booking is cut before that insert, which makes room that an earlier rival must not see.
    """
    cut: list[list[Hold]] = [[]]
    wanted: set[UUID] = set()
    alone: set[UUID] = set()
    for one in holds:
        charger = one.booking.reservation.charger_id
        if charger in alone or (one.adjoins and charger in wanted):
            cut.append([])
            wanted, alone = set(), set()
        cut[-1].append(one)
        wanted.add(charger)
        if one.adjoins:
            alone.add(charger)
    return [group for group in cut if group]


def _vehicle_busy(wish: Wish, live: Sequence[Own]) -> bool:
    return any(
        booking.vehicle_id == wish.vehicle_id and booking.period.overlaps(wish.quote.period)
        for booking in live
    )


def _adjoined(quote: Quote, live: Sequence[Own]) -> tuple[ReservationId, ...]:
    """The driver's own bookings on this charger that end before the slot, their buffer in it."""
    return tuple(
        booking.reservation_id
        for booking in live
        if booking.charger_id == quote.charger_id
        and booking.period.end <= quote.period.start < booking.occupied.end
    )


def _claim(quote: Quote, live: Sequence[Own]) -> Period:
    """The occupied period; without a buffer where the driver's own next slot begins in it."""
    adjoining = any(
        booking.charger_id == quote.charger_id
        and quote.period.end <= booking.period.start < quote.occupied.end
        for booking in live
    )
    return Period(quote.occupied.start, quote.period.end) if adjoining else quote.occupied


def _held(wish: Wish, until: datetime, now: datetime) -> Booking:
    quote = wish.quote
    reservation = Reservation(
        reservation_id=wish.reservation_id,
        version=1,
        state="held",
        station_id=quote.station_id,
        organisation_id=quote.organisation_id,
        charger_id=quote.charger_id,
        charger_label=quote.charger_label,
        station_name=quote.station_name,
        zone=quote.zone,
        driver_id=wish.driver_id,
        vehicle_id=wish.vehicle_id,
        period=quote.period,
        occupied=quote.occupied,
        held_until=until,
        total=quote.total,
        lines=quote.lines,
        terms=quote.terms,
        tariff_version=quote.tariff_version,
        code=wish.code,
        payment_id=None,
        payment_state=None,
        fee=None,
        created_at=now,
        changed_at=now,
        kind_of=_kind_of(quote),
    )
    return Booking(
        reservation=reservation,
        payer_id=wish.driver_id,
        created_by=wish.driver_id,
        quote_id=quote.quote_id,
    )


def _kind_of(quote: Quote) -> KindWish | None:
    if not quote.candidates:
        return None
    return KindWish(connector=quote.connector, min_watts=quote.min_watts)

"""Lives of made-up bookings, by the same rules as anybody's: only their instants are made up."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Literal
from uuid import UUID, uuid5

from msgspec import Struct

from evslot.services.payment import messages as payment
from evslot.services.reservation.domain import cancelling, holding, paying, visiting
from evslot.services.reservation.domain.booking import Booking, Rules, Told
from evslot.services.reservation.domain.holding import Wish
from evslot.services.reservation.messages import Evidence, SampleSite, SampleVisit
from evslot.services.station.messages import Quote
from evslot.values import (
    Money,
    PaymentId,
    ReservationId,
    StationId,
    station_bucket,
)

OCCUPYING = ("held", "confirmed", "active")
PAID_WITHIN = timedelta(seconds=80)
"""Of holding, or of the hold if that is shorter: half of it is how long people take."""
PROVIDER_TAKES = timedelta(seconds=1)
QUOTED_FOR = timedelta(minutes=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class Life(Struct, frozen=True, kw_only=True):
    """All versions of a booking so far, each with its line of the story, and its money."""

    versions: tuple[tuple[Booking, Told], ...]
    paid: payment.SamplePayment | None

    @property
    def booking(self) -> Booking:
        return self.versions[-1][0]

    @property
    def told(self) -> Told:
        return self.versions[-1][1]

    @property
    def occupies(self) -> bool:
        return self.booking.reservation.state in OCCUPYING


def life(visit: SampleVisit, site: SampleSite, letters: str, rules: Rules, now: datetime) -> Life:
    """What has happened of a visit up to now; its code is made of `letters`."""
    writer = _Writer(visit, site, letters, rules, now)
    writer.write()
    return Life(versions=tuple(writer.versions), paid=writer.paid())


def reservation_id(visit: SampleVisit, station_id: StationId) -> ReservationId:
    """The same for the same visit; as `values.new_id` lays ids out, with a digest for chance."""
    digest = int.from_bytes(_digest(visit)[:8], "big")
    millis = (visit.booked_at - EPOCH) // MILLISECOND
    value = (millis & 0xFFFF_FFFF_FFFF) << 80 | 8 << 76 | (digest >> 46 & 0xFFF) << 64
    value |= 0b10 << 62 | station_bucket(station_id) << 46 | digest & 0x3FFF_FFFF_FFFF
    return ReservationId(UUID(int=value))


class _Writer:
    """Lives a visit through, act by act, until one that has not happened yet."""

    def __init__(
        self, visit: SampleVisit, site: SampleSite, letters: str, rules: Rules, now: datetime
    ) -> None:
        self._visit = visit
        self._site = site
        self._rules = rules
        self._now = now
        self._id = reservation_id(visit, site.station_id)
        self._payment_id = PaymentId(uuid5(self._id, "payment"))
        self._code = "".join(letters[byte % len(letters)] for byte in _digest(visit)[8:14])
        self._moves: list[payment.SampleMove] = []
        self._paid_at: datetime | None = None
        self._prepaid = False
        self.versions: list[tuple[Booking, Told]] = []

    def write(self) -> None:
        visit = self._visit
        self._hold()
        until = self._booking.reservation.held_until
        assert until is not None, "a hold has an end"
        decided = visit.booked_at + min(until - visit.booked_at, PAID_WITHIN) / 2
        if visit.end == "released":
            self._driver(cancelling.cancel(self._booking, "driver", decided).booking, "released")
            return
        if visit.end == "lapsed":
            self._add(self._booking.next(until, state="expired"), Told(what="expired", by="system"))
            return
        self._pay(decided)
        ended = visit.ended_at is not None and visit.ended_at <= self._now
        if ended and visit.end == "cancelled":
            self._cancel(visit.ended_at or self._now)
        elif ended and visit.end == "no_show":
            self._note_no_show(visit.ended_at or self._now)
        elif visit.end == "stays":
            self._stay()

    def paid(self) -> payment.SamplePayment | None:
        """What the payment service is to know; None where it was never asked."""
        if self._paid_at is None:
            return None
        reservation = self._booking.reservation
        return payment.SamplePayment(
            payment_id=self._payment_id,
            reservation_id=self._id,
            organisation_id=reservation.organisation_id,
            payer_id=self._booking.payer_id,
            amount=reservation.total,
            prepaid=self._prepaid,
            asked_at=self._paid_at,
            moves=tuple(self._moves),
            bought=payment.Bought(
                station_name=reservation.station_name,
                charger_label=reservation.charger_label,
                zone=reservation.zone,
                period=reservation.period,
                code=reservation.code,
                lines=reservation.lines,
            ),
        )

    @property
    def _booking(self) -> Booking:
        return self.versions[-1][0]

    def _hold(self) -> None:
        visit = self._visit
        wish = Wish(
            command_id=self._id,
            quote=_quote(visit, self._site, self._id),
            driver_id=visit.driver_id,
            vehicle_id=None,
            reservation_id=self._id,
            code=self._code,
        )
        self._driver(holding.hold(wish, [], self._rules, visit.booked_at).booking, "held")

    def _pay(self, at: datetime) -> None:
        longer = holding.prolong(self._booking, self._rules, at)
        if longer is not None:
            self._add(longer, Told(what="hold_prolonged", by="system"))
        self._prepaid = paying.is_prepaid(self._booking, self._rules, at)
        self._paid_at = at
        self._driver(paying.start(self._booking, self._payment_id, at), "payment_started")
        state = "captured" if self._prepaid else "authorised"
        confirmed = paying.confirm(self._booking, state, at + PROVIDER_TAKES)
        self._add(confirmed, Told(what="confirmed", by="payment"))

    def _stay(self) -> None:
        """Come, leave; what nobody completes ends with its buffer."""
        visit = self._visit
        if visit.came_at is not None and visit.came_at <= self._now:
            evidence = Evidence(kind="driver_act", charger_label=visit.charger_label)
            begun = visiting.check_in(self._booking, visit.charger_label, visit.came_at)
            self._driver(begun, "started", evidence)
            self._take_price(visit.came_at)
        if visit.left_at is not None and visit.left_at <= self._now:
            left = visiting.complete(self._booking, visit.left_at)
            self._driver(left, "completed", Evidence(kind="driver_act"))
        elif visit.occupied.end <= self._now:
            at = visit.occupied.end
            over = self._booking.next(at, state="completed", completed_at=visit.period.end)
            self._add(over, Told(what="ended", by="system"))
            self._take_price(at)

    def _cancel(self, at: datetime) -> None:
        visit = self._visit
        cancelled = cancelling.cancel(self._booking, visit.by, at)
        reason = "charger out of order" if visit.by == "operator" else None
        self._add(
            cancelled.booking,
            Told(
                what="cancelled",
                by=visit.by,
                user_id=visit.driver_id if visit.by == "driver" else None,
                reason=reason,
                evidence=Evidence(kind=_evidence_of(visit.by)),
            ),
        )
        self._settle(cancelled.fee, at)

    def _note_no_show(self, at: datetime) -> None:
        """An operator enters that nobody came; the terms say what that costs."""
        reservation = self._booking.reservation
        fee = cancelling.share(reservation.total, reservation.terms.no_show_percent)
        missed = self._booking.next(at, state="no_show", fee=fee)
        evidence = Evidence(kind="operator_entry", charger_label=self._visit.charger_label)
        self._add(missed, Told(what="no_show", by="operator", evidence=evidence))
        self._settle(fee, at)

    def _take_price(self, at: datetime) -> None:
        if visiting.owes(self._booking):
            total = self._booking.reservation.total
            self._moved("capture", total.amount, "captured", at)

    def _settle(self, fee: Money, at: datetime) -> None:
        """What was promised is taken as far as the fee, what was taken goes back but for it."""
        reservation = self._booking.reservation
        rest = reservation.total.amount - fee.amount
        match cancelling.settling(reservation, fee):
            case "void":
                self._moved("void", 0, "voided", at)
            case "capture":
                self._moved("capture", fee.amount, "captured", at)
            case "refund":
                self._moved("refund", rest, "partly_refunded" if fee.amount else "refunded", at)
            case "nothing":
                self._note(reservation.payment_state or "captured", at)

    def _moved(self, kind: payment.SampleMoveKind, amount: int, state: str, at: datetime) -> None:
        at += PROVIDER_TAKES
        self._moves.append(payment.SampleMove(kind=kind, amount=amount, at=at))
        self._note(state, at)

    def _note(self, state: str, at: datetime) -> None:
        self._add(paying.note(self._booking, state, at), Told(what="settled", by="payment"))

    def _driver(self, booking: Booking, what: str, evidence: Evidence | None = None) -> None:
        driver_id = self._visit.driver_id
        self._add(booking, Told(what=what, by="driver", user_id=driver_id, evidence=evidence))

    def _add(self, booking: Booking, told: Told) -> None:
        self.versions.append((booking, told))


def _evidence_of(by: str) -> Literal["driver_act", "operator_entry"]:
    return "driver_act" if by == "driver" else "operator_entry"


def _quote(visit: SampleVisit, site: SampleSite, number: ReservationId) -> Quote:
    return Quote(
        quote_id=uuid5(number, "quote"),
        station_id=site.station_id,
        organisation_id=site.organisation_id,
        charger_id=visit.charger_id,
        charger_label=visit.charger_label,
        station_name=site.station_name,
        zone=site.zone,
        period=visit.period,
        occupied=visit.occupied,
        lines=visit.lines,
        total=Money(sum(line.amount for line in visit.lines), site.currency),
        tariff_version=site.tariff_version,
        terms=site.terms,
        valid_until=visit.booked_at + QUOTED_FOR,
    )


def _digest(visit: SampleVisit) -> bytes:
    instants = f"{visit.period.start.isoformat()} {visit.booked_at.isoformat()}"
    return sha256(visit.charger_id.bytes + instants.encode()).digest()

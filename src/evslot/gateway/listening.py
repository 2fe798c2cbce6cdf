"""Hears every event of all services: feeds the live streams, the shared reads and the door."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.gateway.auth import EndedSessions
from evslot.gateway.live import Live, LiveEvent
from evslot.gateway.positions import Partitions
from evslot.gateway.shared_reads import SharedReads
from evslot.services.notification import messages as notification
from evslot.services.payment import messages as payment
from evslot.services.payment.messages import Payment
from evslot.services.reservation import messages as reservation
from evslot.services.reservation.messages import Reservation
from evslot.services.station import messages as station
from evslot.services.user import messages as user
from evslot.spine.kafka import EventFeed
from evslot.spine.message import Catalogue, Event, Message, decode, message_types
from evslot.spine.records import Incoming
from evslot.spine.telemetry import TROUBLE, log
from evslot.spine.topics import Topics
from evslot.values import ChargerId, NotificationId, Period, StationId, UserId

HEARD = ("user", "station", "reservation", "payment", "notification")
LIVE = ("station", "reservation", "payment", "notification")
OCCUPYING = ("held", "confirmed", "active")
CHANGES_A_SLOT = (
    reservation.SlotHeld,
    reservation.HoldProlonged,
    reservation.HoldExpired,
    reservation.HoldReleased,
    reservation.ReservationConfirmed,
    reservation.ReservationCancelled,
    reservation.ReservationStarted,
    reservation.ReservationCompleted,
)
"""Other events of a booking say nothing about its slot; a settlement even comes when the slot may
belong to somebody else again."""


class SlotChange(Struct, frozen=True, kw_only=True):
    """What everybody may know when a slot is taken or let go: nothing about who."""

    station_id: StationId
    charger_id: ChargerId
    state: Literal["taken", "free"]
    period: Period
    occupied: Period
    """With the buffer behind it."""
    held_until: str | None
    """A hold that is not paid by then is free again."""


class StationChange(Struct, frozen=True, kw_only=True):
    """Something else than one slot changed at a station: read it and its slots anew."""

    station_id: StationId
    what: str
    """StationPublished, ChargerStateChanged or ClosureChanged."""


class Told(Struct, frozen=True, kw_only=True):
    """The caller's list of notifications has a new line."""

    notification_id: NotificationId
    kind: str
    reservation_id: UUID | None


class OwnChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person is told of their own: `what` happened, and the state after it."""

    what: str
    reservation: Reservation | None = None
    payment: Payment | None = None


class Listener:
    """Reads the event feed for as long as the process lives."""

    def __init__(
        self,
        feed: EventFeed,
        topics: Topics,
        live: Live,
        shared: SharedReads,
        ended: EndedSessions,
        forget: Callable[[UserId], None],
    ) -> None:
        """`forget`: called where a person was erased."""
        self._feed = feed
        self._topics = topics
        self._live = live
        self._shared = shared
        self._ended = ended
        self._forget = forget
        self._catalogue = Catalogue(
            kind
            for module in (user, station, reservation, payment, notification)
            for kind in message_types(module)
            if issubclass(kind, Event)
        )
        self._heard: dict[type[Message], Callable[[Any, float], Iterable[LiveEvent]]] = {
            user.SessionEnded: self._session_ended,
            user.UserErased: self._user_erased,
            station.StationPublished: lambda event, _: self._station_changed(
                event.station.station_id, "StationPublished"
            ),
            station.ChargerStateChanged: lambda event, _: self._station_changed(
                event.station_id, "ChargerStateChanged"
            ),
            reservation.ClosureChanged: lambda event, _: self._station_changed(
                event.closure.station_id, "ClosureChanged"
            ),
            notification.NotificationAdded: lambda event, _: [_for_told(event)],
        }
        self.caught_up = asyncio.Event()
        """The past has been read: no ended session is unknown."""

    async def start(self) -> None:
        """Raises BrokerUnavailable; from then on `run` can be called."""
        await self._feed.start()
        live = [self._topics.events(service) for service in LIVE]
        self._live.begin(Partitions(self._feed.started_at, live))

    async def run(self) -> None:
        """Never ends by itself."""
        if self._feed.has_read_past:
            self.caught_up.set()
        async for incoming in self._feed:
            self.hear(incoming)
            if not self.caught_up.is_set() and self._feed.has_read_past:
                self.caught_up.set()

    def hear(self, incoming: Incoming) -> None:
        """One record; what cannot be understood is counted and passed over."""
        events: list[LiveEvent] = []
        try:
            if event := self._event_of(incoming):
                events.extend(self._react(event, incoming.appended_at.timestamp()))
        except (msgspec.MsgspecError, ValueError) as error:
            TROUBLE.labels("bad_event").inc()
            log.warning(
                "event not understood",
                topic=incoming.topic,
                partition=incoming.partition,
                offset=incoming.offset,
                reason=repr(error),
            )
        self._live.heard(incoming.topic, incoming.partition, incoming.offset, events)

    def _event_of(self, incoming: Incoming) -> Message | None:
        version = incoming.header("ce_version") or ""
        name = incoming.header("ce_type") or ""
        kind = self._catalogue.find(name, int(version)) if version.isdigit() else None
        return None if kind is None else decode(incoming.value, kind)

    def _react(self, event: Message, at: float) -> Iterable[LiveEvent]:
        if isinstance(event, reservation.ReservationEvent):
            self._shared.station_changed(event.reservation.station_id)
            told = [_for_driver(event)]
            if isinstance(event, CHANGES_A_SLOT):
                told.append(_for_everybody(event.reservation))
            return told
        if isinstance(event, payment.PaymentEvent):
            return [_for_payer(event)]
        react = self._heard.get(type(event))
        return react(event, at) if react else ()

    def _session_ended(self, event: user.SessionEnded, at: float) -> Iterable[LiveEvent]:
        self._ended.add(event.session_id, at)
        self._live.session_ended(event.session_id)
        return ()

    def _user_erased(self, event: user.UserErased, _: float) -> Iterable[LiveEvent]:
        self._forget(event.user_id)
        return ()

    def _station_changed(self, station_id: StationId, what: str) -> Iterable[LiveEvent]:
        self._shared.station_changed(station_id)
        change = StationChange(station_id=station_id, what=what)
        return [LiveEvent("station", msgspec.json.encode(change), station_id=station_id)]


def _for_driver(event: reservation.ReservationEvent) -> LiveEvent:
    told = OwnChange(what=type(event).__name__, reservation=event.reservation)
    return LiveEvent("reservation", msgspec.json.encode(told), user_id=event.reservation.driver_id)


def _for_payer(event: payment.PaymentEvent) -> LiveEvent:
    told = OwnChange(what=type(event).__name__, payment=event.payment)
    return LiveEvent("payment", msgspec.json.encode(told), user_id=event.payment.payer_id)


def _for_told(event: notification.NotificationAdded) -> LiveEvent:
    told = Told(
        notification_id=event.notification_id, kind=event.kind, reservation_id=event.reservation_id
    )
    return LiveEvent("notification", msgspec.json.encode(told), user_id=event.user_id)


def _for_everybody(booked: reservation.Reservation) -> LiveEvent:
    held_until = booked.held_until.isoformat() if booked.held_until else None
    change = SlotChange(
        station_id=booked.station_id,
        charger_id=booked.charger_id,
        state="taken" if booked.state in OCCUPYING else "free",
        period=booked.period,
        occupied=booked.occupied,
        held_until=held_until if booked.state == "held" else None,
    )
    return LiveEvent("slot", msgspec.json.encode(change), station_id=booked.station_id)

"""What a hold demands of every peer before and after its database: checks, record, answer."""

import secrets
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4, uuid5

import msgspec
from msgspec import Struct

from evslot.services.reservation.domain import holding
from evslot.services.reservation.domain.booking import Rules
from evslot.services.reservation.domain.holding import Hold, Wish
from evslot.services.reservation.messages import Reservation, SlotHeld
from evslot.services.station.messages import unpack_quote
from evslot.spine.callers import AccessTokens
from evslot.spine.message import Envelope
from evslot.spine.sealing import PUBLIC_FILE, Keys
from evslot.values import ReservationId, UserId, new_id, station_bucket

COMMANDS = UUID("6f1c2d52-6c0f-5b0a-9d55-8d1f0c7a4e11")
ROUTE = "POST /v1/reservations"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
TOPIC = "reservation-events"
LIVE_HOLDS = 3
HOLD_SECONDS = 4 * 3600


class No(Exception):
    """A refusal."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code

    @property
    def body(self) -> bytes:
        """As problem+json."""
        return msgspec.json.encode({"status": self.status, "code": self.code})


class Asked(Struct, frozen=True, kw_only=True):
    """A hold that may be tried, with everything that is written for it."""

    command_id: UUID
    fingerprint: bytes
    hold: Hold
    event_envelope: bytes
    event: bytes
    answer: bytes

    @property
    def reservation(self) -> Reservation:
        return self.hold.booking.reservation


class Desk:
    """The checks of our own edge and reservation service, by the same functions."""

    def __init__(self, keys_folder: Path) -> None:
        private = keys_folder / "reservation.json"
        self._keys = Keys.load("reservation", private, keys_folder / PUBLIC_FILE)
        self._tokens = AccessTokens(self._keys)
        self._rules = Rules(hold_seconds=HOLD_SECONDS)

    def caller(self, authorization: str | None) -> UserId:
        """Token and secret; raises No."""
        scheme, _, token = (authorization or "").partition(" ")
        try:
            caller, _ = self._tokens.verify_edge(token, datetime.now(UTC))
            driver = caller.require_user()
        except Exception as broken:
            raise No(401, "token_invalid") from broken
        if scheme.lower() != "bearer" or "driver" not in caller.roles:
            raise No(403, "drivers_only")
        return driver

    def ask(self, driver: UserId, key: str | None, quote_token: str, body: bytes) -> Asked:
        """The record of a hold, were it to succeed; raises No."""
        try:
            quote = unpack_quote(
                quote_token, lambda signed, mac: self._keys.check_mac("station", signed, mac)
            )
        except (ValueError, msgspec.MsgspecError) as broken:
            raise No(422, "quote_invalid") from broken
        if not holding.is_sound(quote):
            raise No(422, "quote_invalid")
        command_id = uuid5(COMMANDS, f"{driver}\n{ROUTE}\n{key}") if key else uuid4()
        wish = Wish(
            command_id=command_id,
            quote=quote,
            driver_id=driver,
            vehicle_id=None,
            reservation_id=ReservationId(new_id(station_bucket(quote.station_id))),
            code="".join(LETTERS[byte % 32] for byte in secrets.token_bytes(6)),
        )
        hold = holding.hold(wish, (), self._rules, datetime.now(UTC))
        return self._written(command_id, hold, body)

    def _written(self, command_id: UUID, hold: Hold, body: bytes) -> Asked:
        reservation = hold.booking.reservation
        envelope = Envelope(
            id=uuid4(), type="reservation.SlotHeld", version=1, source="reservation"
        )
        return Asked(
            command_id=command_id,
            fingerprint=self._keys.fingerprint(body),
            hold=hold,
            event_envelope=msgspec.json.encode(envelope),
            event=msgspec.json.encode(SlotHeld(reservation=reservation, version=1)),
            answer=msgspec.json.encode(reservation),
        )

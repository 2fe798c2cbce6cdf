"""What HTTP answers say: outcomes of the services in the edge's own words, nothing sealed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response
from msgspec import Struct

from evslot.gateway import people
from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.services.user import messages as user
from evslot.values import Money, OrganisationId, SessionId, UserId


class Session(Struct, frozen=True, kw_only=True):
    """A session and its tokens; send `access_token` as `Authorization: Bearer …`."""

    user_id: UserId
    session_id: SessionId
    token_type: Literal["Bearer"] = "Bearer"
    access_token: str
    access_seconds: int
    """The access token is valid this long; then trade the refresh token for the next pair."""
    refresh_token: str
    """Can be used once. Empty for an API key: exchange the key again instead."""


class NewOrganisation(Struct, frozen=True, kw_only=True):
    """An operator that was just registered or approved; refresh the session to act for it."""

    organisation_id: OrganisationId
    legal_name: str
    country: str
    approved: bool


class StoryLine(Struct, frozen=True, kw_only=True):
    """One change of a booking: when, what, by which role, why, and what it rests on."""

    at: datetime
    what: str
    by: str
    reason: str | None = None
    evidence: reservation.Evidence | None = None


class ReservationDetails(Struct, frozen=True, kw_only=True):
    """A booking with its story and what a cancel would cost now."""

    reservation: reservation.Reservation
    story: list[StoryLine]
    cancel_fee_now: Money | None


class Ended(Struct, frozen=True, kw_only=True):
    """A session that is over."""

    session_id: SessionId


class OperationAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The stored outcome of an operation: `body` where it was done, else why it was refused."""

    status: int
    """200 where it was done, else the status of the refusal."""
    body: Any = None
    code: str | None = None
    detail: str | None = None
    details: dict[str, Any] | None = None


class OperationView(Struct, frozen=True, kw_only=True):
    """An accepted request and where it stands.

    pending: not begun; running: begun, the outcome is still open; done: see `answer`;
    expired: it was never begun and will have no effect any more.
    """

    operation_id: UUID
    type: str
    state: Literal["pending", "running", "done", "expired"]
    accepted_at: datetime
    answer: OperationAnswer | None = None


def session_of(signed_in: user.SignedIn) -> Session:
    return Session(
        user_id=signed_in.user_id,
        session_id=signed_in.session_id,
        access_token=signed_in.access_token.value,
        access_seconds=signed_in.access_seconds,
        refresh_token=signed_in.refresh_token.value,
    )


def organisation_of(
    created: user.OrganisationCreated | user.OrganisationChanged,
) -> NewOrganisation:
    return NewOrganisation(
        organisation_id=created.organisation_id,
        legal_name=created.legal_name,
        country=created.country,
        approved=created.approved,
    )


PRESENTED: dict[type[Any], Callable[[Any], Any]] = {
    user.SignedIn: session_of,
    user.SessionEnded: lambda ended: Ended(session_id=ended.session_id),
    user.OrganisationCreated: organisation_of,
    user.OrganisationChanged: organisation_of,
    **people.PRESENTED,
    station.StationPublished: lambda published: published.station,
    station.ChargerStateChanged: lambda changed: changed.charger,
    reservation.SlotHeld: lambda held: held.reservation,
}
"""Outcomes that HTTP words otherwise; all others are answered as they are."""


def presented(outcome: Any) -> Any:
    """An outcome as HTTP says it; the same at the operation as at the request itself."""
    word = PRESENTED.get(type(outcome))
    return word(outcome) if word else outcome


def created(content: Any, location: str) -> Response[Any]:
    """201 with the place where the new thing is read."""
    return Response(
        msgspec.json.encode(content),
        status_code=201,
        media_type="application/json",
        headers={"Location": location},
    )

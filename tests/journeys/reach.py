"""How to reach every operation, and what each actor is told there: one row an operation."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.journeys.actors import Ids, World

Make = Callable[[World], Awaitable[Ids]]
REACHED = 0
"""Not 401, 403, 404, 405 or 5xx: the question came to the thing itself."""


@dataclass(frozen=True)
class Row:
    """An operation: whose it is, the thing in its path, and what others are told."""

    owner: str
    """driver, operator, admin or anybody."""
    stranger: int
    """What a driver is told who has nothing to do with the thing."""
    other: int
    """What the owner of another organisation is told."""
    viewer: int
    """What a member of the organisation is told who may only look on."""
    thing: Make | None = None
    body: Make | None = None
    """What the documented example is changed by, to fit the thing."""
    params: Ids = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    """Codes of refusals which prove that the thing was reached, whatever their status."""


def public(thing: Make | None = None, **more: Any) -> Row:
    """Anybody may, with an account or without."""
    return Row("anybody", REACHED, REACHED, REACHED, thing, **more)


def own(**more: Any) -> Row:
    """Everybody their own: there is no id to be wrong about."""
    return Row("driver", REACHED, REACHED, REACHED, **more)


def drivers(thing: Make | None, **more: Any) -> Row:
    """Of one driver: to all others it is not there."""
    return Row("driver", 404, 404, 404, thing, **more)


def looks(thing: Make, stranger: int = 404, **more: Any) -> Row:
    """All members may look; to all others it is not there."""
    return Row("operator", stranger, 404, REACHED, thing, **more)


def members(thing: Make, **more: Any) -> Row:
    """Of one driver, and of the organisation whose station it is at."""
    return Row("driver", 404, 404, REACHED, thing, **more)


def manages(thing: Make | None, **more: Any) -> Row:
    """Owners and managers may: role first, then whose it is."""
    return Row("operator", 403, 404, 403, thing, **more)


def admins(thing: Make | None = None, **more: Any) -> Row:
    """Platform admins alone."""
    return Row("admin", 403, 403, 403, thing, **more)


DAY = {"minutes": 60, "day": "2030-01-01"}
SPAN = {"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
PLACE = {"lat": 52.52, "lon": 13.4}

ROWS: dict[str, Row] = {
    # accounts
    "request_sign_in_code": public(),
    "register_user": public(),
    "request_password_code": public(),
    "reset_password": public(says=("wrong_credentials",)),
    "open_session": public(says=("wrong_credentials",)),
    "open_sample_session": public(),
    "open_browser_session": public(headers=OWN_PAGE, says=("wrong_credentials",)),
    "get_browser_session": public(),
    "end_browser_session": public(headers=OWN_PAGE),
    "get_jwks": public(),
    "find_users": admins(),
    "block_user": admins(World.of_account),
    "unblock_user": admins(World.of_account),
    "end_session": own(),
    "get_me": own(),
    "change_profile": own(),
    "erase_account": own(),
    "export_account": own(),
    "change_password": own(says=("wrong_password",)),
    "request_email_code": own(),
    "change_email": own(says=("wrong_code",)),
    "list_sessions": own(),
    "end_other_sessions": own(),
    "end_one_session": drivers(World.of_session),
    "list_vehicles": own(),
    "add_vehicle": own(),
    "change_vehicle": drivers(World.of_vehicle),
    "remove_vehicle": drivers(World.of_vehicle),
    "list_my_requests": own(),
    "list_requests": admins(),
    # organisations
    "create_organisation": own(),
    "list_organisations": own(),
    "get_organisation": looks(World.of_organisation),
    "change_organisation": manages(World.of_organisation),
    "approve_organisation": admins(World.of_organisation),
    "list_members": looks(World.of_organisation),
    "invite_member": manages(World.of_organisation),
    "withdraw_invitation": manages(World.of_invitation),
    "list_invitations": own(),
    # A member may ask again: the first answer may have been lost.
    "accept_invitation": members(World.of_received_invitation),
    "decline_invitation": drivers(World.of_received_invitation),
    "change_member": manages(World.of_member),
    "remove_member": manages(World.of_member),
    "list_api_keys": manages(World.of_organisation),
    "create_api_key": manages(World.of_organisation),
    "revoke_api_key": manages(World.of_api_key),
    "list_organisation_requests": looks(World.of_organisation),
    # stations
    "find_stations": public(params=PLACE),
    "find_places": public(params={"q": "Berlin"}),
    "list_locations": public(),
    "get_station": public(World.of_station),
    "get_slots": public(World.of_station, params=DAY),
    "get_sticker": public(World.of_sticker),
    "list_stickers": looks(World.of_station, 403),
    "get_quote": public(body=World.quote_body),
    "create_station": manages(None, body=World.station_body),
    "list_stations": looks(World.of_organisation, 403),
    "change_station": manages(World.of_fresh_station),
    "retire_station": manages(World.of_fresh_station),
    "add_charger": manages(World.of_fresh_station),
    "change_charger": manages(World.of_fresh_station),
    "retire_charger": manages(World.of_fresh_station),
    "set_charger_state": manages(World.of_fresh_station),
    "set_tariff": manages(World.of_fresh_station),
    "set_charger_tariff": manages(World.of_fresh_station),
    "unset_charger_tariff": manages(World.of_fresh_station),
    "set_terms": manages(World.of_fresh_station),
    # bookings
    "hold_slot": own(body=World.hold_body),
    "list_reservations": own(),
    "get_reservation": members(World.of_booking),
    "pay": drivers(World.of_hold),
    "cancel": drivers(World.of_hold),
    "prolong_hold": drivers(World.of_hold),
    "check_in": drivers(World.of_booking),
    "complete": drivers(World.of_booking),
    "get_trace": drivers(World.of_booking),
    "list_station_bookings": looks(World.of_organisation, 403),
    "export_bookings": looks(World.of_organisation, 403, params=SPAN),
    "list_closures": looks(World.of_station, 403),
    "get_closure": looks(World.of_closure, 403),
    "set_closure": manages(World.of_station, body=World.closure_body),
    "lift_closure": manages(World.of_closure),
    "get_calendar_file": drivers(World.of_calendar),
    # money
    "list_payments": own(),
    "get_payment": members(World.of_booking),
    "get_receipt": members(World.of_receipt),
    "list_payment_methods": own(),
    "save_payment_method": own(),
    "set_default_payment_method": drivers(None, body=World.of_method),
    "remove_payment_method": drivers(World.of_method),
    "get_statement": manages(World.of_organisation, params=SPAN),
    "list_statement_lines": manages(World.of_organisation, params=SPAN),
    "export_statement": manages(World.of_organisation, params=SPAN),
    "get_payment_provider": public(),
    "take_provider_event": public(World.of_provider),
    "answer_challenge": drivers(World.of_challenge),
    "get_operation": drivers(World.of_operation),
    # telling
    "list_notifications": own(),
    "mark_notification_read": drivers(World.of_notification),
    "mark_all_notifications_read": own(),
    "get_notification_choices": own(),
    "set_notification_choices": own(),
    "follow": public(params={"station": "00000000-0000-8000-8000-000000000000"}),
}

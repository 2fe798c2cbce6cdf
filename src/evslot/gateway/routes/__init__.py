"""The HTTP resources under /v1, one module each."""

from typing import Any

from evslot.gateway.routes import (
    api_keys,
    browser_sessions,
    closures,
    jwks,
    live,
    me,
    members,
    notification_choices,
    notifications,
    operations,
    organisations,
    payments,
    quotes,
    requests,
    reservations,
    sessions,
    station_bookings,
    stations,
    supply,
    users,
    vehicles,
)

ROUTES: list[Any] = [
    *users.ROUTES,
    *sessions.ROUTES,
    *browser_sessions.ROUTES,
    *me.ROUTES,
    *vehicles.ROUTES,
    *organisations.ROUTES,
    *members.ROUTES,
    *api_keys.ROUTES,
    *stations.ROUTES,
    *supply.ROUTES,
    *closures.ROUTES,
    *quotes.ROUTES,
    *reservations.ROUTES,
    *station_bookings.ROUTES,
    *payments.ROUTES,
    *notifications.ROUTES,
    *notification_choices.ROUTES,
    *operations.ROUTES,
    *requests.ROUTES,
    *live.ROUTES,
    *jwks.ROUTES,
]
"""In the order in which the reference page lists them."""

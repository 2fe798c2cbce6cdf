"""The HTTP resources under /v1, one module each."""

from typing import Any

from evslot.gateway.routes import (
    jwks,
    live,
    notifications,
    operations,
    organisations,
    payments,
    quotes,
    requests,
    reservations,
    sessions,
    stations,
    supply,
    users,
)

ROUTES: list[Any] = [
    *users.ROUTES,
    *sessions.ROUTES,
    *organisations.ROUTES,
    *stations.ROUTES,
    *supply.ROUTES,
    *quotes.ROUTES,
    *reservations.ROUTES,
    *payments.ROUTES,
    *notifications.ROUTES,
    *operations.ROUTES,
    *requests.ROUTES,
    *live.ROUTES,
    *jwks.ROUTES,
]
"""In the order in which the reference page lists them."""

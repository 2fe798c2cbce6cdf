"""The HTTP application: routes, who may pass, how a no is said."""

from typing import Any

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.types import ASGIApp
from msgspec import Struct

from evslot.gateway.auth import Door
from evslot.gateway.backend import Accepted, Backend
from evslot.gateway.browser_app import app_pages, is_built
from evslot.gateway.browser_sessions import BrowserSessions
from evslot.gateway.developing import Surroundings, development_pages
from evslot.gateway.edge import Edge
from evslot.gateway.history import History
from evslot.gateway.limits import Limits
from evslot.gateway.live import Live
from evslot.gateway.pages import pages
from evslot.gateway.problems import response_for
from evslot.gateway.routes import ROUTES
from evslot.gateway.routes.operations import accepted
from evslot.gateway.settings import GatewaySettings
from evslot.gateway.shared_reads import SharedReads
from evslot.gateway.tracing import Tracing
from evslot.gateway.visitors import EdgeRequest, Reception


class Parts(Struct, frozen=True, kw_only=True):
    """What the routes work with."""

    door: Door
    backend: Backend
    shared: SharedReads
    live: Live
    history: History
    tracing: Tracing | None = None
    """In development."""


def create_app(parts: Parts, settings: GatewaySettings, *, development: bool = False) -> ASGIApp:
    """The ASGI application; nothing in it starts or stops by itself."""
    browsers = BrowserSessions(parts.door, parts.backend, proxies=settings.proxies)
    limits = Limits(settings)
    reception = Reception(browsers, parts.backend, parts.shared, limits)
    app = Litestar.from_config(
        AppConfig(
            route_handlers=[*ROUTES, *_shown(settings, development)],
            request_class=EdgeRequest,
            before_request=reception.greet,
            dependencies={
                "visitor": Provide(reception.visitor, sync_to_thread=False),
                "driver": Provide(reception.driver, sync_to_thread=False),
                "browsers": Provide(lambda: browsers, sync_to_thread=False),
                "limits": Provide(lambda: limits, sync_to_thread=False),
                "live": Provide(lambda: parts.live, sync_to_thread=False),
                "around": Provide(
                    lambda: Surroundings(inbox_url=settings.inbox_url), sync_to_thread=False
                ),
                "tracing": Provide(lambda: parts.tracing, sync_to_thread=False),
                "history": Provide(lambda: parts.history, sync_to_thread=False),
            },
            exception_handlers={Accepted: accepted, Exception: response_for},
            request_max_body_size=settings.body_bytes,
            openapi_config=None,
        )
    )
    return Edge(
        app,
        parts.history,
        log_requests=settings.log_requests,
        map_style_url=settings.map_style_url,
    )


def _shown(settings: GatewaySettings, development: bool) -> list[Any]:
    """What people read; the app at /, where it was built."""
    home, *read = pages("/dev" if development else "/docs")
    first = app_pages(map_style_url=settings.map_style_url) if is_built() else [home]
    return [*first, *read, *(development_pages() if development else [])]

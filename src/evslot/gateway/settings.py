"""What can be set at the edge: `EVSLOT_GATEWAY_<NAME>`."""

from typing import Annotated

from msgspec import Meta, Struct

MINUTES_BACK = 15
"""How far back events are read at start: longer than an access token lives, so that a session
ended before the start is still known to be over."""


Limit = Annotated[str, Meta(pattern=r"^(off|[1-9][0-9]{0,5}/[1-9][0-9]{0,4})$")]
"""`amount/seconds`: so many at once, and as many again within so many seconds; or `off`."""


StyleAddress = Annotated[str, Meta(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]+)?/[^\s\"'<>;,]*$")]
"""What may go into a page and its content policy as it is."""


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """Limits of the edge; each bounds something a caller could otherwise fill."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    wait_seconds: Annotated[float, Meta(gt=0, le=60)] = 5.0
    """How long HTTP waits for an answer; then 202."""
    not_after_seconds: Annotated[float, Meta(gt=0, le=600)] = 30.0
    """After this a command has no effect any more."""
    ack_seconds: Annotated[float, Meta(gt=0, le=10)] = 1.5
    """How long Kafka may take to take a record; then 503."""
    in_flight: Annotated[int, Meta(ge=1, le=100_000)] = 384
    """Requests waiting for an answer; more are refused early."""
    body_bytes: Annotated[int, Meta(ge=1024, le=200_000)] = 64 * 1024
    connections: Annotated[int, Meta(ge=16, le=100_000)] = 4096
    live_clients: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """Live streams that are open at once."""
    live_clients_account: Annotated[int, Meta(ge=1, le=100_000)] = 20
    """Of those, for one account: a few pages on each of a few devices."""
    live_clients_address: Annotated[int, Meta(ge=1, le=100_000)] = 100
    """Of those, for one address without account: behind a mobile carrier's stand dozens of
    strangers, and still one address fills but a tenth of all."""
    live_queue: Annotated[int, Meta(ge=1, le=10_000)] = 256
    """Events a slow reader may lag behind before it is told to start anew."""
    ring_events: Annotated[int, Meta(ge=16, le=1_000_000)] = 20_000
    """Events kept for readers that come back; about 1 kB each."""
    shared_seconds: Annotated[float, Meta(ge=0, le=10)] = 0.1
    """How old an answer to a public read may be that is given to several callers."""
    limits: bool = True
    """False: no caller is told 429 for asking or following much. For measurements and tests,
    whose callers share one address."""
    limit_read: Limit = "1200/60"
    """Reads of one account."""
    limit_write: Limit = "240/60"
    """Writes of one account."""
    limit_open: Limit = "2400/60"
    """What needs no account, by address: a whole office may stand behind one."""
    limit_sign_in: Limit = "120/60"
    """Codes, registrations and sign-ins, by address."""
    limit_account: Limit = "20/600"
    """Codes and sign-ins to one e-mail address, by the address they come from."""
    limit_account_anywhere: Limit = "3000/600"
    """The same from all addresses together: more than 100 may ask, so that they keep no owner out.
    How many guesses are looked at is bounded by the user service."""
    proxies: Annotated[int, Meta(ge=0, le=8)] = 0
    """Proxies of our own in front, each of which adds to X-Forwarded-For; 0 = none is believed."""
    inbox_url: str | None = None
    """The mail catcher's page, for the page at /dev."""
    map_style_url: StyleAddress | None = None
    """A MapLibre style for the map of the app, with all it needs on the same origin; without it
    the map needs nobody."""
    stop_seconds: Annotated[int, Meta(ge=1, le=60)] = 6
    log_requests: bool = True

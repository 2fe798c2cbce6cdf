"""Live streams without Kafka, for the tests of what they do by themselves."""

from collections.abc import AsyncGenerator, Collection
from uuid import UUID

from evslot.gateway.live import Live, LiveEvent
from evslot.gateway.positions import Partitions
from evslot.gateway.settings import GatewaySettings
from evslot.spine.callers import Caller
from evslot.values import UserId

TOPIC = "reservation-events"


def small_live(**settings: int) -> Live:
    """Streams over one partition, without Kafka."""
    live = Live(GatewaySettings(**settings))  # type: ignore[arg-type]
    live.begin(Partitions({(TOPIC, 0): 0}, [TOPIC]))
    return live


def follow(
    live: Live,
    caller: Caller,
    last_event_id: str | None = None,
    network: str = "192.0.2.1",
    station_ids: Collection[UUID] = (),
) -> AsyncGenerator[bytes]:
    """One more stream, not begun yet."""
    frames = live.follow(
        caller, network=network, station_ids=station_ids, last_event_id=last_event_id
    )
    assert isinstance(frames, AsyncGenerator)
    return frames


def happen(live: Live, user_id: UserId, *offsets: int) -> None:
    for offset in offsets:
        live.heard(TOPIC, 0, offset, [LiveEvent("reservation", b"{}", user_id=user_id)])

"""`evslot demo`: the whole story on the running system, with what went through Kafka."""

import asyncio

from rich.console import Console

from evslot.cli.demo.story import Story
from evslot.cli.demo.telling import Narrator
from evslot.cli.demo.visitor import DemoFailed, Post, Visitor
from evslot.cli.demo.watching import Watch
from evslot.cli.operating import broker
from evslot.cli.surroundings import Surroundings
from evslot.spine.config import Config
from evslot.spine.topics import Topics


def demo() -> None:
    """Play two bookings on the system that `evslot up` runs; safe to repeat."""
    asyncio.run(_demo(Config.from_environment().shared(Surroundings)))


async def _demo(where: Surroundings) -> None:
    shared = broker()
    address = f"http://127.0.0.1:{where.gateway_port}"
    post = Post(f"http://127.0.0.1:{where.mail_http_port}")
    driver, rival = (Visitor(address, name, post) for name in ("driver", "rival"))
    try:
        async with Watch(shared.kafka_bootstrap, Topics(shared.topic_prefix)) as watch:
            await Story(Narrator(watch), driver, rival, post, where.folder).play()
    finally:
        for opened in (driver, rival, post):
            await opened.close()
    Console(highlight=False).print(
        f"\nThat was all real: read the mails at http://127.0.0.1:{where.mail_http_port},"
        f" and try it yourself at {address}/dev"
    )


COMMANDS = (demo,)

__all__ = ["COMMANDS", "DemoFailed", "demo"]

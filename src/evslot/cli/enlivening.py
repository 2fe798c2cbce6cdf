"""Behind `up`: the sample comes in, is filled with a past, and people begin to act."""

from collections.abc import Callable

from evslot.cli.history.filling import OPENING, fill, traffic_drivers
from evslot.cli.sample import import_sample_where_empty
from evslot.cli.surroundings import Surroundings, topics
from evslot.cli.traffic.crowd import be_about
from evslot.services.reservation import messages as reservation
from evslot.spine.asking import Asker
from evslot.spine.kafka import BrokerUnavailable
from evslot.spine.message import Refused

PEOPLE = 6


async def enliven(where: Surroundings, say: Callable[[str], None], traffic: bool) -> None:
    """Behind the back of who uses the system already; a failure is told and harms nothing."""
    try:
        async with Asker(where.kafka_bootstrap, topics()) as asker:
            await import_sample_where_empty(asker, say)
            await fill(asker, say)
            filled = await asker.send(reservation.GetSampleHistory())
    except BrokerUnavailable as error:
        say(f"the sample is not all there: {error}; the next `up` goes on with it")
        return
    except Refused as refused:
        say(f"the sample stays as it is: {refused.detail}")
        return
    if traffic and filled.written_until is not None:
        say("a few made-up drivers are about (--no-traffic: without)")
        address = f"http://127.0.0.1:{where.gateway_port}"
        middle = {"lat": OPENING.latitude, "lon": OPENING.longitude}
        await be_about(address, traffic_drivers(PEOPLE), middle, say)

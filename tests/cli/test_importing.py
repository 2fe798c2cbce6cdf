"""A long list comes in part by part; what is wrong with one is told and stops no other."""

from typing import Any
from uuid import UUID

import pytest

from evslot.cli.material import send_parts
from evslot.services.station import messages as station
from evslot.spine.kafka import BrokerUnavailable
from evslot.spine.message import Answer, Refused

pytestmark = pytest.mark.anyio

FAILED = Refused(Answer(status=500, code="failed", detail="Something is wrong on our side."))


def part(number: int, *records: Any) -> station.ImportStations:
    return station.ImportStations(import_id=UUID(int=1), part=number, records=list(records))


def done(command: station.ImportStations) -> station.ImportReport:
    return station.ImportReport(
        part=command.part, created=[], changed=[], unchanged=[], skipped={}, notes={}
    )


async def test_a_part_that_fails_holds_up_no_other() -> None:
    async def send(command: station.ImportStations) -> station.ImportReport:
        if command.part == 2:
            raise FAILED
        return done(command)

    large = part(3, {"text": "x" * 300_000})
    reports, failed = await send_parts(send, [part(1), part(2), large, part(4)])
    assert [report.part for report in reports] == [1, 4]
    assert list(failed) == [2, 3]
    assert failed[2] == "Something is wrong on our side."
    assert "fit no record" in failed[3]


async def test_where_nobody_answers_the_rest_is_not_sent() -> None:
    sent = []

    async def send(command: station.ImportStations) -> station.ImportReport:
        sent.append(command.part)
        if command.part == 2:
            raise BrokerUnavailable("no answer")
        return done(command)

    reports, failed = await send_parts(send, [part(1), part(2), part(3)])
    assert [report.part for report in reports] == [1]
    assert failed == {2: "no answer", 3: "not sent"}
    assert sent == [1, 2]

"""`evslot import` and `evslot inbox`: bringing stations in, reading what was mailed."""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from cyclopts import App
from rich.console import Console
from rich.progress import track

from evslot.cli.operating import broker
from evslot.cli.surroundings import Surroundings
from evslot.services.station import messages as station
from evslot.spine.asking import Asker
from evslot.spine.config import Config
from evslot.spine.message import Refused
from evslot.spine.topics import Topics
from evslot.values import OrganisationId

console = Console(highlight=False)
import_ = App(name="import", help="Bring stations in.")

PART_BYTES = 150_000
"""JSON of one part of an import: well below the largest record of a topic."""
PART_RECORDS = 100


class CannotImport(Exception):
    """The file or the answer of the system does not allow the import; the message says what."""


@import_.command
def ocm(
    file: Path,
    *,
    bookable_as: UUID | None = None,
    currency: str = "EUR",
    per_hour: int | None = None,
    flat: int = 0,
    per_kwh: int | None = None,
    vat_basis_points: int = 1900,
    terms: Literal["relaxed", "usual", "strict"] = "usual",
) -> None:
    """Import Open Charge Map records from FILE; importing again changes nothing.

    Parameters
    ----------
    file
        A JSON list as the Open Charge Map API answers it.
    bookable_as
        Organisation that offers the stations; without it they are shown, but not bookable.
    per_hour
        Gross price of an hour in minor units; demanded with --bookable-as, like all of a tariff.
    """
    tariff = None
    if bookable_as is not None:
        if per_hour is None:
            raise CannotImport("--bookable-as needs a tariff: name at least --per-hour")
        tariff = station.Tariff(
            currency=currency,
            flat=flat,
            per_hour=per_hour,
            per_kwh=per_kwh,
            vat_basis_points=vat_basis_points,
        )
    records = _read(file)
    owner = None if bookable_as is None else OrganisationId(bookable_as)
    parts = [
        station.ImportStations(
            import_id=uuid5(NAMESPACE_URL, f"import:{file.name}"),
            part=number,
            records=part,
            bookable_as=owner,
            tariff=tariff,
            terms=terms,
        )
        for number, part in enumerate(cut(records), start=1)
    ]
    report(len(records), asyncio.run(_send(parts)))


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[dict[str, Any]])
    except OSError as error:
        raise CannotImport(f"{file} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise CannotImport(f"{file} is not a JSON list of records: {error}") from error


def cut(records: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Parts that fit a record of a topic, in order."""
    part: list[dict[str, Any]] = []
    size = 0
    for record in records:
        length = len(msgspec.json.encode(record))
        if part and (size + length > PART_BYTES or len(part) == PART_RECORDS):
            yield part
            part, size = [], 0
        part.append(record)
        size += length
    if part:
        yield part


async def _send(parts: list[station.ImportStations]) -> list[station.ImportReport]:
    shared = broker()
    topics = Topics(shared.topic_prefix)
    reports = []
    async with Asker(shared.kafka_bootstrap, topics) as asker:
        for part in track(parts, "Importing", console=console, transient=True):
            try:
                reports.append(await asker.send(part))
            except Refused as refused:
                raise CannotImport(f"part {part.part}: {refused.detail}") from refused
    return reports


def report(total: int, reports: list[station.ImportReport]) -> None:
    """Every record is in exactly one line."""
    created = sum(len(part.created) for part in reports)
    changed = sum(len(part.changed) for part in reports)
    unchanged = sum(len(part.unchanged) for part in reports)
    skipped = {name: why for part in reports for name, why in part.skipped.items()}
    for name, why in skipped.items():
        console.print(f"skipped {name}: {why}", soft_wrap=True, markup=False)
    notes = {name: note for part in reports for name, note in part.notes.items()}
    for name, note in notes.items():
        words = "; ".join(note)
        console.print(f"note on {name}: {words}", style="dim", soft_wrap=True, markup=False)
    console.print(
        f"{total} records: {created} created, {changed} changed, {unchanged} unchanged,"
        f" {len(skipped)} skipped"
    )


def inbox(*, limit: int = 10) -> None:
    """Print what the mail catcher of `evslot up` holds, newest first."""
    where = Config.from_environment().shared(Surroundings)
    base = f"http://127.0.0.1:{where.mail_http_port}"
    mails = _fetch(f"{base}/api/messages")["messages"]
    for mail in mails[:limit]:
        whole = _fetch(f"{base}/api/messages/{mail['number']}")
        console.rule(str(whole.get("subject", "")))
        console.print(f"to {', '.join(whole.get('recipients', []))}", style="dim")
        console.print(str(whole.get("text", "")), markup=False)
    console.print(f"{len(mails)} mails; read them at {base}")


def _fetch(address: str) -> Any:
    try:
        with urllib.request.urlopen(address, timeout=5.0) as answer:
            return json.load(answer)
    except OSError as error:
        raise LookupError(f"no mail catcher at {address} ({error}): run `evslot up`") from error


COMMANDS = (import_, inbox)

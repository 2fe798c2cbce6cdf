"""`evslot import` and `evslot inbox`: bringing stations in, reading what was mailed."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from cyclopts import App
from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress, track

from evslot.cli.loopback import opened
from evslot.cli.operating import broker
from evslot.cli.parts import cut
from evslot.cli.sample import import_sample, sample_parts
from evslot.cli.surroundings import Surroundings
from evslot.services.station import messages as station
from evslot.services.station.domain.sample import MOST_TIMES
from evslot.spine import message
from evslot.spine.asking import Asker
from evslot.spine.config import Config
from evslot.spine.kafka import BrokerUnavailable
from evslot.spine.message import Refused
from evslot.spine.topics import BODY_BYTES, Topics
from evslot.values import OrganisationId

console = Console(highlight=False)
import_ = App(name="import", help="Bring stations in.")

Terms = Literal["relaxed", "usual", "strict"]


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
    terms: Terms = "usual",
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
    records = _read(file)
    tariff = _tariff(bookable_as, currency, per_hour, flat, per_kwh, vat_basis_points)
    pattern = station.ImportStations(
        import_id=uuid5(NAMESPACE_URL, f"import:{file.name}"),
        part=0,
        records=[],
        bookable_as=None if bookable_as is None else OrganisationId(bookable_as),
        tariff=tariff,
        terms=terms,
    )
    asyncio.run(_send(pattern, records))


@import_.command
def ocpi(
    file: Path,
    *,
    bookable_as: UUID | None = None,
    currency: str = "EUR",
    per_hour: int | None = None,
    flat: int = 0,
    per_kwh: int | None = None,
    vat_basis_points: int = 1900,
    terms: Terms = "usual",
    source: str = "",
    licence: str = "",
) -> None:
    """Import OCPI 2.2 or 2.3 Locations from FILE; importing again changes nothing.

    Parameters
    ----------
    file
        A JSON list of Location objects, or an answer of OCPI's Locations module with such `data`.
    bookable_as
        Organisation that offers the stations; without it they are shown, but not bookable.
    per_hour
        Gross price of an hour in minor units; demanded with --bookable-as, like all of a tariff.
    source
        Whose data these are, where a Location names no operator.
    licence
        Under which licence, as it is to be shown.
    """
    records = _read(file)
    pattern = station.ImportStations(
        import_id=uuid5(NAMESPACE_URL, f"import:{file.name}"),
        part=0,
        records=[],
        bookable_as=None if bookable_as is None else OrganisationId(bookable_as),
        tariff=_tariff(bookable_as, currency, per_hour, flat, per_kwh, vat_basis_points),
        terms=terms,
        format="ocpi",
        source=source,
        licence=licence,
    )
    asyncio.run(_send(pattern, records))


@import_.command
def sample(*, times: int = 1) -> None:
    """Import the made-up sample: stations of made-up organisations in four real cities.

    Parameters
    ----------
    times
        So many times as many stations; 100 gives 100,000 chargers to measure with.
    """
    if not 1 <= times <= MOST_TIMES:
        raise CannotImport(f"--times: 1 to {MOST_TIMES}")
    reports = asyncio.run(_import_sample(times))
    report(sum(len(r.created) + len(r.changed) + len(r.unchanged) for r in reports), reports)


async def _import_sample(times: int) -> list[station.ImportReport]:
    shared = broker()
    count = sum(1 for _ in sample_parts(times))
    async with Asker(shared.kafka_bootstrap, Topics(shared.topic_prefix)) as asker:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("Importing", total=count)
            try:
                return await import_sample(
                    asker, times, lambda done: progress.update(task, completed=done)
                )
            except Refused as refused:
                raise CannotImport(refused.detail) from refused


def _tariff(
    bookable_as: UUID | None,
    currency: str,
    per_hour: int | None,
    flat: int,
    per_kwh: int | None,
    vat_basis_points: int,
) -> station.Tariff | None:
    if bookable_as is None:
        return None
    if per_hour is None:
        raise CannotImport("--bookable-as needs a tariff: name at least --per-hour")
    return station.Tariff(
        currency=currency,
        flat=flat,
        per_hour=per_hour,
        per_kwh=per_kwh,
        vat_basis_points=vat_basis_points,
    )


def _read(file: Path) -> list[dict[str, Any]]:
    """A list, or OCPI's envelope around one."""
    try:
        told = msgspec.json.decode(file.read_bytes())
        records = told.get("data") if isinstance(told, dict) else told
        return msgspec.convert(records, list[dict[str, Any]])
    except OSError as error:
        raise CannotImport(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CannotImport(f"{file} is not in UTF-8, as JSON must be: {error}") from error
    except msgspec.MsgspecError as error:
        raise CannotImport(f"{file} is not a JSON list of records: {error}") from error


async def _send(pattern: station.ImportStations, records: list[dict[str, Any]]) -> None:
    """Part after part, each like the pattern; then what became of them."""
    shared = broker()
    parts = [
        replace(pattern, part=number, records=part)
        for number, part in enumerate(cut(records), start=1)
    ]
    async with Asker(shared.kafka_bootstrap, Topics(shared.topic_prefix)) as asker:
        shown = track(parts, "Importing", console=console, transient=True)
        reports, failed = await send_parts(asker.send, shown)
    report(len(records), reports)
    if failed:
        reasons = "; ".join(f"part {number}: {reason}" for number, reason in failed.items())
        raise CannotImport(f"{len(failed)} of {len(parts)} parts failed: {reasons}")


async def send_parts(
    send: Callable[[station.ImportStations], Awaitable[station.ImportReport]],
    parts: Iterable[station.ImportStations],
) -> tuple[list[station.ImportReport], dict[int, str]]:
    """The reports on those that went well, and why the others, by number, did not.

    One that fails holds up no other, unless nobody answers: those behind it would only wait too.
    """
    reports: list[station.ImportReport] = []
    failed: dict[int, str] = {}
    silence = ""
    for part in parts:
        length = len(message.encode(part))
        if silence or length > BODY_BYTES:
            failed[part.part] = silence or f"{length} bytes fit no record of a topic"
            continue
        try:
            reports.append(await send(part))
        except Refused as refused:
            failed[part.part] = refused.detail
        except BrokerUnavailable as error:
            failed[part.part] = str(error)
            silence = "not sent"
    return reports, failed


def report(total: int, reports: list[station.ImportReport]) -> None:
    """Every record is in exactly one line; those of parts that failed are in none."""
    created = sum(len(part.created) for part in reports)
    changed = sum(len(part.changed) for part in reports)
    unchanged = sum(len(part.unchanged) for part in reports)
    skipped = [line for part in reports for line in part.skipped.items()]
    for name, why in skipped:
        console.print(f"skipped {name}: {why}", soft_wrap=True, markup=False)
    for name, note in (line for part in reports for line in part.notes.items()):
        words = "; ".join(note)
        console.print(f"note on {name}: {words}", style="dim", soft_wrap=True, markup=False)
    console.print(
        f"{total} records: {created} created, {changed} changed, {unchanged} unchanged,"
        f" {len(skipped)} skipped"
    )


def inbox(*, limit: int = 10, to: str | None = None, wait: float = 0.0) -> None:
    """Print what the mail catcher of `evslot up` holds, newest first.

    Parameters
    ----------
    to
        Only mails to this address.
    wait
        Seconds to wait for one that came within the last minute.
    """
    where = Config.from_environment().shared(Surroundings)
    base = f"http://127.0.0.1:{where.mail_http_port}"
    address = f"{base}/api/messages" + (f"?{urlencode({'to': to})}" if to else "")
    until = time.monotonic() + wait
    mails = _fetch(address)["messages"]
    while time.monotonic() < until and not _came_lately(mails):
        time.sleep(0.1)
        mails = _fetch(address)["messages"]
    for mail in mails[:limit]:
        whole = _fetch(f"{base}/api/messages/{mail['number']}")
        console.rule(str(whole.get("subject", "")))
        console.print(f"to {', '.join(whole.get('recipients', []))}", style="dim")
        console.print(str(whole.get("text", "")), markup=False)
    console.print(f"{len(mails)} mails; read them at {base}")


def _came_lately(mails: list[dict[str, Any]]) -> bool:
    if not mails:
        return False
    age = datetime.now(UTC) - datetime.fromisoformat(mails[0]["received_at"])
    return age < timedelta(minutes=1)


def _fetch(address: str) -> Any:
    try:
        with opened(address, 5.0) as answer:
            return json.load(answer)
    except OSError as error:
        raise LookupError(f"no mail catcher at {address} ({error}): run `evslot up`") from error


COMMANDS = (import_, inbox)

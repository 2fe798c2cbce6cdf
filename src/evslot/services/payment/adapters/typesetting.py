"""Sets receipts as PDF: the words and figures here, the look in `templates/receipt.typ`."""

import asyncio
import re
from collections import OrderedDict
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import typst
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from evslot.money import for_people
from evslot.services.payment.adapters.wording import WORDS, Words
from evslot.services.payment.messages import Language, Receipt, ReceiptLine
from evslot.values import Money

AT_ONCE = 2
"""Each takes some 10 ms of one core, beside the event loop."""
REMEMBERED = 64
"""Papers set last: who reads the second part of one does not wait for the first once more."""

MINUS = "−"


class Typesetter:
    """Sets a few papers at a time, in threads."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        self._set: OrderedDict[tuple[UUID, str], bytes] = OrderedDict()

    async def set(self, receipt: Receipt, language: Language) -> bytes:
        """The PDF; the same bytes whenever it is asked for."""
        name = (receipt.receipt_id, language)
        async with self._free:
            if name not in self._set:
                self._set[name] = await asyncio.to_thread(typeset, receipt, language)
                if len(self._set) > REMEMBERED:
                    self._set.popitem(last=False)
            return self._set[name]


def typeset(receipt: Receipt, language: Language) -> bytes:
    """Only fonts of the wheel itself, and no clock: a paper looks alike on every machine."""
    pdf = typst.compile(
        _template(),
        format="pdf",
        sys_inputs={"data": msgspec.json.encode(printed(receipt, language)).decode()},
        ignore_system_fonts=True,
        timestamp=int(receipt.issued_at.timestamp()),
    )
    if not isinstance(pdf, bytes):
        raise TypeError("a PDF is one run of bytes")
    return pdf


def printed(receipt: Receipt, language: Language) -> dict[str, Any]:
    """Everything the template shows, as texts."""
    words = WORDS[language]
    credit = receipt.kind == "credit_note"
    sign = MINUS if credit else ""

    def money(amount: int) -> str:
        return sign + shown_money(Money(amount, receipt.total.currency), language)

    return {
        "lang": language,
        "title": words.credit_note if credit else words.receipt,
        "number": receipt.number,
        "issued": shown_day(receipt.issued_at, receipt.zone, language),
        "seller": _seller(receipt, words),
        "labels": {
            "seller": words.seller,
            "columns": [words.item, words.vat_rate, words.gross],
            "vat_columns": [words.vat_rate, words.net, words.vat, words.gross],
            "total": words.credited if credit else words.total,
        },
        "facts": _facts(receipt, words, language),
        "lines": [
            [_line_text(line, words), _rate(line.vat_basis_points, language), money(line.amount)]
            for line in receipt.lines
        ],
        "vat": [
            [_rate(vat.vat_basis_points, language), *map(money, (vat.net, vat.vat, vat.gross))]
            for vat in receipt.vat
        ],
        "total": money(receipt.total.amount),
        "notes": [
            words.paid_back if credit else words.paid,
            *([words.price_is_gross] if receipt.vat else []),
        ],
        "footer": words.agent.format(agent=receipt.agent),
    }


def shown_money(money: Money, language: Language) -> str:
    """`€6.40`, `6,40 €`: with as many digits as the currency has."""
    return for_people(money, WORDS[language].locale)


def shown_day(instant: datetime, zone: str, language: Language) -> str:
    """A day of the station's calendar."""
    return format_date(instant.astimezone(ZoneInfo(zone)), "long", locale=WORDS[language].locale)


def _facts(receipt: Receipt, words: Words, language: Language) -> list[list[str]]:
    zone = ZoneInfo(receipt.zone)
    facts = []
    if receipt.refers_to:
        facts.append([words.refers_to, receipt.refers_to])
    if receipt.station_name:
        facts.append([words.place, f"{receipt.station_name}, {receipt.charger_label}"])
    if receipt.period:
        facts.append([words.slot, _slot(receipt, language)])
    if receipt.code:
        facts.append([words.code, receipt.code])
    moved = format_datetime(
        receipt.moved_at.astimezone(zone), "medium", locale=WORDS[language].locale
    )
    facts.append([words.moved_back if receipt.kind == "credit_note" else words.moved, moved])
    facts.append([words.payment, str(receipt.payment_id)])
    return facts


def _slot(receipt: Receipt, language: Language) -> str:
    """`17 Nov 2026, 17:00 – 18:00 (Europe/Berlin, UTC+01:00)`.

    Where the clock is turned meanwhile both offsets are shown: they tell doubled hours apart.
    """
    if receipt.period is None:
        return ""
    zone = ZoneInfo(receipt.zone)
    start, end = (at.astimezone(zone) for at in (receipt.period.start, receipt.period.end))
    day = format_date(start, "medium", locale=WORDS[language].locale)
    until = (
        format_date(end, "medium", locale=WORDS[language].locale) + ", "
        if end.date() != start.date()
        else ""
    )
    first, last = (f"UTC{at.isoformat()[-6:]}" for at in (start, end))
    turned = f" {first}" if first != last else ""
    return f"{day}, {start:%H:%M}{turned} – {until}{end:%H:%M} ({receipt.zone}, {last})"


def _seller(receipt: Receipt, words: Words) -> list[str]:
    seller = receipt.seller
    lines = [seller.legal_name, *seller.address.splitlines(), seller.country]
    lines += [f"{words.vat_id}: {seller.vat_id}"] if seller.vat_id else []
    lines += [f"{words.register}: {seller.register}"] if seller.register else []
    lines += [text for text in (seller.contact_email, seller.phone) if text]
    return lines


def _line_text(line: ReceiptLine, words: Words) -> str:
    """Known kinds in the paper's language; a price's own words stay as they were quoted."""
    known = words.lines.get((line.kind, line.text))
    if known is not None:
        return known
    text = line.text
    for pattern, said in words.phrases:
        text = re.sub(pattern, said, text)
    return words.kinds.get(line.kind, "{text}").replace("{text}", text)


def _rate(basis_points: int | None, language: Language) -> str:
    if basis_points is None:
        return "–"
    return f"{format_decimal(Decimal(basis_points).scaleb(-2), locale=WORDS[language].locale)} %"


@cache
def _template() -> bytes:
    return files("evslot.services.payment").joinpath("templates/receipt.typ").read_bytes()

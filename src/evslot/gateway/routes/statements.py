"""Statements: what an organisation earned, as sums and as a table."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Annotated

from litestar import get
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import Meta
from msgspec.structs import replace

from evslot.gateway.description import described
from evslot.gateway.parsing import Instant, Parameters
from evslot.gateway.visitors import Driver, EdgeRequest, SignedInDriver
from evslot.services.payment import messages as payment
from evslot.services.payment.messages import (
    ListStatementLines,
    Statement,
    StatementLine,
    StatementLines,
)
from evslot.values import OrganisationId, Period

TAG = "Operators"
PART_LINES = 500
MOST_PARTS = 2_000
"""A million movements: more than any organisation has in a year."""
COLUMNS = (
    *("line", "at", "kind", "payment_id", "reservation_id", "receipt_number"),
    *("amount", "currency", "minor_units"),
)


class StatementWish(Parameters, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Of which time."""

    from_: Annotated[Instant, Meta(description="Movements at this time or later")]
    to: Annotated[Instant, Meta(description="and before this; at most 366 days in all")]

    @property
    def period(self) -> Period:
        return Period(self.from_, self.to)


class LinesWish(StatementWish, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Of which time, and which page."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    cursor: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None


REFUSALS = (payment.StatementForbidden, payment.StatementNotFound, payment.PeriodInvalid)


@get(
    "/v1/organisations/{organisation_id:uuid}/statements",
    opt=described(*REFUSALS, parameters=StatementWish, tag=TAG),
)
async def get_statement(
    organisation_id: FromPath[OrganisationId], request: EdgeRequest, driver: Driver
) -> Statement:
    """What the platform owes an organisation: opening, earned, fees, refunded, payable.

    One line a currency, every sum read off the ledger; for its owners and managers.
    """
    wish = request.parameters(StatementWish)
    question = payment.GetStatement(organisation_id=organisation_id, period=wish.period)
    return await driver.ask(question)


@get(
    "/v1/organisations/{organisation_id:uuid}/statements/lines",
    opt=described(*REFUSALS, payment.CursorInvalid, parameters=LinesWish, tag=TAG),
)
async def list_statement_lines(
    organisation_id: FromPath[OrganisationId], request: EdgeRequest, driver: Driver
) -> StatementLines:
    """Every movement of money behind a statement, oldest first."""
    wish = request.parameters(LinesWish)
    return await driver.ask(
        ListStatementLines(
            organisation_id=organisation_id,
            period=wish.period,
            limit=wish.limit,
            cursor=wish.cursor,
        )
    )


@get(
    "/v1/organisations/{organisation_id:uuid}/statements.csv",
    opt=described(*REFUSALS, parameters=StatementWish, media=("text/csv",), tag=TAG),
)
async def export_statement(
    organisation_id: FromPath[OrganisationId], request: EdgeRequest, driver: Driver
) -> Stream:
    """Every movement of money behind a statement as a table (RFC 4180), oldest first."""
    wish = request.parameters(StatementWish)
    question = ListStatementLines(
        organisation_id=organisation_id, period=wish.period, limit=PART_LINES
    )
    first = await driver.ask(question)
    return Stream(
        _parts(question, first, driver),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="statement.csv"'},
    )


async def _parts(
    question: ListStatementLines, page: StatementLines, driver: SignedInDriver
) -> AsyncIterator[bytes]:
    """One page after the other. Where one fails the connection is cut: half is no table."""
    yield _table([COLUMNS, *map(_row, page.lines)])
    for _ in range(MOST_PARTS):
        if page.next_cursor is None:
            return
        page = await driver.ask(replace(question, cursor=page.next_cursor))
        yield _table([*map(_row, page.lines)])


def _row(line: StatementLine) -> tuple[str, ...]:
    return (
        str(line.line_id),
        line.at.isoformat(),
        line.kind,
        str(line.payment_id),
        str(line.reservation_id),
        line.receipt_number or "",
        str(line.amount.in_major_units),
        line.amount.currency,
        str(line.amount.amount),
    )


def _table(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


ROUTES = [get_statement, list_statement_lines, export_statement]

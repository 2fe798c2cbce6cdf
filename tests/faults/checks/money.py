"""I5: the ledger, the provider's own books and the bookings tell the same story of the money."""

from collections import defaultdict
from uuid import UUID

from msgspec import Struct

from evslot.services.payment.domain.ledger import Leg, Posting, link
from evslot.values import PaymentId
from tests.faults.checks.judging import Judged, Run
from tests.faults.checks.reading import instant, reservations
from tests.faults.truth import Row

UNPAID = ("held", "released", "expired")
USED = ("active", "completed", "no_show")
FINAL_CALLS = ("done", "given_up")


class AtProvider(Struct):
    """What the provider's books say of one payment; minor units."""

    held: int = 0
    captured: int = 0
    refunded: int = 0
    lapses: str | None = None


def money_agrees(run: Run) -> Judged:
    """I5."""
    judged = Judged(check="I5", needs=("payments", "ledger transactions", "provider entries"))
    _ledger_is_sound(run, judged)
    _bank_was_never_off(run, judged)
    provider = _provider_books(run, judged)
    lapsed = _lapsed(run, provider)
    _payments_agree(run, judged, provider, lapsed)
    _sums_agree(run, judged, provider)
    _bookings_agree(run, judged, lapsed)
    _papers_agree(run, judged)
    return judged


def _ledger_is_sound(run: Run, judged: Judged) -> None:
    legs: dict[int, list[Row]] = defaultdict(list)
    for row in run.truth.table("payment", "ledger_entry"):
        legs[row["transaction_id"]].append(row)
    previous: str | None = None
    calls: set[str] = set()
    for row in _chained(run.truth.table("payment", "ledger_transaction")):
        judged.count("ledger transactions")
        number = row["transaction_id"]
        its = sorted(legs.pop(number, []), key=lambda leg: int(leg["line"]))
        sums: dict[str, int] = defaultdict(int)
        for leg in its:
            sums[leg["currency"]] += leg["amount"]
        if any(sums.values()) or len(its) != row["legs"]:
            judged.find(f"ledger transaction {number} does not balance: {dict(sums)}")
        if row["call_id"] in calls:
            judged.find(f"provider call {row['call_id']} is in the ledger twice")
        calls.add(row["call_id"])
        if row["previous_hash"] != previous or _hash(row, its) != row["hash"]:
            judged.find(f"the chain of the ledger is broken at transaction {number}")
        previous = row["hash"]
    if legs:
        judged.find(f"ledger lines of no transaction: {sorted(legs)}")


def _bank_was_never_off(run: Run, judged: Judged) -> None:
    """In every snapshot while it ran: all sums are zero, and no line is ever taken back."""
    lines = 0
    for look in run.truth.bank:
        judged.count("looks at the bank")
        if look["total"] or look["payable"] < 0 or look["lines"] < lines:
            judged.find(f"the ledger was off while it ran: {look} after {lines} lines")
        lines = look["lines"]


def _chained(rows: list[Row]) -> list[Row]:
    """In the order of the chain; what is not on it comes last, and so breaks it."""
    following = {row["previous_hash"]: row for row in rows}
    found: list[Row] = []
    at = following.pop(None, None)
    while at is not None:
        found.append(at)
        at = following.pop(at["hash"], None)
    known = {row["transaction_id"] for row in found}
    return found + [row for row in rows if row["transaction_id"] not in known]


def _hash(row: Row, legs: list[Row]) -> str:
    posting = Posting(
        kind=row["kind"],
        payment_id=PaymentId(UUID(row["payment_id"])),
        call_id=UUID(row["call_id"]),
        legs=tuple(
            Leg(
                account=leg["account"],
                owner_id=UUID(leg["owner_id"]) if leg["owner_id"] else None,
                amount=leg["amount"],
                currency=leg["currency"],
            )
            for leg in legs
        ),
    )
    before = bytes.fromhex(row["previous_hash"][2:]) if row["previous_hash"] else None
    return "\\x" + link(before, posting, instant(row["at"])).hex()


def _provider_books(run: Run, judged: Judged) -> dict[str, AtProvider]:
    """By payment."""
    payment_of: dict[str, str] = {}
    found: dict[str, AtProvider] = defaultdict(AtProvider)
    rows = run.truth.table("payment", "provider_log")
    for row in sorted(rows, key=lambda row: int(row["position"])):
        judged.count("provider entries")
        if row["merchant_id"]:
            payment_of.setdefault(row["reference"], row["merchant_id"])
        payment_id = payment_of.get(row["reference"])
        if payment_id is None or row["kind"] in ("refused", "outage", "unanswered"):
            continue
        books = found[payment_id]
        match row["kind"]:
            case "authorised":
                books.held, books.lapses = books.held + row["amount"], row["valid_until"]
            case "captured":
                books.captured, books.held = books.captured + row["amount"], 0
            case "refunded":
                books.refunded += row["amount"]
            case "voided" | "declined":
                books.held = 0
    return found


def _lapsed(run: Run, provider: dict[str, AtProvider]) -> set[str]:
    """Payments whose promise ended by itself: some methods promise for two seconds only."""
    latest = max(
        (instant(row["changed_at"]) for row in run.truth.table("payment", "payment")), default=None
    )
    return {
        number
        for number, books in provider.items()
        if latest and books.lapses and not books.captured and instant(books.lapses) <= latest
    }


def _payments_agree(
    run: Run, judged: Judged, provider: dict[str, AtProvider], lapsed: set[str]
) -> None:
    open_calls = {
        row["payment_id"]
        for row in run.truth.table("payment", "provider_call")
        if row["state"] not in FINAL_CALLS
    }
    for row in run.truth.table("payment", "payment"):
        judged.count("payments")
        number, state = row["payment_id"], row["state"]
        books = provider.get(number, AtProvider())
        if state == "authorising" or row["running"] or row["refunding"] or number in open_calls:
            judged.find(f"payment {number} is {state} and still on its way", ids=(number,))
            continue
        if (row["captured"], row["refunded"]) != (books.captured, books.refunded):
            judged.find(
                f"payment {number} took {row['captured']} and gave back {row['refunded']};"
                f" the provider took {books.captured} and gave back {books.refunded}",
                ids=(number, row["reservation_id"]),
            )
        if state == "authorised" and books.held != row["amount"]:
            judged.find(f"payment {number} is authorised, the provider holds {books.held}")
        if state in ("voided", "declined") and books.held and number not in lapsed:
            judged.find(
                f"payment {number} is {state}, the provider still holds {books.held}",
                ids=(number, row["reservation_id"]),
            )


def _sums_agree(run: Run, judged: Judged, provider: dict[str, AtProvider]) -> None:
    clearing = sum(
        row["amount"]
        for row in run.truth.table("payment", "ledger_entry")
        if row["account"] == "provider_clearing"
    )
    taken = sum(books.captured - books.refunded for books in provider.values())
    if clearing != taken:
        judged.find(f"the ledger says the provider has {clearing}, the provider {taken}")
    owing: dict[tuple[str, str], int] = defaultdict(int)
    for row in run.truth.table("payment", "ledger_entry"):
        if row["account"] == "operator_payable":
            owing[row["owner_id"], row["currency"]] -= row["amount"]
    for (owner, currency), amount in owing.items():
        judged.count("operators")
        if amount < 0:
            judged.find(f"operator {owner} is owed {amount} {currency}")


def _bookings_agree(run: Run, judged: Judged, lapsed: set[str]) -> None:
    """What was taken for a booking is what its state costs.

    A booking whose promise has lapsed stands unpaid, as yet: nothing was taken for it.
    """
    payments: dict[str, list[Row]] = defaultdict(list)
    for row in run.truth.table("payment", "payment"):
        payments[row["reservation_id"]].append(row)
    for number, booking in reservations(run).items():
        its = payments[number]
        taken = sum(row["captured"] - row["refunded"] for row in its)
        promised = [row for row in its if row["state"] == "authorised"]
        wanted = _price(booking)
        judged.count(f"bookings {booking['state']}")
        if booking["payment_id"] in lapsed:
            judged.count("promises that lapsed")
            wanted = 0
        if wanted is not None and taken != wanted:
            judged.find(
                f"{number} is {booking['state']} and costs {wanted}, {taken} was taken",
                ids=(number,),
            )
        stands = booking["state"] == "confirmed" and booking["payment_state"] == "authorised"
        if len(promised) != int(stands) and booking["payment_id"] not in lapsed:
            judged.find(
                f"{number} is {booking['state']} ({booking['payment_state']}) with"
                f" {len(promised)} promises of money",
                ids=(number,),
            )


def _price(booking: Row) -> int | None:
    """What must have been taken, refunds deducted; None while it may be either."""
    total = int(booking["total_amount"])
    if booking["state"] in UNPAID:
        return 0
    if booking["state"] == "confirmed":
        return total if booking["payment_state"] == "captured" else 0
    if booking["state"] == "cancelled":
        return int(booking["fee_amount"] or 0)
    if booking["state"] == "completed" and booking.get("fee_amount") is not None:
        return int(booking["fee_amount"])  # nobody came
    return total if booking["state"] in USED else None


def _papers_agree(run: Run, judged: Judged) -> None:
    """Each movement has one paper, or waits for it; numbers have no gaps."""
    moved = {row["call_id"] for row in run.truth.table("payment", "ledger_transaction")}
    due = {row["movement_id"] for row in run.truth.table("payment", "receipt_due")}
    numbers: dict[str, list[int]] = defaultdict(list)
    papered: set[str] = set()
    for row in run.truth.table("payment", "receipt"):
        judged.count("receipts")
        numbers[row["organisation_id"]].append(int(row["sequence"]))
        papered.add(row["movement_id"])
    for organisation, its in numbers.items():
        if sorted(its) != list(range(1, len(its) + 1)):
            judged.find(f"receipt numbers of {organisation} have gaps or repeats: {sorted(its)}")
    for movement in moved - papered - due:
        judged.find(f"money moved by {movement} has no receipt")
    for movement in papered - moved:
        judged.find(f"a receipt tells of {movement}, by which no money moved")

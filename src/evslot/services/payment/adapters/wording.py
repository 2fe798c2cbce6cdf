"""The words of receipts, in each language."""

from msgspec import Struct

from evslot.services.payment.domain.receipts import PART_LINE, RETURN_LINE, UNKNOWN_LINE
from evslot.services.payment.messages import Language


class Words(Struct, frozen=True, kw_only=True):
    """All that a paper says besides its figures; `{…}` is filled in."""

    receipt: str
    credit_note: str
    seller: str
    item: str
    vat_rate: str
    net: str
    vat: str
    gross: str
    total: str
    credited: str
    refers_to: str
    place: str
    slot: str
    code: str
    moved: str
    moved_back: str
    payment: str
    paid: str
    paid_back: str
    price_is_gross: str
    agent: str
    vat_id: str
    register: str
    kinds: dict[str, str]
    """By kind of line; `{text}` is what the quote said."""
    lines: dict[tuple[str, str], str]
    """Lines whose text is ours: by kind and text."""
    locale: str
    """How dates and sums are written."""
    phrases: tuple[tuple[str, str], ...] = ()
    """Pieces of a quote's own words (regular expressions), and how this language says them."""


ENGLISH = Words(
    locale="en_GB",
    receipt="Receipt",
    credit_note="Credit note",
    seller="Seller",
    item="Item",
    vat_rate="VAT",
    net="Net",
    vat="VAT amount",
    gross="Amount",
    total="Total",
    credited="Credited",
    refers_to="To receipt",
    place="Charging place",
    slot="Slot",
    code="Booking",
    moved="Paid on",
    moved_back="Given back on",
    payment="Payment",
    paid="Paid in full.",
    paid_back="The amount was given back by the way it was paid.",
    price_is_gross="All amounts include value added tax at the rate shown.",
    agent="Issued by {agent} in the name and for the account of the seller.",
    vat_id="VAT ID",
    register="Register",
    kinds={"FLAT": "{text}", "TIME": "Time: {text}", "ENERGY": "Energy: {text}"},
    lines={
        ("FEE", PART_LINE): "Part of the price kept by the terms",
        ("FEE", RETURN_LINE): "Price given back",
        ("FEE", UNKNOWN_LINE): "Booking",
    },
)

GERMAN = Words(
    locale="de_DE",
    phrases=((r"(\d+) minutes", r"\1 Minuten"), (r" at (\S+ \S+) per hour", r" zu \1 je Stunde")),
    receipt="Rechnung",
    credit_note="Rechnungskorrektur",
    seller="Verkäufer",
    item="Leistung",
    vat_rate="USt.",
    net="Netto",
    vat="USt.-Betrag",
    gross="Betrag",
    total="Summe",
    credited="Gutschrift",
    refers_to="Zur Rechnung",
    place="Ladeplatz",
    slot="Zeitraum",
    code="Buchung",
    moved="Bezahlt am",
    moved_back="Erstattet am",
    payment="Zahlung",
    paid="Vollständig bezahlt.",
    paid_back="Der Betrag wurde auf dem Weg erstattet, auf dem bezahlt wurde.",
    price_is_gross="Alle Beträge enthalten die Umsatzsteuer zum angegebenen Satz.",
    agent="Ausgestellt von {agent} im Namen und für Rechnung des Verkäufers.",
    vat_id="USt-IdNr.",
    register="Register",
    kinds={"FLAT": "{text}", "TIME": "Zeit: {text}", "ENERGY": "Energie: {text}"},
    lines={
        ("FLAT", "Booking fee"): "Buchungsgebühr",
        ("FEE", PART_LINE): "Nach den Bedingungen einbehaltener Teil des Preises",
        ("FEE", RETURN_LINE): "Erstatteter Preis",
        ("FEE", UNKNOWN_LINE): "Buchung",
    },
)

WORDS: dict[Language, Words] = {"en": ENGLISH, "de": GERMAN}

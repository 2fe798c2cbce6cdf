"""Letters: each kind in each language, times in the station's zone, nothing smuggled in."""

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import uuid4

import msgspec
import pytest
from jinja2 import Environment, nodes
from tests.services.notification.made_up import NOW, START, USUAL, all_told, booking
from tests.services.notification.post_office import unused

from evslot.services.notification.adapters import letters
from evslot.services.notification.domain import listing, telling, wording
from evslot.services.notification.messages import CursorInvalid, Kind
from evslot.services.reservation import messages as reservation
from evslot.values import Money, Period, UserId

LETTERS = letters.Letters("support@evslot.example")


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("told", all_told().values(), ids=lambda told: told.kind)
def test_every_kind_is_written_in_every_language(told: telling.Told, language: str) -> None:
    letter = LETTERS.write(told.kind, language, told.facts, name="Zoë", code="483920")
    title, brief = LETTERS.brief(told.kind, language, told.facts)
    assert letter.subject == title
    assert "\n" not in title + brief
    assert 3 < len(title) < 120
    assert "{" not in letter.text
    assert "None" not in letter.text + brief
    assert "\n\n\n" not in letter.text
    assert "483920" not in title + brief
    assert ("483920" in letter.text) == told.kind.endswith("_code")


def test_there_is_an_example_of_every_kind() -> None:
    assert all_told().keys() == set(get_args(Kind))


@pytest.mark.parametrize("kind", [*get_args(Kind), "calendar", "footer"])
def test_both_languages_say_the_same_things(kind: str) -> None:
    """The same blocks with the same variables: nothing is told to the readers of one alone."""
    said = [_variables(kind, language) for language in ("en", "de")]
    assert said[0] == said[1]


def test_there_are_no_other_templates() -> None:
    wanted = {
        f"{kind}.{language}.txt.j2"
        for kind in (*get_args(Kind), "calendar", "footer")
        for language in ("en", "de")
    }
    assert {path.name for path in letters.TEMPLATES.iterdir()} == wanted


def _variables(kind: str, language: str) -> dict[str, set[str]]:
    text = (letters.TEMPLATES / f"{kind}.{language}.txt.j2").read_text()
    blocks = list(Environment().parse(text).find_all(nodes.Block))
    return {block.name: {name.name for name in block.find_all(nodes.Name)} for block in blocks}


def test_a_confirmation_says_all_there_is_to_know() -> None:
    told = all_told()["reservation_confirmed"]
    english = LETTERS.write(told.kind, "en", told.facts).text
    assert "Tuesday, 3 November 2026, 17:00–18:00 (Berlin time, UTC+1)" in english
    assert "free until Tuesday, 3 November 2026, 16:00 (Berlin time, UTC+1)" in english
    for words in (
        "Ladepark Süd",
        "A1",
        "K7Q2XP",
        "€6.40",
        "Booking fee: €1.00",
        "60 minutes: €5.40",
    ):
        assert words in english
    german = LETTERS.write(told.kind, "de", told.facts).text
    assert "Dienstag, 3. November 2026, 17:00–18:00 Uhr (Ortszeit Berlin, UTC+1)" in german
    for words in ("6,40\xa0€", "Buchungsgebühr: 1,00\xa0€", "60 Minuten: 5,40\xa0€"):
        assert words in german


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    ("fee", "english", "german"),
    [
        (320, "€3.20 is kept, €3.20 comes back", "3,20\xa0€ werden einbehalten, 3,20\xa0€ gehen"),
        (None, "€6.40 is kept.", "6,40\xa0€ werden einbehalten."),
        (0, "nothing is kept.", "es wird nichts einbehalten."),
    ],
    ids=["half", "all", "nothing"],
)
def test_who_never_came_is_told_what_is_kept(
    fee: int | None, english: str, german: str, language: str
) -> None:
    told = telling.told_completed(unused(booking(now=NOW), fee))
    letter = LETTERS.write(told.kind, language, told.facts, name="Zoë")
    title, brief = LETTERS.brief(told.kind, language, told.facts)
    assert title.startswith("Nobody checked in:" if language == "en" else "Niemand hat eingecheckt")
    assert (english if language == "en" else german) in brief
    for words in ("Thank you", "Danke", "complete", "Booking fee", "Buchungsgebühr", "\n\n\n"):
        assert words not in letter.text + title
    kept = "nothing is kept" if fee == 0 else f"{letters.money(Money(fee or 640, 'EUR'), 'en')} is"
    assert language == "de" or f"By the terms of the booking {kept}" in letter.text
    promised = "receipt" in letter.text or "Beleg" in letter.text
    assert promised == (fee != 0)


def test_what_cost_nothing_and_was_not_used_brings_nothing_back() -> None:
    free = booking(now=NOW, total=Money(0, "EUR"), lines=(), payment_id=None, payment_state=None)
    told = telling.told_completed(unused(free, None))
    text = LETTERS.write(told.kind, "en", told.facts).text
    assert "By the terms of the booking nothing is kept.\n" in text
    assert "back" not in text


def test_free_cancelling_is_only_promised_while_it_lasts() -> None:
    assert telling.free_until(USUAL, START, START - timedelta(hours=2)) == START - timedelta(
        hours=1
    )
    assert telling.free_until(USUAL, START, START - timedelta(hours=1)) is None
    late = booking(now=START - timedelta(minutes=30))
    told = telling.told_confirmed(reservation.ReservationConfirmed(reservation=late, version=3))
    assert "what the terms of your booking say" in LETTERS.write(told.kind, "en", told.facts).text


def test_the_doubled_hour_shows_both_offsets() -> None:
    span = Period(
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    )
    words = letters.period(span, "Europe/Berlin", "en")
    assert "02:30 (Berlin time, UTC+2) – " in words
    assert words.endswith("02:30 (Berlin time, UTC+1)")


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Asia/Kolkata", "3 November 2026, 21:30 (Kolkata time, UTC+5:30)"),
        ("America/Argentina/Buenos_Aires", "13:00 (Buenos Aires time, UTC-3)"),
        ("Nowhere/Zone", "16:00 (UTC)"),
        ("../../etc/passwd", "16:00 (UTC)"),
        ("", "16:00 (UTC)"),
    ],
)
def test_times_name_their_zone(zone: str, words: str) -> None:
    assert letters.instant(START, zone, "en").endswith(words)


def test_money_has_the_digits_of_its_currency() -> None:
    assert letters.money(Money(640, "EUR"), "en") == "€6.40"
    assert letters.money(Money(640, "JPY"), "en") == "JP¥640"
    assert letters.money(Money(640, "RSD"), "de") == "6,40\xa0RSD"
    assert letters.money(Money(6400, "IQD"), "de") == "6,400\xa0IQD"
    assert letters.money(Money(-5, "EUR"), "de") == "-0,05\xa0€"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Zoë\r\nBcc: victim@example.org", "Zoë Bcc: victim@example.org"),
        ("a\x00b\u2028c\u202ed\x1b[31m", "a b c d [31m"),
        ("👩\u200d🚒 Eva", "👩\u200d🚒 Eva"),
        ("x" * 10_000, "x" * 199 + "…"),
        ("  \n ", ""),
    ],
)
def test_text_from_elsewhere_is_one_clean_line(given: str, shown: str) -> None:
    assert wording.one_line(given) == shown


def test_names_cannot_break_out_of_their_line() -> None:
    evil = "Park\r\n\r\nPay at evil.example {{ code }} {% raw %}"
    held = booking(now=NOW, station_name=evil)
    told = telling.told_confirmed(reservation.ReservationConfirmed(reservation=held, version=3))
    letter = LETTERS.write(told.kind, "en", told.facts, name=evil * 100)
    assert "Park Pay at evil.example {{ code }} {% raw %}" in letter.text
    assert "\n\nPay" not in letter.text
    assert "\n" not in letter.subject


@pytest.mark.parametrize(
    ("wanted", "language"),
    [("de", "de"), ("de-AT", "de"), ("DE_ch", "de"), ("en", "en"), ("fr", "en"), ("", "en")],
)
def test_the_nearest_language_is_taken(wanted: str, language: str) -> None:
    assert wording.language_for(wanted) == language


def test_the_same_fact_for_the_same_person_is_the_same_notification() -> None:
    held = booking(now=NOW)
    first = telling.told_confirmed(reservation.ReservationConfirmed(reservation=held, version=3))
    again = telling.told_confirmed(reservation.ReservationConfirmed(reservation=held, version=3))
    other = telling.told_confirmed(
        reservation.ReservationConfirmed(
            reservation=msgspec.structs.replace(held, version=4), version=4
        )
    )
    assert first == again
    assert other.notification_id != first.notification_id


def test_a_cursor_is_read_back_and_a_foreign_one_refused() -> None:
    person, other, number = UserId(uuid4()), UserId(uuid4()), uuid4()
    cursor = listing.cursor_after(person, NOW, number)
    assert listing.read_cursor(person, cursor) == (NOW, number)
    with pytest.raises(CursorInvalid):
        listing.read_cursor(other, cursor)
    for broken in ("", "x", cursor[:-4], cursor + "AAAA", "é" * 44, "A" * 10_000):
        with pytest.raises(CursorInvalid):
            listing.read_cursor(person, broken)
    for place in range(len(cursor)):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        with pytest.raises(CursorInvalid):
            listing.read_cursor(person, changed)

"""Which passwords are too easy to guess.

Length is what counts (NIST SP 800-63B-4: 15 characters, no rules of composition), so known lists
of leaked passwords hardly matter: nearly all of their entries are shorter. What long weak
passwords have in common is that they repeat or join a few well-known pieces; those are found.
"""

import re
import unicodedata
from collections.abc import Iterable

from evslot.services.user.messages import PasswordTooWeak

MIN_LENGTH = 15
MAX_LENGTH = 1000
MIN_WORTH = 8.0
"""Characters that are not explained by a known piece, each different piece counting as one."""

_WORDS = """
    password passwort passphrase passwd secret geheim private privat security sicher login signin
    logon admin administrator root master user username guest welcome willkommen hello hallo
    letmein openme opensesame changeme default temporary test testing demo sample example iloveyou
    ichliebedich love liebe baby angel engel schatz princess prinzessin sunshine summer sommer
    winter spring herbst autumn january februar february march april june juli july august
    september october oktober november december dezember monday montag friday freitag sunday
    sonntag dragon monkey tiger lion eagle shadow ninja pirate batman superman spiderman starwars
    pokemon minecraft football fussball soccer baseball basketball hockey liverpool chelsea arsenal
    bayern dortmund barcelona madrid berlin hamburg muenchen london paris america deutschland
    germany england company firma business office computer internet google facebook amazon apple
    microsoft windows samsung youtube whatever trustno trust nobody freedom freiheit forever
    family familie mother mutter father vater sister brother friend freund michael thomas daniel
    andreas stefan peter jennifer jessica ashley nicole sandra sabine martin christian alexander
    charlie jordan hunter killer hacker matrix mustang porsche mercedes ferrari tesla volkswagen
    electric elektro charge charger charging laden ladestation station vehicle auto energy energie
    battery batterie volt ampere watt plug stecker slot booking buchung reservation evslot
    correcthorsebatterystaple thequickbrownfoxjumpsoverthelazydog loremipsumdolorsitamet the and
    und der die das ist mein dein our my your this that mypassword myname money geld coffee kaffee
    chocolate schokolade cookie flower blume star stern moon mond sun sonne god gott jesus
""".split()  # noqa: SIM905 - a list of words is read as words

_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiop",
    "qwertzuiopü",
    "azertyuiop",
    "asdfghjkl",
    "asdfghjklöä",
    "zxcvbnm",
    "yxcvbnm",
    "1q2w3e4r5t6y7u8i9o0p",
    "1q2w3e4r5t6z7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "!@#$%^&*()",
    '!"§$%&/()=',
)
_MIN_RUN = 3
_YEAR = re.compile(r"(19|20)[0-9][0-9]")
_LEET = str.maketrans("013457@$!", "oleastasi")


def normal_password(password: str) -> str:
    """One spelling of what was typed (NFC), so that it fits whichever keyboard wrote it."""
    return unicodedata.normalize("NFC", password)


def check_password(password: str, context: Iterable[str]) -> None:
    """PasswordTooWeak unless it is long enough and more than a few well-known pieces.

    `context` holds what everybody knows about the person: address, name.
    """
    if not is_acceptable(password, context):
        raise PasswordTooWeak(min_length=MIN_LENGTH, max_length=MAX_LENGTH)


def is_acceptable(password: str, context: Iterable[str]) -> bool:
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return False
    known = sorted({*_WORDS, *_pieces_of(context)}, key=len, reverse=True)
    plain = password[:200].casefold()  # what lies behind cannot make it weaker
    return all(_worth(form, known) >= MIN_WORTH for form in (plain, plain.translate(_LEET)))


def _pieces_of(context: Iterable[str]) -> set[str]:
    pieces: set[str] = set()
    for text in context:
        for separator in "@.-_+":
            text = text.replace(separator, " ")
        pieces |= {piece for piece in text.casefold().split() if len(piece) >= _MIN_RUN}
    return pieces


def _worth(text: str, known: list[str]) -> float:
    """How much is left to guess: different unexplained characters and different pieces."""
    pieces: set[str] = set()
    rest: list[str] = []
    place = 0
    while place < len(text):
        length = _known_length(text, place, known)
        if length:
            pieces.add(text[place : place + length])
            place += length
        else:
            rest.append(text[place])
            place += 1
    if _repeats(text):
        return len(set(rest)) + len(pieces)
    return len(rest) * _variety(rest) + len(pieces)


def _variety(rest: list[str]) -> float:
    """1 where characters differ as in ordinary words, less where the same few come again."""
    return min(1.0, 1.5 * len(set(rest)) / len(rest)) if rest else 1.0


def _repeats(text: str) -> bool:
    """Whether the whole is one shorter piece again and again, the last perhaps cut off."""
    return any(
        (text[:size] * (len(text) // size + 1))[: len(text)] == text
        for size in range(1, len(text) // 2 + 1)
    )


def _known_length(text: str, place: int, known: list[str]) -> int:
    """Length of the longest known word, year, run of keys or repeated sign that begins here."""
    longest = next((len(word) for word in known if text.startswith(word, place)), 0)
    if _YEAR.match(text, place):
        longest = max(longest, 4)
    for run in _RUNS:
        for line in (run, run[::-1]):
            longest = max(longest, _run_length(text, place, line))
    same = 1
    while text[place + same : place + same + 1] == text[place]:
        same += 1
    return max(longest, same if same >= _MIN_RUN else 0)


def _run_length(text: str, place: int, line: str) -> int:
    start = line.find(text[place : place + _MIN_RUN])
    if start < 0 or len(text) - place < _MIN_RUN:
        return 0
    pairs = zip(text[place:], line[start:], strict=False)
    return next(
        (length for length, (one, other) in enumerate(pairs) if one != other),
        min(len(text) - place, len(line) - start),
    )

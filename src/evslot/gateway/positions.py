"""How far a live stream has come: the next offset of every partition, in one short text."""

from collections.abc import Sequence

from evslot.spine.sealing import from_b64, to_b64

Position = tuple[int, ...]
"""The next offset of each live partition, in the order of `Partitions`."""

MAX_TEXT = 600


class Partitions:
    """The partitions of the live topics in their one order, the same in every gateway."""

    def __init__(self, starts: dict[tuple[str, int], int], topics: Sequence[str]) -> None:
        """`starts` = first offset that was read of each partition."""
        self._order = sorted(where for where in starts if where[0] in topics)
        self._index = {where: index for index, where in enumerate(self._order)}
        self.floor = [starts[where] for where in self._order]
        """Before this offset nothing is in the ring."""
        self._next = list(self.floor)

    def index_of(self, topic: str, partition: int) -> int | None:
        return self._index.get((topic, partition))

    def advance(self, index: int, offset: int) -> Position:
        """A record was read; answers where the reading stands now."""
        self._next[index] = offset + 1
        return tuple(self._next)

    @property
    def here(self) -> Position:
        return tuple(self._next)

    def reaches(self, position: Position) -> bool:
        """Whether everything after a position is still in the ring."""
        return len(position) == len(self.floor) and all(
            wanted >= floor for wanted, floor in zip(position, self.floor, strict=True)
        )


def to_text(position: Position) -> str:
    """Variable-length numbers (LEB128), base64url; for `id:` of an event."""
    raw = bytearray()
    for number in position:
        while number > 0x7F:
            raw.append(number & 0x7F | 0x80)
            number >>= 7
        raw.append(number)
    return to_b64(bytes(raw))


def from_text(text: str) -> Position | None:
    """None where the text is no position."""
    if len(text) > MAX_TEXT:
        return None
    try:
        raw = from_b64(text)
    except ValueError:
        return None
    numbers, number, shift = [], 0, 0
    for byte in raw:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number, shift = 0, 0
        elif shift > 63:
            return None
    return tuple(numbers) if shift == 0 else None

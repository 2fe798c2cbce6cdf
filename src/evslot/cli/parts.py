"""Long lists cut into parts that fit a record of a topic."""

from collections.abc import Iterator
from typing import Any

import msgspec

PART_BYTES = 150_000
"""JSON of one part of an import: well below the largest record of a topic."""
PART_RECORDS = 100


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

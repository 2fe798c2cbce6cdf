"""Tables and topics that nobody has dumped, in the shapes of those that were."""

import json
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.faults.truth import Record, Row, Truth


def made_id(name: str) -> str:
    """The same id for the same name."""
    return str(uuid5(NAMESPACE_URL, name))


class MadeTruth(Truth):
    """Tables and topics in memory; what nobody filled is empty."""

    def __init__(self, folder: Path = Path("/nowhere")) -> None:
        super().__init__(folder)
        self.tables: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self.records: dict[str, list[Record]] = defaultdict(list)
        self.__dict__ |= {"mails": [], "samples": [], "bank": [], "groups": {}, "about": {}}

    def table(self, part: str, table: str) -> list[Row]:
        return self.tables[part, table]

    def topic(self, name: str) -> list[Record]:
        return self.records[name]

    def __getattribute__(self, name: str) -> Any:
        if name == "topics":
            return sorted(self.records)
        return super().__getattribute__(name)


def told(row: Row) -> dict[str, Any]:
    """A booking as answers and events carry it."""
    shown = {name: value for name, value in row.items() if name not in ("period", "occupied")}
    for name in ("period", "occupied"):
        start, end = row[name][1:-1].replace('"', "").split(",")
        shown[name] = {"start": start, "end": end}
    return shown


def as_range(start: datetime, end: datetime) -> str:
    return f'["{start}","{end}")'


def as_bytea(value: Any) -> str:
    return "\\x" + json.dumps(value).encode().hex()

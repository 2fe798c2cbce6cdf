"""A log file of bounded size that a process's output is copied into."""

from collections.abc import Callable
from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024  # with one older file: at most 20 MiB per process
MAX_LINE_BYTES = 64 * 1024  # an endless line is shown in pieces, never gathered in memory


class LogFile:
    """Appends bytes as they come; at the size limit the file becomes `<name>.1`."""

    def __init__(self, path: Path, show: Callable[[str], None] | None = None) -> None:
        self.path = path
        self._show = show
        self._partial = b""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Keep these bytes, and show whole lines of them when asked to."""
        if self._file.tell() + len(data) > MAX_BYTES:
            self._rotate()
        self._file.write(data)
        if self._show is not None:
            *lines, self._partial = (self._partial + data).split(b"\n")
            if len(self._partial) > MAX_LINE_BYTES:
                lines.append(self._partial)
                self._partial = b""
            for line in lines:
                self._show(line.decode(errors="replace"))

    def tail(self, lines: int = 8) -> str:
        """The last lines, for saying why a start failed."""
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 8192))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def close(self) -> None:
        """Close the file; what was written stays."""
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        self.path.replace(self.path.with_name(self.path.name + ".1"))
        self._file = self.path.open("ab", buffering=0)

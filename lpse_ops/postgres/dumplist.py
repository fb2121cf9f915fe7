"""What is in a dump, by its table of contents: ``pg_restore --list``, which reads no more of it."""

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.installation import Installation, choose_for_restore
from lpse_ops.process import RunningProgram, open_program

_COMMENT = ";"
_DATABASE = "dbname:"
_TABLE_DATA = " TABLE DATA "


class Sink(Protocol):
    def write(self, content: bytes, /) -> object: ...


@dataclass(frozen=True)
class DumpList:
    """``tables`` are those with data."""

    database: str
    entries: int
    tables: int


class _EnoughRead(Exception):
    """pg_restore has what it wants."""


class _Feed:
    def __init__(self, program: RunningProgram) -> None:
        self._program = program

    def write(self, content: bytes, /) -> int:
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[self._program.pipe.write(rest) :]
        except BrokenPipeError as error:
            raise _EnoughRead from error
        return len(content)


def list_dump(
    name: str,
    write_dump: Callable[[Sink], object],
    installations: Sequence[Installation],
    server_major: int,
) -> DumpList:
    """Let ``pg_restore`` list a custom-format dump, of which only the beginning is written.

    ``PostgresError`` if it cannot be listed.
    """
    program = choose_for_restore(installations, server_major).folder / "pg_restore"
    with tempfile.TemporaryDirectory(prefix="lpse-ops-list-") as folder:
        toc = Path(folder, "toc")
        with open_program([program, "--list", f"--file={toc}"], pipe="stdin") as running:
            with contextlib.suppress(_EnoughRead):
                write_dump(_Feed(running))
            finished = running.wait()
        if finished.status != 0 or not toc.is_file():
            words = finished.stderr.strip().splitlines() or ["it said nothing"]
            raise PostgresError(
                f"the dump of {name} cannot be listed: {words[-1][:200]}",
                hint="back up again: lpse-ops backup run; the dump may be no custom-format dump",
            )
        with toc.open(encoding="utf-8", errors="replace") as lines:
            return parse_list(lines)


def parse_list(lines: Iterable[str]) -> DumpList:
    """Count what ``pg_restore --list`` prints."""
    database, entries, tables = "", 0, 0
    for line in lines:
        if line.startswith(_COMMENT):
            if not database and _DATABASE in line:
                database = line.partition(_DATABASE)[2].strip()
        elif line.strip():
            entries += 1
            tables += _TABLE_DATA in line
    return DumpList(database, entries, tables)

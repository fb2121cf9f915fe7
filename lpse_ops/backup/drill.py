"""What a restore drill proves, and what it finds: values and decisions, nothing that acts.

A finding makes the drill fail.  A note says what could not be proved, and why; it fails nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Status = Literal["ok", "failed"]

# So many findings of one kind are listed; the rest are counted.
LISTED = 100
_LONGEST_TEXT = 400
_NEWEST_ROW = "the newest row when the snapshot was taken"
# Columns without a zone may hold the time of another one.
_CLOCKS_DIFFER = timedelta(days=1)
_DAY, _HOUR, _MINUTE = 86_400, 3600, 60
_UNITS = (("d", _DAY), ("h", _HOUR), ("min", _MINUTE), ("s", 1))


@dataclass(frozen=True)
class Finding:
    """``what`` names the file, table or database; ``check`` is the kind, e.g. ``rows``."""

    check: str
    what: str
    expected: str
    found: str

    @property
    def text(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True)
class FilesProof:
    """Regular files of the snapshot and of the restored tree, less the dumps.

    ``verified`` files were read again whole, with ``--verify``.  ``seconds`` to restore them.
    """

    expected: int
    found: int
    size_bytes: int
    verified: int = 0
    seconds: int = 0


@dataclass(frozen=True)
class SampleProof:
    """Files whose bytes were hashed again: all against the repository, some against the source."""

    files: int
    wrong: int
    seed: int
    against_source: int


@dataclass(frozen=True)
class DatabaseProof:
    """``tables`` and ``rows`` as found; the expected ones are None where no manifest tells."""

    name: str
    dump_bytes: int
    tables: int
    rows: int
    expected_tables: int | None
    expected_rows: int | None
    differing: int
    seconds: int


@dataclass(frozen=True)
class DocumentsProof:
    """Documents that the database names: how many, and how many are there as it says."""

    database: str
    named: int
    good: int


@dataclass(frozen=True)
class Medium:
    """What holds the destination: ``kind`` is disk, folder, s3 or sftp."""

    kind: str
    label: str | None = None
    kept_at: str | None = None


@dataclass(frozen=True)
class DrillReport:
    """All that a drill says.  Times are aware; ``None`` is what was not proved.

    ``rto_seconds``: to restore files and databases, or until that failed.  ``rpo_seconds``: from
    the newest data in the snapshot (the newest row where the settings say how to find it, else the
    snapshot's time) to the drill, so what a disaster at that moment would have cost.
    ``with_databases`` is False where it was asked to leave them out.  ``unproved`` are the
    databases that should have come back, and of which it was not seen that they did.
    ``room_bytes``: what the scratch folder had to have room for.
    """

    destination: str
    medium: Medium
    repository_id: str
    snapshot: str
    snapshot_time: datetime
    hostname: str
    paths: tuple[str, ...]
    started: datetime
    finished: datetime
    files: FilesProof | None
    sample: SampleProof | None
    databases: tuple[DatabaseProof, ...]
    documents: DocumentsProof | None
    newest_row: datetime | None
    rto_seconds: int
    rpo_seconds: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    with_databases: bool = True
    unproved: tuple[str, ...] = ()
    room_bytes: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether everything came back: only then RTO is the time that a restore takes."""
        files = self.files
        return files is not None and files.found == files.expected and not self.unproved

    @property
    def status(self) -> Status:
        return "failed" if self.findings else "ok"

    def problems(self, limit: int = 20) -> list[str]:
        """The first findings as short lines, and how many more there are."""
        lines = [shorten(finding.text) for finding in self.findings[:limit]]
        more = len(self.findings) - limit
        return [*lines, f"{more} more findings"] if more > 0 else lines


def shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 4]} ..."


def compare_counts(
    database: str,
    expected: Mapping[str, int],
    found: Mapping[str, int],
    *,
    uncounted: Sequence[str] = (),
) -> list[Finding]:
    """Rows table by table; tables in ``uncounted`` were not counted when the dump was taken."""
    findings = []
    for table in sorted(expected.keys() | (found.keys() - set(uncounted))):
        wanted, there = expected.get(table), found.get(table)
        if wanted != there:
            what = f"table {table} of {database}"
            findings.append(Finding("rows", what, _rows(wanted), _rows(there)))
    return findings


def _rows(count: int | None) -> str:
    return "no such table" if count is None else f"{count} rows"


def parse_counts(tables: object) -> dict[str, int] | None:
    """The row counts of a manifest, which anybody may have written; None if they are none."""
    if not isinstance(tables, Mapping):
        return None
    if not all(isinstance(key, str) and type(value) is int for key, value in tables.items()):
        return None
    return dict(tables)


def judge_ages(
    now: datetime,
    snapshot_time: datetime,
    newest_row: datetime | None,
    max_age: timedelta | None,
) -> list[Finding]:
    """Whether the snapshot is older than ``max_age``, and its data older than that in turn.

    The newest row is held against the snapshot, not against now: a dump of a database that
    nobody writes to any more is found however fresh the snapshot is.  What is dated in the future
    would stay the newest for ever, and hide that nothing came after it; that is found whatever
    ``max_age`` is.
    """
    findings = [
        Finding("age", what, "dated before it was looked at", f"dated {_say(moment)}")
        for what, moment, seen in (
            ("the snapshot", snapshot_time, now),
            (_NEWEST_ROW, newest_row, snapshot_time),
        )
        if moment is not None and moment - seen > _CLOCKS_DIFFER
    ]
    if max_age is None:
        return findings
    limit = f"at most {format_age(max_age)} old"
    if now - snapshot_time > max_age:
        age = f"{format_age(now - snapshot_time)} old, of {_say(snapshot_time)}"
        findings.append(Finding("age", "the snapshot", limit, age))
    if newest_row is not None and snapshot_time - newest_row > max_age:
        age = f"{format_age(snapshot_time - newest_row)} old, of {_say(newest_row)}"
        findings.append(Finding("age", _NEWEST_ROW, limit, age))
    return findings


def _say(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def note_clocks(now: datetime, snapshot_time: datetime) -> list[str]:
    """What is said of a snapshot that is dated after now by less than would be a finding."""
    ahead = snapshot_time - now
    if not timedelta(0) < ahead <= _CLOCKS_DIFFER:
        return []
    return [
        f"the snapshot is dated {format_age(ahead)} after the drill began: one of the clocks is "
        "wrong (timedatectl), and no age can be told"
    ]


def data_age(now: datetime, snapshot_time: datetime, newest_row: datetime | None) -> int:
    """Seconds from the newest data to now; rows dated after the snapshot are no proof."""
    newest = snapshot_time if newest_row is None else min(newest_row, snapshot_time)
    return max(0, int((now - newest).total_seconds()))


def format_age(age: timedelta) -> str:
    """The two largest units, rounded up as in the paper: ``3 d 4 h``, ``1 h 23 min``, ``40 s``."""
    seconds = math.ceil(age.total_seconds())
    if seconds < 0:
        return f"-{format_age(-age)}"
    step = _HOUR if seconds >= _DAY else _MINUTE if seconds >= _HOUR else 1
    left = -(-seconds // step) * step
    parts: list[str] = []
    for unit, seconds in _UNITS:
        count, left = divmod(left, seconds)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def limit_findings(findings: Sequence[Finding], limit: int = LISTED) -> list[Finding]:
    """The first of one kind, and one that counts the rest."""
    more = len(findings) - limit
    if more <= 0:
        return list(findings)
    rest = Finding(findings[0].check, f"{more} more like these", "none", str(more))
    return [*findings[:limit], rest]

"""The log of what was done: evidence that cannot be changed later without being seen.

One line of canonical JSON for each record: ``facts``, ``kind``, ``prev``, ``seq`` (the number of
the line), ``server_time`` (null where it is not known) and ``time`` (the controller's).  ``prev``
is the SHA-256 of the line before with its newline, so that ``sha256sum`` alone follows the chain.
Signed checkpoints say what the whole log was at a moment: see ``ledgercheckpoint``.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from lpse_ops.canonicaljson import encode_canonical, parse_canonical
from lpse_ops.errors import LedgerError
from lpse_ops.ledgercheckpoint import Checkpoint, CheckpointFolder
from lpse_ops.ledgerfacts import plain_facts, shorten_facts, time_text
from lpse_ops.ledgerfile import MAX_LINE_BYTES, LedgerEnd, LedgerFile
from lpse_ops.merkle import MerkleTree

FILE_NAME = "ledger.jsonl"
NO_LINE = "0" * 64
# The log's records about itself.
OWN_KIND = "ledger"
_KIND = re.compile(r"[a-z][a-z0-9-]{0,39}")
_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_HASH = re.compile(r"[0-9a-f]{64}")
# Beyond, one cannot count days without leaving the calendar.
_YEARS = range(1970, 9000)
_FIELDS = {"facts", "kind", "prev", "seq", "server_time", "time"}


@dataclass(frozen=True)
class Record:
    """One line; ``sha256`` is what the next one is chained to."""

    seq: int
    kind: str
    time: datetime
    server_time: datetime | None
    facts: dict[str, Any]
    sha256: str


class Link(NamedTuple):
    """A record and the hash of the line that it says it follows."""

    record: Record
    prev: str


class Ledger:
    """The log of one ``origin`` (a site's slug, or a machine's name) below ``folder``.

    Any number of threads and processes may append.
    """

    def __init__(self, folder: Path, origin: str, now: Callable[[], datetime]) -> None:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} cannot name a log")
        self.folder = folder / origin
        self.key_folder = folder
        self.origin = origin
        self.file = LedgerFile(self.folder / FILE_NAME)
        self._now = now

    @cached_property
    def checkpoints(self) -> CheckpointFolder:
        return CheckpointFolder(self.folder / "checkpoints", self.origin)

    def append(
        self, kind: str, facts: Mapping[str, Any], *, server_time: datetime | None = None
    ) -> Record:
        """Add a record; durable when this returns, and not there at all when it raises.

        Facts are text, whole numbers, bools, None, times, and lists and mappings of these;
        ``ValueError`` for anything else.  What a crash left of a line is put aside, and said in a
        record of kind ``ledger``.
        """
        plain = plain_facts(facts)
        with self.file.open_end() as end:
            before = self._mend(end, self._last(end))
            return self._append(end, before, kind, plain, server_time)

    def records(self, kind: str | None = None) -> Iterator[Record]:
        """All records (of a kind), oldest first; ``LedgerError`` at the first broken line."""
        for record in self._chain(self.file.lines()):
            if kind is None or record.kind == kind:
                yield record

    def checkpoint(self) -> Checkpoint | None:
        """Sign what the log holds now; None while it is empty.

        ``LedgerError``, and nothing is signed, when the checkpoint before, and by it all earlier
        ones, say otherwise.
        """
        from lpse_ops.ledgerkey import open_key, sign_checkpoint
        from lpse_ops.sshsig import public_key

        newest = self.checkpoints.newest()
        root, size = self._root(newest)
        if size == 0:
            return None
        if newest is None or size > newest.size:
            made = Checkpoint(self.origin, size, root)
            key = open_key(self.key_folder)
            self.checkpoints.save(made, sign_checkpoint(key, made), public_key(key))
            return made
        return newest

    def _root(self, newest: Checkpoint | None) -> tuple[bytes, int]:
        """Root and number of the lines; those up to a checkpoint are proved by its root."""
        tree = MerkleTree()
        proved = 0 if newest is None else newest.size
        before: Record | None = None
        for line in self.file.lines():
            tree.add(line)
            if newest is not None and tree.size == proved and newest.root != tree.root():
                raise self._contradicts(newest, "are no longer those it was made over")
            if tree.size >= proved:
                before = self._follow(before, line, tree.size)
        if newest is not None and tree.size < proved:
            raise self._contradicts(newest, f"are only {tree.size} now")
        return tree.root(), tree.size

    def _contradicts(self, checkpoint: Checkpoint, how: str) -> LedgerError:
        return LedgerError(
            f"{self.file.path}: the {checkpoint.size} lines of checkpoint {checkpoint.size} {how}",
            hint="nothing was signed; lpse-ops log verify says what is wrong",
        )

    def _chain(self, lines: Iterable[bytes]) -> Iterator[Record]:
        before: Record | None = None
        for number, line in enumerate(lines, start=1):
            before = self._follow(before, line, number)
            yield before

    def _follow(self, before: Record | None, line: bytes, number: int) -> Record:
        try:
            link = parse_line(line)
        except ValueError as error:
            raise self.file.broken(number, f"is no record: {error}") from error
        # The first line to be looked at need not be the first of the file.
        if before is None and number > 1:
            return link.record
        if fault := find_break(before, link):
            raise self.file.broken(number, fault)
        return link.record

    def _last(self, end: LedgerEnd) -> Record | None:
        if not end.last:
            return None
        try:
            return parse_line(end.last).record
        except ValueError as error:
            raise LedgerError(
                f"{self.file.path}: the last line is no record: {error}",
                hint=f"keep {self.folder} as evidence: moved away, a new log begins; "
                "lpse-ops log verify says what else is wrong",
            ) from error

    def _mend(self, end: LedgerEnd, last: Record | None) -> Record | None:
        """Deal with what a crash left after the last line; return the last record."""
        if not end.torn:
            return last
        torn = end.torn
        if (whole := _whole_record(torn, last)) is not None:
            end.complete()
            return whole
        number = 1 if last is None else last.seq + 1
        digest = hashlib.sha256(torn).hexdigest()
        aside = self.folder / f"torn-{number}-{digest[:8]}"
        end.set_aside(aside)
        facts = {"event": "torn-line", "bytes": len(torn), "sha256": digest, "file": aside.name}
        return self._append(end, last, OWN_KIND, facts, None)

    def _append(
        self,
        end: LedgerEnd,
        before: Record | None,
        kind: str,
        facts: dict[str, Any],
        server_time: datetime | None,
    ) -> Record:
        line = encode_line(before, kind, self._now(), facts, server_time)
        if len(line) > MAX_LINE_BYTES:
            line = encode_line(before, kind, self._now(), shorten_facts(facts), server_time)
        if len(line) > MAX_LINE_BYTES:
            raise ValueError(f"the facts of a {kind} record do not fit into a line")
        # A time that no reader takes must not get into the file: nothing could follow it.
        record = parse_line(line).record
        end.append(line)
        return record


# --- lines --------------------------------------------------------------------------------------


def encode_line(
    before: Record | None,
    kind: str,
    time: datetime,
    facts: dict[str, Any],
    server_time: datetime | None = None,
) -> bytes:
    """Return the line that follows ``before``, with its newline."""
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} is no kind of record")
    fields = {
        "facts": facts,
        "kind": kind,
        "prev": NO_LINE if before is None else before.sha256,
        "seq": 1 if before is None else before.seq + 1,
        "server_time": None if server_time is None else time_text(server_time),
        "time": time_text(time),
    }
    return encode_canonical(fields) + b"\n"


def parse_line(line: bytes) -> Link:
    """Read a line with its newline, or ``ValueError`` saying what is wrong with it."""
    if not line.endswith(b"\n"):
        raise ValueError("it has no end")
    fields = parse_canonical(line[:-1])
    if not isinstance(fields, dict) or fields.keys() != _FIELDS:
        raise ValueError("its fields are not those of a record")
    kind, prev, seq, facts = (fields[name] for name in ("kind", "prev", "seq", "facts"))
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise ValueError("its kind is none")
    if not isinstance(prev, str) or not _HASH.fullmatch(prev):
        raise ValueError("prev is no SHA-256")
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 1:
        raise ValueError("seq is no number from 1 on")
    if not isinstance(facts, dict):
        raise ValueError("its facts are no mapping")
    server_time = fields["server_time"]
    record = Record(
        seq=seq,
        kind=kind,
        time=_parse_time(fields["time"]),
        server_time=None if server_time is None else _parse_time(server_time),
        facts=facts,
        sha256=hashlib.sha256(line).hexdigest(),
    )
    return Link(record, prev)


def find_break(before: Record | None, link: Link) -> str:
    """Say why a line does not follow the one before; empty when it does."""
    wanted = 1 if before is None else before.seq + 1
    if link.record.seq > wanted:
        return f"has seq {link.record.seq} instead of {wanted}: lines before it were removed"
    if link.record.seq < wanted:
        return f"has seq {link.record.seq} instead of {wanted}: lines were reordered or put in"
    if link.prev != (NO_LINE if before is None else before.sha256):
        return "follows another line than the one before it, which was changed after it was written"
    return ""


def _whole_record(torn: bytes, last: Record | None) -> Record | None:
    try:
        link = parse_line(torn + b"\n")
    except ValueError:
        return None
    return None if find_break(last, link) else link.record


def _parse_time(text: object) -> datetime:
    time = datetime.fromisoformat(text) if isinstance(text, str) else None
    if time is None or time.tzinfo is None:
        raise ValueError("it has a time without a zone, or none")
    if time.year not in _YEARS:
        raise ValueError(f"it is of the year {time.year}")
    return time

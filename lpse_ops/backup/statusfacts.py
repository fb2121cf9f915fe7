"""What is known of a site's backups: from the ledger, and from destinations that can be reached.

Values only.  The ledger's facts are read leniently: a field that is missing or of another shape
is unknown, never an error, because whoever cannot read an old record must still tell the age of
the newest snapshot.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from lpse_ops.backup.diskforecast import Room, days_until_full, growth_per_day, read_rooms

Media = Literal["local", "disk", "sftp", "s3"]

# Kept somewhere else than the server, by their nature.
REMOTE: tuple[Media, ...] = ("sftp", "s3")
GOOD_RUNS = ("ok", "partial")
# Of four weeks, even if somebody backs up every hour.
_MOST_ROOMS = 1000


class LedgerRecord(Protocol):
    """As ``lpse_ops.ledger`` gives them."""

    @property
    def kind(self) -> str: ...

    @property
    def time(self) -> datetime: ...

    @property
    def facts(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Place:
    """A destination as the settings name it.

    ``kept_at`` is where it is, of a portable disk where it lies while it is not plugged in;
    ``in_server_room`` says that this is the server room.
    """

    name: str
    media: Media
    kept_at: str | None = None
    in_server_room: bool = False

    def is_off_site(self, *, reachable: bool | None) -> bool:
        """Whether it is away from the server room: not a disk that is plugged in now."""
        if self.in_server_room:
            return False
        if self.media == "disk":
            return bool(self.kept_at) and reachable is not True
        return self.media in REMOTE or bool(self.kept_at)


@dataclass(frozen=True)
class SnapshotMark:
    """A snapshot that is or was at a destination."""

    id: str
    time: datetime


@dataclass(frozen=True)
class Sighting:
    """What a destination itself says now: why it does not answer, or what it holds.

    ``snapshots`` are the ids that are there; ``newest`` is None when there is none, or when it was
    not looked for because ``snapshots`` holds the newest that the ledger knows.  ``future`` is a
    snapshot later than now: made while the clock was wrong.
    """

    trouble: str | None = None
    snapshots: frozenset[str] = frozenset()
    newest: SnapshotMark | None = None
    future: SnapshotMark | None = None


@dataclass(frozen=True)
class Run:
    """One run of the backup; ``destinations`` maps names to (status, reason)."""

    status: str
    started: datetime
    finished: datetime
    snapshot: str = ""
    bytes_read: int = 0
    error: str = ""
    destinations: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        return self.status in GOOD_RUNS

    def wrote(self, destination: str) -> bool:
        """Whether the snapshot is at the destination; a run that names none wrote to all."""
        if not (self.is_good and self.snapshot):
            return False
        return not self.destinations or self.destinations.get(destination, ("", ""))[0] == "written"


@dataclass(frozen=True)
class Sync:
    destination: str
    status: str
    time: datetime
    newest: SnapshotMark | None = None
    error: str = ""
    deletes: bool = False
    source: str = ""


@dataclass(frozen=True)
class Prune:
    """What no snapshot needs was removed at a destination, or not."""

    destination: str
    status: str
    time: datetime
    error: str = ""


@dataclass(frozen=True)
class Proof:
    """A check or a restore drill of one destination; ``scope`` is what a check read."""

    kind: Literal["check", "drill"]
    destination: str
    status: str
    time: datetime
    rto_seconds: int | None = None
    rpo_seconds: int | None = None
    problems: tuple[str, ...] = ()
    scope: str = ""


@dataclass(frozen=True)
class History:
    """The ledger, oldest first, as far as it is about backups."""

    runs: tuple[Run, ...] = ()
    syncs: tuple[Sync, ...] = ()
    checks: tuple[Proof, ...] = ()
    drills: tuple[Proof, ...] = ()
    key_drills: tuple[datetime, ...] = ()
    prunes: tuple[Prune, ...] = ()
    rooms: Mapping[str, tuple[Room, ...]] = field(default_factory=dict)

    def days_until_full(self, destination: str, now: datetime) -> int | None:
        """By the room that the runs found, the last of them too; None if nothing can be said."""
        rooms = self.rooms.get(destination, ())
        per_day = growth_per_day(rooms, now)
        return days_until_full(rooms[-1].free_bytes, per_day) if rooms else None

    def has_more(self, name: str, other: str) -> bool:
        """Whether a place got a snapshot that the other did not get, then or by a sync since."""
        return any(
            run.wrote(name)
            and not run.wrote(other)
            and not any(
                sync.destination == other
                and sync.status == "ok"
                and sync.time >= run.finished
                and run.wrote(sync.source)
                for sync in self.syncs
            )
            for run in self.runs
        )


@dataclass(frozen=True)
class Limits:
    """After how long something is told."""

    alert_after: timedelta = timedelta(hours=30)
    rotate_after: timedelta = timedelta(days=14)
    drill_after: timedelta = timedelta(days=90)
    key_drill_after: timedelta = timedelta(days=365)


@dataclass(frozen=True)
class BackupFacts:
    """All that a verdict needs; ``sightings`` by the destinations' names.

    ``has_ledger`` is false where only the repository is known, on another machine: what only a
    ledger can say is not asked for then.  ``ledger_trouble`` says why it cannot be read.
    ``knows_all_places`` is false where somebody asks for one of them: whether there are copies
    enough cannot be said then.
    """

    now: datetime
    places: tuple[Place, ...]
    sightings: Mapping[str, Sighting] = field(default_factory=dict)
    history: History = History()
    limits: Limits = Limits()
    has_ledger: bool = True
    knows_all_places: bool = True
    ledger_trouble: str | None = None


def read_history(records: Iterable[LedgerRecord], host: str | None = None) -> History:
    """Sort the records of the ledger into a history.

    With a ``host``, runs whose snapshots bear another name are left out: they say nothing of it.
    """
    runs: list[Run] = []
    syncs: list[Sync] = []
    checks: list[Proof] = []
    drills: list[Proof] = []
    key_drills: list[datetime] = []
    prunes: list[Prune] = []
    rooms: dict[str, tuple[Room, ...]] = {}
    for record in records:
        if record.kind == "backup":
            if host is None or record.facts.get("host") in (None, host):
                runs.append(_run(record))
            for name, room in read_rooms(record.time, record.facts).items():
                rooms[name] = (*rooms.get(name, ()), room)[-_MOST_ROOMS:]
        elif record.kind == "sync":
            syncs.append(_sync(record))
        elif record.kind == "check":
            checks.append(_check(record))
        elif record.kind == "drill" and not _proves_files_alone(record):
            drills.append(_drill(record))
        elif record.kind == "key-drill" and _text(record, "status") == "ok":
            key_drills.append(record.time)
        elif record.kind == "prune":
            prunes.append(_prune(record))
    return History(
        runs=tuple(runs),
        syncs=tuple(syncs),
        checks=tuple(checks),
        drills=tuple(drills),
        key_drills=tuple(key_drills),
        prunes=tuple(prunes),
        rooms=rooms,
    )


def _run(record: LedgerRecord) -> Run:
    found = record.facts.get("destinations")
    destinations = found if isinstance(found, dict) else {}
    return Run(
        status=_text(record, "status"),
        started=_moment(record.facts.get("started")) or record.time,
        finished=_moment(record.facts.get("finished")) or record.time,
        snapshot=_text(record, "snapshot"),
        bytes_read=_number(record, "bytes_read") or 0,
        error=_text(record, "error"),
        destinations={
            str(name): (str(each.get("status") or ""), str(each.get("reason") or ""))
            for name, each in destinations.items()
            if isinstance(each, dict)
        },
    )


def _sync(record: LedgerRecord) -> Sync:
    newest, moment = _text(record, "newest_snapshot"), record.facts.get("newest_snapshot_time")
    time = _moment(moment)
    return Sync(
        destination=_text(record, "destination"),
        status=_text(record, "status"),
        time=record.time,
        newest=SnapshotMark(newest, time) if newest and time else None,
        error=_text(record, "error"),
        deletes=record.facts.get("delete") is True,
        source=_text(record, "source"),
    )


def _prune(record: LedgerRecord) -> Prune:
    destination, status = _text(record, "destination"), _text(record, "status")
    return Prune(destination, status, record.time, _text(record, "error"))


def _check(record: LedgerRecord) -> Proof:
    return Proof(
        "check",
        _text(record, "destination"),
        _text(record, "status"),
        record.time,
        scope=_text(record, "read_data"),
    )


def _proves_files_alone(record: LedgerRecord) -> bool:
    """Whether it went well only because the databases were left out (``--no-database``)."""
    return record.facts.get("with_databases") is False and _text(record, "status") == "ok"


def _drill(record: LedgerRecord) -> Proof:
    problems = record.facts.get("problems")
    return Proof(
        "drill",
        _text(record, "destination"),
        _text(record, "status"),
        record.time,
        _number(record, "rto_seconds"),
        _number(record, "rpo_seconds"),
        tuple(map(str, problems)) if isinstance(problems, list) else (),
    )


def _text(record: LedgerRecord, key: str) -> str:
    value = record.facts.get(key)
    return value if isinstance(value, str) else ""


def _number(record: LedgerRecord, key: str) -> int | None:
    value = record.facts.get(key)
    return value if type(value) is int else None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None

"""The verdict on a site's backups: its values, and the words of Nagios for how bad things are."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum

from lpse_ops.backup.diskforecast import Room
from lpse_ops.backup.statusfacts import Media, Proof, Run, SnapshotMark


class Severity(IntEnum):
    """The words and numbers of Nagios."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


class Kind(StrEnum):
    """What can be wrong; the value is its name in JSON and in the ledger."""

    LEDGER = "ledger-unreadable"
    NEVER = "no-backup-yet"
    FAILED = "run-failed"
    PARTIAL = "run-partial"
    MISSED = "day-missed"
    STALE = "destination-stale"
    EMPTY = "destination-empty"
    UNREACHABLE = "destination-unreachable"
    NOT_WRITTEN = "destination-not-written"
    GONE = "snapshot-gone"
    FUTURE = "snapshot-of-the-future"
    ROTATE = "disk-due"
    DAMAGED = "check-failed"
    DRILL_FAILED = "drill-failed"
    DRILL_OLD = "drill-old"
    KEY_DRILL_DUE = "key-drill-due"
    UNVERIFIED = "destination-unverified"
    FULL_SOON = "disk-full-soon"
    PRUNE_FAILED = "prune-failed"
    ONE_COPY = "one-copy"
    NOT_AWAY = "no-copy-away"
    DISK_HERE = "no-disk-away"
    DISK_SOMEWHERE = "disk-kept-nowhere"


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong; ``since`` is the moment that it is judged by."""

    kind: Kind
    severity: Severity
    destination: str = ""
    since: datetime | None = None
    detail: str = ""


@dataclass(frozen=True)
class DestinationStatus:
    """``reachable`` is None where nobody asked; ``proof`` is its newest good check or drill.

    ``room`` is what the last run found free there.
    """

    name: str
    media: Media
    kept_at: str | None
    reachable: bool | None
    trouble: str | None
    newest: SnapshotMark | None
    proof: Proof | None
    away_since: datetime | None
    last_error: str | None
    is_fresh: bool
    is_off_site: bool
    is_damaged: bool = False
    room: Room | None = None

    @property
    def holds_copy(self) -> bool:
        """Whether there is a snapshot, and no check has found since that it is damaged."""
        return self.newest is not None and not self.is_damaged


@dataclass(frozen=True)
class Copies:
    """The rule 3-2-1, of the backups alone: the server's own data comes on top."""

    count: int
    media: tuple[Media, ...]
    off_site: int


@dataclass(frozen=True)
class BackupStatus:
    """The verdict; ``troubles`` the gravest first."""

    now: datetime
    destinations: tuple[DestinationStatus, ...]
    copies: Copies
    last_run: Run | None
    last_good_run: Run | None
    last_drill: Proof | None
    last_key_drill: datetime | None
    missed_days: tuple[date, ...]
    troubles: tuple[Trouble, ...]
    alert_after: timedelta

    @property
    def severity(self) -> Severity:
        return max((each.severity for each in self.troubles), default=Severity.OK)

    @property
    def newest(self) -> SnapshotMark | None:
        """The newest snapshot of all destinations."""
        found = [each.newest for each in self.destinations if each.newest]
        return max(found, key=lambda mark: mark.time, default=None)

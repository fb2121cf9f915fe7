"""A change of an SPSE server: what was asked for, each time that it was carried out, its end.

The fields are those of an LPSE's own register of changes (spec/domain.md b.5).  Times are aware;
texts are plain, bounded and without secrets once they went through ``changetext``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["install", "upgrade", "rollback"]
Category = Literal["normal", "emergency"]
Approval = Literal["approved", "refused"]
StepStatus = Literal["ok", "failed", "skipped", "undone"]
RunResult = Literal["done", "rolled-back", "failed", "interrupted"]
Ending = Literal["done", "refused", "withdrawn"]


@dataclass(frozen=True)
class Request:
    """What somebody asked for.

    ``reason`` is *maksud dan tujuan*, ``source`` the ticket or letter it came by; ``on_site``
    when LKPP comes, else it works over the line.  ``due`` is what was promised when it was
    recorded, None where the SLA has no limit.
    """

    kind: Kind
    received: datetime
    reason: str
    recorded_by: str
    on_site: bool = False
    category: Category = "normal"
    source: str = ""
    applicant: str = ""
    contact: str = ""
    organisation: str = ""
    description: str = ""
    impact: str = ""
    test_plan: str = ""
    rollback_plan: str = ""
    approval: Approval | None = None
    approved_by: str = ""
    scheduled: datetime | None = None
    due: datetime | None = None


@dataclass(frozen=True)
class Package:
    """What was installed; ``sha256`` in hex, of the archive as it came from LKPP."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Step:
    """One step of a run; ``exit_status`` None where no program ended, ``output`` its last words."""

    name: str
    status: StepStatus
    started: datetime | None = None
    ended: datetime | None = None
    exit_status: int | None = None
    output: str = ""


@dataclass(frozen=True)
class Downtime:
    """How long users got no answer; ``ended`` None while they get none."""

    began: datetime
    ended: datetime | None = None

    @property
    def seconds(self) -> int | None:
        """Whole seconds, rounded up; None while it lasts."""
        if self.ended is None:
            return None
        return -int(-(self.ended - self.began).total_seconds() // 1)


@dataclass(frozen=True)
class Run:
    """One time that a change was carried out, whatever came of it.

    ``performed_by`` are names of people, ``account`` who started it on which machine.
    ``backup_snapshot`` is the id of the backup taken before; without one, ``accepted_risk`` says
    why.  ``tests`` are the results of the health proof, a line each.  ``stamp`` is what the step
    runner calls it: by it, and by where it stood, two records of one run are known.
    """

    kind: Kind
    server: str
    started: datetime
    ended: datetime
    result: RunResult
    reason: str
    performed_by: tuple[str, ...]
    account: str
    package: Package | None = None
    from_version: str = ""
    plan: tuple[str, ...] = ()
    backup_snapshot: str = ""
    backup_repository: str = ""
    accepted_risk: str = ""
    steps: tuple[Step, ...] = ()
    tests: tuple[str, ...] = ()
    downtime: Downtime | None = None
    problem: str = ""
    stamp: str = ""

    @property
    def identity(self) -> tuple[object, ...]:
        """The same for what is the same event, however often it is told."""
        ended = self.ended.replace(microsecond=0)
        return (self.stamp, self.server, self.kind, self.result, ended)


@dataclass(frozen=True)
class Closing:
    """The end of a change that somebody told: carried out by hand, refused or withdrawn."""

    ending: Ending
    ended: datetime
    recorded_by: str
    performed_by: tuple[str, ...] = ()
    note: str = ""
    tests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """Where the ledger holds a part of a change: number and SHA-256 (hex) of the line."""

    seq: int
    sha256: str
    recorded: datetime


@dataclass(frozen=True)
class Change:
    """All that is on record under one id; a run that nobody asked for has no ``request``."""

    id: str
    lines: tuple[Line, ...]
    request: Request | None = None
    runs: tuple[Run, ...] = ()
    closing: Closing | None = None

    @property
    def kind(self) -> Kind | None:
        """What was asked for, else what was first done; None where only a closing is left."""
        if self.request is not None:
            return self.request.kind
        return self.runs[0].kind if self.runs else None

    @property
    def done(self) -> datetime | None:
        """When what was asked for was there; None until then, or when it never will be."""
        told = self.closing.ended if self.closing and self.closing.ending == "done" else None
        first = find_done(self.runs, self.kind)
        return min(filter(None, (told, first)), default=None)

    @property
    def is_open(self) -> bool:
        """Whether somebody waits for it: who asked, or what a run left half done."""
        if self.closing is not None or self.done is not None:
            return False
        is_cut_off = bool(self.runs) and self.runs[-1].result == "interrupted"
        return self.request is not None or is_cut_off

    @property
    def register_status(self) -> str:
        """*Status* of the LPSE's register: Tercatat, Evaluasi, Persetujuan or Implementasi."""
        request = self.request
        if self.runs or self.done or request is None:
            return "Implementasi"
        if request.approval is not None:
            return "Persetujuan"
        return "Evaluasi" if request.impact and request.rollback_plan else "Tercatat"


def find_done(runs: Sequence[Run], kind: Kind | None) -> datetime | None:
    """When a run of the kind first came to a good end."""
    return min(
        (run.ended for run in runs if (run.kind, run.result) == (kind, "done")), default=None
    )

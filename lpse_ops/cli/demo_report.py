"""The closing table of the demo: what was stored, how fast, and what proves it."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lpse_ops.cli.demo_compare import Comparison
from lpse_ops.cli.demo_spse import COPY, DATABASE
from lpse_ops.cli.output import render_table
from lpse_ops.cli.sizes import format_size

_LISTED = 10


@dataclass(frozen=True)
class TakenBackup:
    """One backup; ``seconds`` are those of the whole command."""

    snapshot: str
    files: int
    processed_bytes: int
    added_bytes: int
    stored_bytes: int
    seconds: float

    @property
    def known_share(self) -> float:
        """The part that was in the repository already."""
        return max(1 - self.added_bytes / max(self.processed_bytes, 1), 0)


@dataclass(frozen=True)
class Proof:
    """One comparison, and how long the command took whose result it is about."""

    subject: str
    deed: str
    seconds: float
    comparison: Comparison

    @property
    def is_good(self) -> bool:
        return not self.comparison.differences


@dataclass(frozen=True)
class DemoReport:
    first: TakenBackup
    second: TakenBackup
    proofs: tuple[Proof, ...]

    @property
    def is_good(self) -> bool:
        return all(proof.is_good for proof in self.proofs)

    def to_json(self) -> Mapping[str, Any]:
        return {"is_good": self.is_good, **asdict(self)}

    def render(self) -> str:
        both = (self.first, self.second)
        rows = [
            ("snapshot", *(each.snapshot for each in both)),
            ("files", *(each.files for each in both)),
            ("read, with the dump", *(format_size(each.processed_bytes) for each in both)),
            ("known already", *(f"{each.known_share:.1%}" for each in both)),
            ("new", *(format_size(each.added_bytes) for each in both)),
            ("stored as", *(format_size(each.stored_bytes) for each in both)),
            ("time", *(f"{each.seconds:.1f} s" for each in both)),
        ]
        header = ("", "first backup", "second backup")
        proofs = "\n".join(map(_render_proof, self.proofs))
        return f"{render_table(header, rows, right=header[1:])}\n{proofs}"


def parse_backup(snapshot: Mapping[str, Any], seconds: float) -> TakenBackup:
    """Take what is needed from an entry of ``lpse-ops backup snapshots --format json``."""
    summary = snapshot["summary"]
    return TakenBackup(
        snapshot["short_id"],
        summary["total_files_processed"],
        summary["total_bytes_processed"],
        summary["data_added"],
        summary["data_added_packed"],
        seconds,
    )


def _render_proof(proof: Proof) -> str:
    differences = proof.comparison.differences
    verdict = "good" if proof.is_good else "DIFFERENT"
    lines = [
        f"{proof.subject}: {verdict}, {proof.deed} in {proof.seconds:.1f} s",
        f"  {proof.comparison.what}",
        *(f"  {line}" for line in differences[:_LISTED]),
    ]
    if len(differences) > _LISTED:
        lines.append(f"  and {len(differences) - _LISTED} more")
    return "\n".join(lines)


def render_farewell(folder: Path, path_line: str | None, snapshot: str) -> str:
    """What to try next, and how to get rid of it all."""
    place = shlex.quote(str(folder))
    return "\n".join(
        (
            f"The folder {folder} is yours to play with:",
            *([f"$ {path_line}"] if path_line else []),
            f"$ cd {place}",
            "$ lpse-ops backup ls latest",
            "$ lpse-ops backup",
            "Any restic reads its repository:",
            "$ restic --repo repository --password-file backup.password check --read-data",
            "The PostgreSQL is gone, so lpse-ops.yml now names the documents alone; the database",
            "is in the snapshots, for any server of yours:",
            f"$ lpse-ops backup restore {snapshot} --database {DATABASE} --into {COPY} "
            "--server postgresql:///postgres",
            f"To remove it all: rm -r {place}",
        )
    )

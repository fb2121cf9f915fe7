"""The files of a drill: restored into its scratch folder, counted, and a sample hashed again."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.drill import FilesProof, Finding, SampleProof, limit_findings
from lpse_ops.backup.drillsample import check_sample
from lpse_ops.backup.drilltree import Survey, Totals, WithoutDumps, count_restored, find_differences
from lpse_ops.backup.readpool import ReadPool
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restorer import restore
from lpse_ops.backup.restorereport import Problem, RestoreOptions, RestoreReport
from lpse_ops.backup.restoreverify import verify_tree
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.cli.console import ProgressBar


@dataclass
class FilesDrill:
    """Restores everything but what ``is_dump`` says below ``root``, and looks at what is there.

    ``seconds`` are those of the restore alone.
    """

    repository: Repository
    index: BlobIndex
    snapshot: Snapshot
    root: bytes
    is_dump: Callable[[bytes], bool]
    bar: ProgressBar
    monotonic: Callable[[], float] = time.monotonic
    seconds: float = 0.0
    files: FilesProof | None = None
    sample: SampleProof | None = None
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def restore(self, pool: ReadPool | None) -> RestoreReport:
        """Restore the files; those that could not be are findings."""
        options = RestoreOptions(selection=WithoutDumps(self.is_dump))
        started = self.monotonic()
        try:
            report = restore(
                self.repository,
                self.index,
                self.snapshot.tree,
                self.root,
                options,
                self.bar,
                pool,
            )
        finally:
            self.seconds += self.monotonic() - started
        self._find(report.errors, "restored as it was stored")
        if report.warnings:
            path, message = report.warnings[0]
            more = len(report.warnings) - 1
            also = f", and {more} more such notes" if more else ""
            self.notes.append(f"{os.fsdecode(path)}: {message}{also}")
        return report

    def verify(self, report: RestoreReport) -> None:
        """Read every restored file again; no part of the time that a restore takes."""
        self.bar.update(description="reading restored files again")
        verified = verify_tree(
            self.repository,
            self.index,
            self.snapshot.tree,
            self.root,
            WithoutDumps(self.is_dump),
            self.bar,
            skip={path for path, _ in report.errors},
        )
        report.verified_files = verified.files
        self._find(verified.errors, "the bytes that were stored")

    def _find(self, problems: Sequence[Problem], expected: str) -> None:
        found = [Finding("files", os.fsdecode(path), expected, text) for path, text in problems]
        self.findings += limit_findings(found)

    def check(
        self, surveyed: Survey, report: RestoreReport, *, seed: int, has_source: bool
    ) -> None:
        """Count what was restored, name what differs, hash the sample."""
        self.bar.update(description="checking files")
        found = count_restored(self.root)
        failed = {path for path, _ in report.errors}
        if found != surveyed.totals:
            differences = [
                *find_differences(
                    self.repository,
                    self.index,
                    self.snapshot.tree,
                    self.root,
                    is_dump=self.is_dump,
                    skip=failed,
                )
            ]
            self.findings += limit_findings(differences)
            if not differences and not failed:
                self.findings.append(
                    Finding("files", "all together", _sum(surveyed.totals), _sum(found))
                )
        self.files = FilesProof(
            expected=surveyed.totals.files,
            found=found.files,
            size_bytes=found.size_bytes,
            verified=report.verified_files,
            seconds=round(self.seconds),
        )
        sample = [entry for entry in surveyed.sample if entry.path not in failed]
        source = b"" if has_source else None
        checked = check_sample(self.index, sample, self.root, seed=seed, source=source)
        self.sample = checked.proof
        self.findings += checked.findings


def _sum(totals: Totals) -> str:
    return (
        f"{totals.files} files of {totals.size_bytes} bytes, {totals.folders} folders, "
        f"{totals.links} links"
    )

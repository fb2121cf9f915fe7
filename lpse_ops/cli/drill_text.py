"""A drill's report for people at a terminal."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from lpse_ops.backup.drill import DatabaseProof, DrillReport, format_age
from lpse_ops.cli.output import printable
from lpse_ops.cli.sizes import format_size


def render_drill(report: DrillReport, report_file: Path, kept: Path | None) -> str:
    """``kept``: where the restored files were left."""
    lines = [
        f"snapshot   {report.snapshot[:8]} of {report.snapshot_time:%Y-%m-%d %H:%M:%S %z}, "
        f"from {report.destination}",
        *_files(report),
        *map(_database, report.databases),
        *_documents(report),
        f"RTO        {_duration(report.rto_seconds)} to restore",
        f"RPO        {_duration(report.rpo_seconds)} is the age of the newest data",
        *(f"note       {note}" for note in report.notes),
        *(f"PROBLEM    {problem}" for problem in report.problems()),
    ]
    verdict = _verdict(report)
    lines.append(f"report     {report_file}")
    if kept is not None:
        lines.append(f"kept       {kept / 'files'}; when done: rm -rf {kept}")
    # Names of files come from anybody: none may look like a line of ours.
    return "\n".join(map(printable, [*lines, f"result     {verdict}"]))


def _verdict(report: DrillReport) -> str:
    if report.status == "failed":
        return "the drill FAILED"
    if not report.with_databases:
        return "the files are restorable; the databases were not tried"
    return "the backup is restorable"


def _files(report: DrillReport) -> Iterator[str]:
    files, sample = report.files, report.sample
    if files is not None:
        verified = f", {files.verified} read again whole" if files.verified else ""
        size = format_size(files.size_bytes)
        yield f"files      {files.found} of {files.expected} restored, {size}{verified}"
    if sample is not None and sample.files:
        good = sample.files - sample.wrong
        yield (
            f"sample     {good} of {sample.files} hashed again as stored, "
            f"{sample.against_source} of them against the source too; seed {sample.seed}"
        )


def _database(proof: DatabaseProof) -> str:
    what = f"database   {proof.name}: {proof.tables} tables, {proof.rows} rows"
    if proof.expected_rows is None:
        return f"{what}, nothing to compare with"
    if proof.differing:
        return f"{what}; not as in the manifest: {proof.differing} tables"
    return f"{what} as in the manifest"


def _documents(report: DrillReport) -> Iterator[str]:
    named = report.documents
    if named is not None:
        yield (
            f"documents  {named.good} of {named.named} that {named.database} names are there, "
            "at their size"
        )


def _duration(seconds: int) -> str:
    return format_age(timedelta(seconds=seconds))

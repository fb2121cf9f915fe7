"""A drill's report for people at a terminal."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from lpse_ops.backup.drill import DatabaseProof, DrillReport, Finding, format_age
from lpse_ops.cli.output import printable
from lpse_ops.cli.sizes import format_size

_BROKEN = (
    "lpse-ops backup check --read-data names all that is damaged; another copy may be whole: "
    "lpse-ops backup drill --destination NAME"
)
_NO_ROOM = "No space left on device"
_KINDS_OF_ADVICE = {
    "age": "lpse-ops backup status says when which copy was made last; lpse-ops backup makes one",
    "documents": "lpse-ops backup find NAME says which snapshots hold a document; is its folder "
    "below backup.paths?",
    "rows": "lpse-ops backup drill --snapshot ID tries an older one: lpse-ops backup snapshots",
    "snapshots": "lpse-ops backup snapshots lists them; lpse-ops backup check says what is wrong",
    "time": "--time-limit 24h gives it more; --folder DIR on a faster disk makes it shorter",
}


def render_drill(report: DrillReport, report_file: Path, kept: Path | None) -> str:
    """``kept``: where the restored files were left."""
    lines = [
        f"snapshot   {report.snapshot[:8]} of {report.snapshot_time:%Y-%m-%d %H:%M:%S %z}, "
        f"from {report.destination}",
        *_files(report),
        *map(_database, report.databases),
        *(f"database   {name}: NOT proved to be restorable" for name in report.unproved),
        *_documents(report),
        *_objectives(report),
        *(f"note       {note}" for note in report.notes),
        *(f"PROBLEM    {problem}" for problem in report.problems()),
        *(f"next       {advice}" for advice in _advise(report)),
    ]
    verdict = _verdict(report)
    lines.append(f"report     {report_file}")
    if kept is not None:
        lines.append(f"kept       {kept / 'files'}; when done: rm -rf {kept}")
    # Names of files come from anybody: none may look like a line of ours.
    return "\n".join(map(printable, [*lines, f"result     {verdict}"]))


def _objectives(report: DrillReport) -> Iterator[str]:
    partly = "" if report.is_whole else ", but not everything came back"
    yield f"RTO        {_duration(report.rto_seconds)} to restore{partly}"
    by = "snapshot" if report.newest_row is None else "newest data"
    yield f"RPO        {_duration(report.rpo_seconds)} is the age of the {by}{partly}"
    if report.room_bytes is not None:
        yield f"room       {format_size(report.room_bytes)} to keep free for a drill"


def _advise(report: DrillReport) -> list[str]:
    """What to do about each kind of finding, once."""
    return list(dict.fromkeys(map(_advice, report.findings)))


def _advice(finding: Finding) -> str:
    if finding.what.startswith("backup.drill."):
        return f"try {finding.what} of lpse-ops.yml in psql, on the database that was backed up"
    if _NO_ROOM in finding.found:
        return "not the backup, but the drill had no room: --folder DIR on a larger disk"
    return _KINDS_OF_ADVICE.get(finding.check, _BROKEN)


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
        took = _took(files.seconds)
        yield f"files      {files.found} of {files.expected} restored{took}, {size}{verified}"
    if sample is not None and sample.files:
        good = sample.files - sample.wrong
        yield (
            f"sample     {good} of {sample.files} hashed again as stored, "
            f"{sample.against_source} of them against the source too; seed {sample.seed}"
        )


def _database(proof: DatabaseProof) -> str:
    took = f"restored{_took(proof.seconds)}, " if proof.seconds else ""
    what = f"database   {proof.name}: {took}{proof.tables} tables, {proof.rows} rows"
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


def _took(seconds: int) -> str:
    return f" in {_duration(seconds)}" if seconds else ""

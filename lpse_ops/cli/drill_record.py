"""Puts a drill on record: its report as a file, and the file's hash in the ledger."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lpse_ops.atomicfile import write_atomically
from lpse_ops.backup.drill import DrillReport, shorten
from lpse_ops.backup.drilljson import to_json
from lpse_ops.backup.repository import Repository
from lpse_ops.cli.output import encode_text, render_json
from lpse_ops.cli.records import record
from lpse_ops.cli.wiring import App
from lpse_ops.errors import LedgerError, OpsError

FOLDER = "drills"


def prepare_folder(app: App) -> None:
    """Make the folder of the reports, before a drill that takes an hour could not be recorded."""
    folder = app.state_folder / FOLDER
    with _storage_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextlib.contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OpsError(
            f"cannot store the report of the drill in {folder}: {error.strerror}",
            hint="set LPSE_OPS_STATE to a folder that you may write to, or run it as root",
        ) from error


def record_drill(app: App, report: DrillReport) -> Path:
    """Store the report and append the ledger's record ``drill``; return the report's file."""
    content = encode_text(render_json("backup/drill", to_json(report)) + "\n")
    path = _report_file(app.state_folder / FOLDER, report)
    with _storage_errors(path.parent):
        write_atomically(path, content)
    app.ledger.append("drill", _facts(report, hashlib.sha256(content).hexdigest()))
    try:
        app.ledger.checkpoint()
    except LedgerError as error:
        # The drill is on record all the same, and its result is waited for.
        app.console.warn(error.message)
    return path


def record_nothing_to_drill(
    app: App, destination: str, repository: Repository, error: OpsError
) -> None:
    """Append a failed drill to the ledger that found no snapshot, and so has no report."""
    facts = {
        "destination": destination,
        "repository_id": repository.config.id,
        "status": "failed",
        "problems": [encode_text(shorten(error.message)).decode()],
    }
    record(app, "drill", facts)


def _report_file(folder: Path, report: DrillReport) -> Path:
    moment = f"{report.started:%Y-%m-%dT%H%M%S.%f}"
    return folder / f"{moment}-{report.snapshot[:8]}.json"


def _facts(report: DrillReport, sha256: str) -> Mapping[str, Any]:
    return {
        "destination": report.destination,
        "repository_id": report.repository_id,
        "snapshot": report.snapshot,
        "snapshot_time": report.snapshot_time,
        "status": report.status,
        "with_databases": report.with_databases,
        "rto_seconds": report.rto_seconds,
        "rpo_seconds": report.rpo_seconds,
        "problems": [encode_text(line).decode() for line in report.problems()],
        "report_sha256": sha256,
    }

"""What a sync did, for the ledger."""

from lpse_ops.backup.clones import newest_snapshot
from lpse_ops.backup.sync import Place, SyncReport
from lpse_ops.cli.records import record
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError


def record_sync(
    app: App,
    source: Place,
    clone: Place,
    report: SyncReport | None,
    error: OpsError | None = None,
    *,
    delete: bool = False,
) -> None:
    """Record a sync that ended, well or with an error."""
    newest = None
    if error is None:
        try:
            newest = newest_snapshot(clone)
        except OpsError as unread:
            error = unread
    problems = report.problems if report is not None else []
    record(
        app,
        "sync",
        {
            "destination": clone.name,
            "source": source.name,
            "status": "failed" if error or problems else "ok",
            "files": report.files if report is not None else 0,
            "bytes": report.bytes if report is not None else 0,
            "delete": delete,
            "removed": report.removed if report is not None else 0,
            "newest_snapshot": newest.id if newest else None,
            "newest_snapshot_time": newest.time.isoformat() if newest else None,
            "error": error.message if error else next(iter(problems), None),
        },
    )

"""The verdict on the backups in the text format of Prometheus, for node_exporter's textfiles.

A registry of its own: nothing of this process itself is in the file.  Alert on the age of
``lpse_ops_backup_last_success_timestamp_seconds``, and of
``lpse_ops_backup_status_timestamp_seconds``: a file that nobody writes any more must be noticed.
"""

from pathlib import Path

from lpse_ops.atomicfile import write_atomically
from lpse_ops.backup.statusverdict import BackupStatus, Severity
from lpse_ops.errors import OpsError

_PREFIX = "lpse_ops_backup_"
# node_exporter is another account.
_MODE = 0o644


def write_metrics(path: Path, status: BackupStatus) -> None:
    """Replace the file in one step: node_exporter never sees half of it."""
    try:
        write_atomically(path, render_metrics(status), mode=_MODE)
    except OSError as error:
        raise OpsError(
            f"cannot write metrics to {path}: {error.strerror}",
            hint="make the folder, or name another file in notify.metrics_file of lpse-ops.yml",
        ) from error


def render_metrics(status: BackupStatus) -> bytes:
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(_PREFIX + name, text, labels, registry=registry)

    for name, text, value in _totals(status):
        gauge(name, text).set(value)
    success = gauge("last_success_timestamp_seconds", "Time of the newest snapshot.", "destination")
    verified = gauge(
        "last_verified_timestamp_seconds", "Last good check or restore drill.", "destination"
    )
    reachable = gauge("destination_reachable", "Whether it answers (1) or not (0).", "destination")
    free = gauge("destination_free_bytes", "Room that the last run found.", "destination")
    for each in status.destinations:
        if each.room is not None:
            free.labels(each.name).set(each.room.free_bytes)
        if each.newest is not None:
            success.labels(each.name).set(each.newest.time.timestamp())
        if each.proof is not None:
            verified.labels(each.name).set(each.proof.time.timestamp())
        if each.reachable is not None:
            reachable.labels(each.name).set(each.reachable)
    troubles = gauge("troubles", "What is wrong, by severity.", "severity")
    for severity in (Severity.WARNING, Severity.CRITICAL):
        count = sum(each.severity is severity for each in status.troubles)
        troubles.labels(severity.name.lower()).set(count)
    return bytes(generate_latest(registry))


def _totals(status: BackupStatus) -> list[tuple[str, str, float]]:
    """Gauges without a label; what is not known is left out."""
    found: list[tuple[str, str, float]] = [
        ("status_timestamp_seconds", "When this file was written.", status.now.timestamp()),
        ("copies", "Destinations that hold a snapshot.", status.copies.count),
        ("copies_off_site", "Those away from the server room.", status.copies.off_site),
        ("media_kinds", "Kinds of media among them.", len(status.copies.media)),
        ("missed_days", "Days of the last 30 without a backup.", len(status.missed_days)),
    ]
    if (run := status.last_run) is not None:
        seconds = (run.finished - run.started).total_seconds()
        found += [
            ("last_run_success", "Whether the last run was good (1) or not (0).", run.is_good),
            ("last_run_timestamp_seconds", "When the last run ended.", run.finished.timestamp()),
            ("last_run_duration_seconds", "How long it took.", seconds),
            ("last_run_read_bytes", "Bytes it read of the source.", run.bytes_read),
        ]
    if (drill := status.last_drill) is not None:
        found.append(
            ("drill_timestamp_seconds", "Last good restore drill.", drill.time.timestamp())
        )
        if drill.rto_seconds is not None:
            found.append(("drill_rto_seconds", "Time that it took.", drill.rto_seconds))
        if drill.rpo_seconds is not None:
            found.append(("drill_rpo_seconds", "Age of the data in it.", drill.rpo_seconds))
    if status.last_key_drill is not None:
        moment = status.last_key_drill.timestamp()
        found.append(("key_drill_timestamp_seconds", "Last try of the recovery sheet.", moment))
    return found

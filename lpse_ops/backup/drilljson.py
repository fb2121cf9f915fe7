"""A drill's report as JSON: what is stored, hashed into the ledger, and read for a paper."""

from typing import Any

from lpse_ops.backup.drill import DatabaseProof, DrillReport


def to_json(report: DrillReport) -> dict[str, Any]:
    """Plain values in a stable order, no fractions; times as ISO-8601 with offset."""
    return {
        "status": report.status,
        "destination": report.destination,
        "medium": vars(report.medium),
        "repository_id": report.repository_id,
        "snapshot": report.snapshot,
        "snapshot_time": report.snapshot_time.isoformat(),
        "hostname": report.hostname,
        "paths": list(report.paths),
        "started": report.started.isoformat(),
        "finished": report.finished.isoformat(),
        "rto_seconds": report.rto_seconds,
        "rpo_seconds": report.rpo_seconds,
        "room_bytes": report.room_bytes,
        "with_databases": report.with_databases,
        "newest_row": report.newest_row.isoformat() if report.newest_row else None,
        "databases": [_database_json(each) for each in report.databases],
        "databases_unproved": list(report.unproved),
        "documents": _documents_json(report),
        "problems": [{"message": each.text, **vars(each)} for each in report.findings],
        "notes": list(report.notes),
    }


def _database_json(proof: DatabaseProof) -> dict[str, Any]:
    return {
        "name": proof.name,
        "dump_bytes": proof.dump_bytes,
        "tables_expected": proof.expected_tables,
        "tables_found": proof.tables,
        "rows_expected": proof.expected_rows,
        "rows_found": proof.rows,
        "tables_differing": proof.differing,
        "seconds": proof.seconds,
    }


def _documents_json(report: DrillReport) -> dict[str, Any] | None:
    files, sample, named = report.files, report.sample, report.documents
    if files is None:
        return None
    return {
        "files_expected": files.expected,
        "files_found": files.found,
        "bytes_found": files.size_bytes,
        "files_verified": files.verified,
        "seconds": files.seconds,
        "named_by": named.database if named else None,
        "named": named.named if named else None,
        "missing": named.named - named.good if named else 0,
        "sample": sample.files if sample else 0,
        "sample_wrong": sample.wrong if sample else 0,
        "sample_seed": sample.seed if sample else None,
        "sample_against_source": sample.against_source if sample else 0,
    }

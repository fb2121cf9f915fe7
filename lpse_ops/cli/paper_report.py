"""The report of a restore drill, read back from its file for a paper."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lpse_ops.cli.paper_findings import describe_finding
from lpse_ops.documents.values import DatabaseResult, DocumentsResult
from lpse_ops.errors import PaperError

MAX_BYTES = 64 << 20
_SCHEMA = "lpse-ops/backup/drill/1"
_MEDIA = {
    "disk": "disk portabel",
    "folder": "folder",
    "local": "folder",
    "s3": "penyimpanan objek S3",
    "sftp": "server SFTP",
}


@dataclass(frozen=True)
class DrillValues:
    """What the report says, under the names of ``RestoreMinutes``."""

    started: datetime
    finished: datetime
    destination: str
    medium: str
    kept_at: str | None
    repository_id: str
    snapshot: str
    snapshot_time: datetime
    passed: bool
    databases: tuple[DatabaseResult, ...]
    documents: DocumentsResult | None
    rto_seconds: int
    rpo_seconds: int | None
    newest_row: datetime | None
    problems: tuple[str, ...]
    unproved: tuple[str, ...]


def parse_report(content: bytes, name: str) -> DrillValues:
    """Read a report; PaperError when it is none, or its values are not what they should be."""
    try:
        data = json.loads(content)
        if not isinstance(data, dict) or data.get("schema") != _SCHEMA:
            raise ValueError(f"it does not begin with the schema {_SCHEMA}")
        return _values(data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PaperError(
            f"{name} is not the report of a drill: {_say(error)}",
            hint="name a file of the folder drills below the state folder, see "
            "`lpse-ops log show --kind drill`",
        ) from error


def _say(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)[:200]


def _values(data: dict[str, Any]) -> DrillValues:
    medium = data.get("medium") or {}
    documents = data["documents"]
    return DrillValues(
        started=_time(data["started"]),
        finished=_time(data["finished"]),
        destination=_text(data["destination"]),
        medium=_medium(medium),
        kept_at=_optional(medium.get("kept_at"), _text),
        repository_id=_text(data["repository_id"]),
        snapshot=_text(data["snapshot"]),
        snapshot_time=_time(data["snapshot_time"]),
        passed=data["status"] == "ok",
        databases=tuple(map(_database, data["databases"])),
        documents=_optional(documents, _documents),
        rto_seconds=_count(data["rto_seconds"]),
        rpo_seconds=_optional(data.get("rpo_seconds"), _count),
        newest_row=_optional(data.get("newest_row"), _time),
        problems=tuple(map(_problem, data["problems"])),
        unproved=tuple(map(_text, data.get("databases_unproved") or ())),
    )


def _medium(medium: dict[str, Any]) -> str:
    kind = _MEDIA.get(_text(medium.get("kind", "")), "media cadangan")
    label = _optional(medium.get("label"), _text)
    return f"{kind} {label}" if label else kind


def _database(data: dict[str, Any]) -> DatabaseResult:
    return DatabaseResult(
        name=_text(data["name"]),
        tables_found=_count(data["tables_found"]),
        rows_found=_count(data["rows_found"]),
        tables_expected=_optional(data.get("tables_expected"), _count),
        rows_expected=_optional(data.get("rows_expected"), _count),
        tables_differing=_count(data.get("tables_differing", 0)),
    )


def _documents(data: dict[str, Any]) -> DocumentsResult:
    return DocumentsResult(
        files_expected=_count(data["files_expected"]),
        files_found=_count(data["files_found"]),
        bytes_found=_count(data["bytes_found"]),
        named=_optional(data.get("named"), _count),
        missing=_count(data.get("missing", 0)),
        sample=_count(data.get("sample", 0)),
        sample_wrong=_count(data.get("sample_wrong", 0)),
    )


def _problem(data: Any) -> str:
    if isinstance(data, dict) and {"what", "expected", "found"} <= data.keys():
        return describe_finding(data)
    return _text(data["message"] if isinstance(data, dict) else data)


def _optional(value: Any, read: Any) -> Any:
    return None if value is None else read(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:40]!r} is no text")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise ValueError(f"{str(value)[:40]!r} is no count")
    return value


def _time(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    # Rows may be as old as the computer's time: then the drill has failed, and has its paper.
    if moment.tzinfo is None or not 1900 <= moment.year <= 2999:
        raise ValueError(f"{value!r} is no time with its zone")
    return moment

"""The report of a drill and its record in the ledger, without the drill."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lpse_ops.ledger import Ledger

SITE = """\
site: {name: LPSE Kabupaten Contoh, slug: lpse-contoh, time_zone: WITA}
people:
  - {name: 'Budi Contoh, S.Kom.', role: Pengelola Sistem, nip: '198001012005011001'}
  - {name: 'Sari Contoh, S.H.', role: Kepala LPSE}
"""
PAPERS = """\
papers:
  letterhead: [PEMERINTAH KABUPATEN CONTOH, LPSE KABUPATEN CONTOH]
  place: Contoh
  number_pattern: '{seq:03d}/LPSE/{ROMAN}/{YYYY}'
  legal_basis:
    - {text: Aturan lama Pasal 1, until: 2020-12-31}
    - {text: Aturan baru Pasal 27, since: 2021-01-01}
"""
REPORT: dict[str, Any] = {
    "schema": "lpse-ops/backup/drill/1",
    "status": "ok",
    "started": "2025-11-22T00:10:00+08:00",
    "finished": "2025-11-22T01:33:20+08:00",
    "destination": "disk-a",
    "medium": {"kind": "disk", "label": "Disk A (merah)", "kept_at": "Brankas Setda"},
    "repository_id": "4f0c" * 16,
    "snapshot": "1a2b" * 16,
    "snapshot_time": "2025-11-21T15:05:00+08:00",
    "databases": [
        {
            "name": "epns_prod",
            "tables_expected": 212,
            "tables_found": 212,
            "rows_expected": None,
            "rows_found": 99,
            "tables_differing": 0,
        }
    ],
    "documents": {
        "files_expected": 20,
        "files_found": 20,
        "bytes_found": 4096,
        "named": None,
        "missing": 0,
        "sample": 5,
        "sample_wrong": 0,
    },
    "newest_row": None,
    "rto_seconds": 4980,
    "rpo_seconds": 32_700,
    "problems": [],
}


def open_ledger(state: Path) -> Ledger:
    return Ledger(state / "ledger", "lpse-contoh", lambda: datetime(2026, 11, 22, tzinfo=UTC))


def put_on_record(state: Path, name: str = "2025-11-22T001000-1a2b.json", **changes: Any) -> Path:
    """Store a report where drills store theirs, and its hash in the ledger."""
    content = json.dumps(REPORT | changes).encode()
    path = state / "drills" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    open_ledger(state).append("drill", {"report_sha256": hashlib.sha256(content).hexdigest()})
    return path

"""A change that was asked for and carried out, for tests of records and papers."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from lpse_ops.ledger import Ledger
from lpse_ops.nationaldays import load_national_days
from lpse_ops.spse.change import Closing, Downtime, Package, Request, Run, Step
from lpse_ops.workdays import WorkCalendar
from tests.fakes import FixedClock

WITA = ZoneInfo("Asia/Makassar")


def at(text: str) -> datetime:
    """A time in Makassar: ``11-20 09:05`` of 2026."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=WITA)


def calendar(*years: int) -> WorkCalendar:
    found = load_national_days(years or [2025, 2026, 2027])
    return WorkCalendar(WITA, found.days, found.known_years)


REQUEST = Request(
    kind="upgrade",
    # A Wednesday; due on Friday.
    received=at("11-18 09:05"),
    reason="Perbaikan keamanan menurut surat LKPP",
    recorded_by="sari@lpse-1",
    category="emergency",
    source="Surat LKPP Nomor 12/D.2/11/2026",
    applicant="Sari Contoh, S.H.",
    contact="0812-0000-0000",
    organisation="LPSE Kabupaten Contoh",
    description="Pemutakhiran SPSE 4.4 ke 4.5",
    impact="SPSE tidak dapat diakses sekitar 15 menit",
    test_plan="Masuk sebagai panitia, unduh satu dokumen",
    rollback_plan="Rilis dan basis data lama dipasang kembali",
    approval="approved",
    approved_by="Kepala LPSE",
    scheduled=at("11-20 17:00"),
    due=at("11-20 16:30"),
)
STEPS = (
    Step("maintenance page on", "ok", at("11-20 14:00:00"), at("11-20 14:00:01"), 0),
    Step("stop the application", "ok", at("11-20 14:00:01"), at("11-20 14:00:09"), 0, "stopped"),
    Step("migration", "ok", at("11-20 14:01:00"), at("11-20 14:03:30"), 0, "12 tables\nok"),
    Step("health proof", "ok", at("11-20 14:04:00"), at("11-20 14:04:20"), None),
)
RUN = Run(
    kind="upgrade",
    server="spse-1",
    started=at("11-20 14:00:00"),
    ended=at("11-20 14:05:00"),
    result="done",
    reason="Perbaikan keamanan menurut surat LKPP",
    performed_by=("Budi Contoh, S.Kom.",),
    account="root@spse-1",
    package=Package("spse-4.5.tar.gz", "4.5", "ab12cd34" * 8),
    from_version="4.4",
    plan=("stop the application", "switch the release to 4.5", "migration"),
    backup_snapshot="1a2b" * 16,
    backup_repository="4f0c" * 16,
    steps=STEPS,
    tests=("local port 9090 answers", "login page through the proxy"),
    downtime=Downtime(at("11-20 14:00:01"), at("11-20 14:04:21")),
)
FAILED_RUN = Run(
    kind="upgrade",
    server="spse-1",
    started=at("11-19 14:00:00"),
    ended=at("11-19 14:06:00"),
    result="rolled-back",
    reason="Perbaikan keamanan menurut surat LKPP",
    performed_by=("Budi Contoh, S.Kom.",),
    account="root@spse-1",
    package=RUN.package,
    from_version="4.4",
    steps=(
        *STEPS[:2],
        Step("migration", "failed", at("11-19 14:01:00"), at("11-19 14:02:00"), 1, "no column x"),
    ),
    downtime=Downtime(at("11-19 14:00:01"), at("11-19 14:05:30")),
    problem="migration ended with status 1",
)
CLOSING = Closing("done", at("11-20 15:00:00"), "sari@lpse-1", ("Tim ITO LKPP",), "dipasang LKPP")


def open_ledger(state: Path, moment: str = "11-20 15:10:00") -> Ledger:
    return Ledger(state / "ledger", "lpse-contoh", FixedClock(at(moment)).now)

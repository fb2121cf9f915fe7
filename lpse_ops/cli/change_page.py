"""What *Catatan Perubahan* says: the register's fields, the clock of the SLA, and every run."""

from collections.abc import Iterator
from datetime import timedelta, tzinfo

from lpse_ops.cli.change_words import KINDS, LABELS, RESULTS, register_fields
from lpse_ops.documents.indonesian import clock_time, date, date_and_time, duration
from lpse_ops.documents.paper_parts import Fact
from lpse_ops.documents.record_page import MOST_SECTIONS, Row, Section
from lpse_ops.documents.sla_words import (
    day_and_date,
    doubts,
    moment_in_full,
    outcome,
    workdays_in_words,
)
from lpse_ops.spse.change import Change, Run, Step
from lpse_ops.spse.sla import SlaClock

TITLE = "CATATAN PERUBAHAN"
# Beside the register and the SLA.
MOST_RUNS = MOST_SECTIONS - 3
_HEADER = Row("No", "Langkah", "Mulai", "Lama", "Hasil")
_STATUSES = {"ok": "ok", "failed": "GAGAL", "skipped": "dilewati", "undone": "dikembalikan"}
_OUTPUT_LINES = 6


def change_sections(change: Change, clock: SlaClock, zone: tzinfo) -> tuple[Section, ...]:
    """Return the sections of the page; times are said in ``zone``."""
    fields = register_fields(change, zone)
    facts = tuple(Fact(LABELS[name], text) for name, text in fields.items())
    runs = change.runs[-MOST_RUNS:]
    first = len(change.runs) - len(runs) + 1
    return (
        Section("Register perubahan", facts),
        Section("Batas waktu layanan (SLA LKPP-LPSE)", tuple(_sla_facts(change, clock, zone))),
        *_earlier(first - 1),
        *(_run_section(number, run, zone) for number, run in enumerate(runs, start=first)),
    )


def _earlier(count: int) -> Iterator[Section]:
    if count:
        text = f"{count} pelaksanaan sebelumnya tercatat dalam ledger"
        yield Section("Pelaksanaan terdahulu", (Fact("Jumlah", text),))


def _sla_facts(change: Change, clock: SlaClock, zone: tzinfo) -> Iterator[Fact]:
    service, due, request = clock.service, clock.due, change.request
    if service is None or due is None or request is None:
        why = "SLA tidak membatasi" if request else "tidak ada permohonan yang tercatat"
        yield Fact("Keterangan", f"tanpa batas waktu: {why}")
        return
    where = "di lokasi" if service.on_site else "jarak jauh"
    limit = (
        f"paling lama {workdays_in_words(service.workdays)}, katalog layanan {service.catalogue}"
    )
    yield Fact("Layanan", f"{KINDS[service.kind]} {where}: {limit}")
    yield Fact("Permohonan diterima", moment_in_full(request.received, zone))
    yield Fact("Dihitung sejak", day_and_date(due.counted_from))
    yield Fact("Jatuh tempo", moment_in_full(due.at, zone))
    if clock.promised is not None:
        yield Fact("Jatuh tempo semula", moment_in_full(clock.promised, zone))
    yield Fact("Selesai", moment_in_full(clock.done, zone) if clock.done else "")
    yield Fact("Keterangan", outcome(clock.done, clock.late_by, is_open=change.is_open))
    for doubt in doubts(due.doubts.unknown_years, due.doubts.estimated):
        yield Fact("Catatan", doubt)


def _run_section(number: int, run: Run, zone: tzinfo) -> Section:
    return Section(
        f"Pelaksanaan ke-{number}: {KINDS[run.kind]}, {date(run.started, zone)}",
        tuple(_run_facts(run, zone)),
        _HEADER if run.steps else None,
        tuple(_step_row(place, step, zone) for place, step in enumerate(run.steps, start=1)),
        tuple(_outputs(run)),
    )


def _run_facts(run: Run, zone: tzinfo) -> Iterator[Fact]:
    yield Fact("Server", run.server)
    on_one_day = date(run.started, zone) == date(run.ended, zone)
    end = (clock_time if on_one_day else date_and_time)(run.ended, zone)
    yield Fact("Waktu", f"{date_and_time(run.started, zone)} sampai dengan {end}")
    yield Fact("Pelaksana", ", ".join(run.performed_by))
    yield Fact("Dijalankan oleh akun", run.account)
    yield Fact("Alasan", run.reason)
    if run.package is not None:
        yield Fact("Versi", f"{run.from_version or '-'} menjadi {run.package.version}")
        yield Fact("Paket", f"{run.package.name}, SHA-256 {run.package.sha256}")
    yield Fact("Cadangan sebelumnya", _backup(run))
    yield Fact("Rencana", "; ".join(run.plan))
    yield Fact("Henti layanan", _downtime(run, zone))
    yield Fact("Hasil tes", "; ".join(run.tests))
    yield Fact("Hasil", RESULTS[run.result])
    if run.problem:
        yield Fact("Masalah", run.problem)


def _backup(run: Run) -> str:
    if run.backup_snapshot:
        where = f" dalam repositori {run.backup_repository[:10]}" if run.backup_repository else ""
        return f"snapshot {run.backup_snapshot[:10]}{where}"
    return f"TIDAK ADA; risiko diterima: {run.accepted_risk}" if run.accepted_risk else ""


def _downtime(run: Run, zone: tzinfo) -> str:
    down = run.downtime
    if down is None:
        return ""
    begin = clock_time(down.began, zone)
    if down.ended is None or down.seconds is None or down.seconds < 0:
        return f"sejak pukul {begin}, belum berakhir"
    return f"{duration(down.seconds)}, pukul {begin} sampai dengan {clock_time(down.ended, zone)}"


def _step_row(number: int, step: Step, zone: tzinfo) -> Row:
    began = f"{step.started.astimezone(zone):%H.%M.%S}" if step.started else ""
    status = _STATUSES[step.status]
    code = "" if step.exit_status in (None, 0) else f" ({step.exit_status})"
    return Row(str(number), step.name, began, _took(step), f"{status}{code}")


def _took(step: Step) -> str:
    if step.started is None or step.ended is None:
        return ""
    took = step.ended - step.started
    # A clock that was set back meanwhile tells nothing.
    return duration(-int(-took.total_seconds() // 1)) if took >= timedelta() else ""


def _outputs(run: Run) -> Iterator[str]:
    """The last words of what failed; the whole is in the ledger."""
    for step in run.steps:
        if step.status == "failed":
            lines = step.output.splitlines()[-_OUTPUT_LINES:]
            yield from (f"{step.name}: {line}" for line in lines)

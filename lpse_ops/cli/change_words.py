"""A change in the words of an LPSE's register (spec/domain.md b.5), in Indonesian."""

from collections.abc import Iterable
from datetime import tzinfo

from lpse_ops.documents.indonesian import date_and_time
from lpse_ops.documents.sla_words import moment_in_full
from lpse_ops.spse.change import Change, Request

KINDS = {"install": "Instalasi SPSE", "upgrade": "Upgrade SPSE", "rollback": "Rollback SPSE"}
RESULTS = {
    "done": "berhasil",
    "rolled-back": "GAGAL, dikembalikan ke keadaan semula",
    "failed": "GAGAL",
    "interrupted": "TERPUTUS",
}
_ENDINGS = {
    "done": "dilaksanakan di luar lpse-ops",
    "refused": "ditolak",
    "withdrawn": "dibatalkan pemohon",
}
_CATEGORIES = {"normal": "Normal", "emergency": "Emergency"}
_APPROVALS = {"approved": "Setuju", "refused": "Tidak Setuju"}
# The names of the register's fields, and what they are called on paper.
LABELS = {
    "id": "Id",
    "tanggal_permohonan": "Tanggal permohonan",
    "pemohon": "Pemohon",
    "kontak": "Kontak",
    "instansi": "Instansi",
    "deskripsi": "Deskripsi",
    "tanggal_berlaku": "Tanggal berlaku",
    "maksud_dan_tujuan": "Maksud dan tujuan",
    "jenis": "Jenis",
    "kategori": "Kategori",
    "dampak": "Dampak",
    "sumber": "Sumber",
    "rencana_uji_coba": "Rencana uji coba",
    "rollback": "Rencana rollback",
    "persetujuan": "Persetujuan",
    "jadwal": "Jadwal",
    "petugas": "Petugas",
    "hasil_tes": "Hasil tes",
    "hasil_implementasi": "Hasil implementasi",
    "status": "Status",
}


def register_fields(change: Change, zone: tzinfo) -> dict[str, str]:
    """Return the fields of the register, by the names of ``LABELS``; "" where nothing is known."""
    asked = _request_fields(change.request, zone) if change.request else {}
    last = change.runs[-1] if change.runs else None
    known = {
        "id": change.id,
        "jenis": describe_kind(change),
        "maksud_dan_tujuan": last.reason if last else "",
        "deskripsi": _describe_package(change),
        **{name: text for name, text in asked.items() if text},
        "tanggal_berlaku": moment_in_full(change.done, zone) if change.done else "",
        "petugas": ", ".join(_performers(change)),
        "hasil_tes": "; ".join(_tests(change)),
        "hasil_implementasi": _result(change),
        "status": change.register_status,
    }
    return {name: known.get(name, "") for name in LABELS}


def describe_kind(change: Change) -> str:
    kind = KINDS.get(change.kind or "", "")
    if change.request is None:
        return kind
    return f"{kind}, {'di lokasi' if change.request.on_site else 'jarak jauh'}"


def _request_fields(request: Request, zone: tzinfo) -> dict[str, str]:
    approval = _APPROVALS.get(request.approval or "", "")
    by = f"{approval} ({request.approved_by})" if request.approved_by else approval
    return {
        "tanggal_permohonan": moment_in_full(request.received, zone),
        "pemohon": request.applicant,
        "kontak": request.contact,
        "instansi": request.organisation,
        "deskripsi": request.description,
        "maksud_dan_tujuan": request.reason,
        "kategori": _CATEGORIES[request.category],
        "dampak": request.impact,
        "sumber": request.source,
        "rencana_uji_coba": request.test_plan,
        "rollback": request.rollback_plan,
        "persetujuan": by,
        "jadwal": date_and_time(request.scheduled, zone) if request.scheduled else "",
    }


def _describe_package(change: Change) -> str:
    run = change.runs[-1] if change.runs else None
    if run is None or run.package is None:
        return ""
    return f"{KINDS[run.kind]} {run.from_version or '-'} menjadi {run.package.version}"


def _performers(change: Change) -> Iterable[str]:
    """Everybody who had a hand in it, once, in the order of the ledger."""
    names = [name for run in change.runs for name in run.performed_by]
    told = change.closing.performed_by if change.closing else ()
    return dict.fromkeys([*names, *told])


def _tests(change: Change) -> Iterable[str]:
    if change.closing is not None and change.closing.tests:
        return change.closing.tests
    return change.runs[-1].tests if change.runs else ()


def _result(change: Change) -> str:
    results = [RESULTS[run.result] for run in change.runs]
    closing = change.closing
    if closing is not None:
        note = f": {closing.note}" if closing.note else ""
        results.append(f"{_ENDINGS[closing.ending]}{note}")
    if len(results) < 2:
        return "".join(results)
    return "; ".join(f"ke-{number}: {text}" for number, text in enumerate(results, start=1))

from dataclasses import replace
from datetime import timedelta

from lpse_ops.cli.change_page import MOST_RUNS, change_sections
from lpse_ops.documents.record_page import MOST_SECTIONS, Row
from lpse_ops.spse.change import Change, Downtime, Step
from lpse_ops.spse.sla import read_clock
from tests.spse.samples import CLOSING, FAILED_RUN, REQUEST, RUN, WITA, at, calendar


def sections(change: Change, *years: int):
    clock = read_clock(change, calendar(*years), at("12-30 12:00"))
    return change_sections(change, clock, WITA)


def facts(section) -> dict[str, str]:
    return {fact.label: fact.text for fact in section.facts}


def change(*runs, request=REQUEST, closing=None) -> Change:
    return Change("2026-0001", (), request, runs, closing)


def test_the_page_of_an_upgrade_that_failed_once():
    register, sla, first, second = sections(change(FAILED_RUN, RUN))
    assert register.heading == "Register perubahan"
    assert facts(register)["Status"] == "Implementasi"
    assert facts(sla) == {
        "Layanan": "Upgrade SPSE jarak jauh: paling lama 2 (dua) hari kerja, katalog layanan 5",
        "Permohonan diterima": "Rabu, 18 November 2026 pukul 09.05 WITA",
        "Dihitung sejak": "Rabu, 18 November 2026",
        "Jatuh tempo": "Jumat, 20 November 2026 pukul 16.30 WITA",
        "Selesai": "Jumat, 20 November 2026 pukul 14.05 WITA",
        "Keterangan": "selesai tepat waktu",
    }
    assert first.heading == "Pelaksanaan ke-1: Upgrade SPSE, 19 November 2026"
    assert facts(first)["Hasil"] == "GAGAL, dikembalikan ke keadaan semula"
    assert facts(first)["Masalah"] == "migration ended with status 1"
    assert first.rows[2] == Row("3", "migration", "14.01.00", "1 menit", "GAGAL (1)")
    assert first.notes == ("migration: no column x",)
    assert second.heading == "Pelaksanaan ke-2: Upgrade SPSE, 20 November 2026"
    assert facts(second) == {
        "Server": "spse-1",
        "Waktu": "20 November 2026 pukul 14.00 WITA sampai dengan 14.05 WITA",
        "Pelaksana": "Budi Contoh, S.Kom.",
        "Dijalankan oleh akun": "root@spse-1",
        "Alasan": "Perbaikan keamanan menurut surat LKPP",
        "Versi": "4.4 menjadi 4.5",
        "Paket": f"spse-4.5.tar.gz, SHA-256 {'ab12cd34' * 8}",
        "Cadangan sebelumnya": "snapshot 1a2b1a2b1a dalam repositori 4f0c4f0c4f",
        "Rencana": "stop the application; switch the release to 4.5; migration",
        "Henti layanan": "4 menit 20 detik, pukul 14.00 WITA sampai dengan 14.04 WITA",
        "Hasil tes": "local port 9090 answers; login page through the proxy",
        "Hasil": "berhasil",
    }
    assert second.notes == ()


def test_a_run_over_midnight_says_both_days():
    section = sections(change(replace(RUN, ended=at("11-21 00:10"))))[2]
    assert facts(section)["Waktu"] == (
        "20 November 2026 pukul 14.00 WITA sampai dengan 21 November 2026 pukul 00.10 WITA"
    )


def test_who_was_late_is_told_so_and_the_moved_promise_too():
    late = replace(CLOSING, ended=at("11-23 08:00"))
    moved = replace(REQUEST, due=at("11-19 16:00"))
    found = facts(sections(change(request=moved, closing=late))[1])
    assert found["Keterangan"] == "TERLAMBAT 2 hari 16 jam"
    assert found["Jatuh tempo semula"] == "Kamis, 19 November 2026 pukul 16.00 WITA"


def test_an_open_request_does_not_depend_on_the_hour():
    found = facts(sections(change())[1])
    assert found["Keterangan"] == "belum selesai"
    assert found["Selesai"] == ""


def test_a_year_without_a_decree_stands_on_the_page():
    found = facts(sections(change(), 2025)[1])
    assert found["Catatan"].startswith("hari libur nasional dan cuti bersama tahun 2026 belum")


def test_without_a_limit_the_page_says_why():
    rollback = replace(REQUEST, kind="rollback", due=None)
    assert facts(sections(change(request=rollback))[1]) == {
        "Keterangan": "tanpa batas waktu: SLA tidak membatasi"
    }
    assert facts(sections(change(RUN, request=None))[1]) == {
        "Keterangan": "tanpa batas waktu: tidak ada permohonan yang tercatat"
    }


def test_a_run_without_a_backup_names_the_risk():
    run = replace(RUN, backup_snapshot="", accepted_risk="cadangan LKPP", package=None, steps=())
    section = sections(change(run))[2]
    assert facts(section)["Cadangan sebelumnya"] == "TIDAK ADA; risiko diterima: cadangan LKPP"
    assert "Versi" not in facts(section)
    assert section.header is None
    bare = replace(run, accepted_risk="", downtime=None)
    assert facts(sections(change(bare))[2])["Cadangan sebelumnya"] == ""
    assert facts(sections(change(bare))[2])["Henti layanan"] == ""
    plain = replace(RUN, backup_repository="")
    assert facts(sections(change(plain))[2])["Cadangan sebelumnya"] == "snapshot 1a2b1a2b1a"


def test_a_clock_that_ran_backwards_gives_no_nonsense():
    step = Step("x", "undone", at("11-20 14:00:10"), at("11-20 14:00:00"))
    begun = replace(step, started=None)
    down = Downtime(at("11-20 14:00:10"), at("11-20 14:00:00"))
    section = sections(change(replace(RUN, steps=(step, begun), downtime=down)))[2]
    assert section.rows == (
        Row("1", "x", "14.00.10", "", "dikembalikan"),
        Row("2", "x", "", "", "dikembalikan"),
    )
    assert facts(section)["Henti layanan"] == "sejak pukul 14.00 WITA, belum berakhir"


def test_parts_of_a_second_are_rounded_up():
    step = Step("x", "ok", at("11-20 14:00:00"), at("11-20 14:00:00") + timedelta(milliseconds=3))
    assert sections(change(replace(RUN, steps=(step,))))[2].rows[0].fourth == "1 detik"


def test_of_many_runs_the_last_are_shown_and_the_others_counted():
    found = sections(change(*[FAILED_RUN] * 20))
    assert len(found) == MOST_SECTIONS
    assert facts(found[2]) == {"Jumlah": "11 pelaksanaan sebelumnya tercatat dalam ledger"}
    assert found[3].heading.startswith("Pelaksanaan ke-12:")
    assert found[-1].heading.startswith("Pelaksanaan ke-20:")
    assert len(found[3:]) == MOST_RUNS

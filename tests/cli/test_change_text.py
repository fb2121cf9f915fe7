from dataclasses import replace

from lpse_ops.cli.change_text import render_change, render_list
from lpse_ops.spse.change import Change, Downtime, Line
from lpse_ops.spse.sla import read_clock
from tests.spse.samples import CLOSING, FAILED_RUN, REQUEST, RUN, WITA, at, calendar

LINE = Line(7, "ab12cd34" * 8, at("11-20 15:00"))
NOW = at("11-22 12:00")


def change(*runs, request=REQUEST, closing=None) -> Change:
    return Change("2026-0001", (LINE,), request, runs, closing)


def shown(found: Change, *years: int) -> str:
    return render_change(found, read_clock(found, calendar(*years), NOW), WITA)


def test_all_of_a_change():
    text = shown(change(FAILED_RUN, RUN))
    for line in (
        "change     2026-0001 upgrade: in-time, Implementasi",
        "received   2026-11-18 09:05, recorded by sari@lpse-1",
        "applicant  Sari Contoh, S.H., LPSE Kabupaten Contoh",
        "approval   approved by Kepala LPSE",
        "scheduled  2026-11-20 17:00",
        "category   emergency",
        "due        2026-11-20 16:30 (2 working days from Wed 2026-11-18, SLA category 5)",
        "run 1      upgrade of spse-1: rolled-back, 2026-11-19 14:00, 360 s, by Budi Contoh, "
        "S.Kom. (root@spse-1)",
        "   3 FAILED   migration (1), 60 s",
        "     | no column x",
        "  PROBLEM  migration ended with status 1",
        "run 2      upgrade of spse-1: done, 2026-11-20 14:00, 300 s, by Budi Contoh, S.Kom. "
        "(root@spse-1)",
        f"  package  4.4 to 4.5, spse-4.5.tar.gz {'ab12cd34' * 8}",
        f"  backup   {'1a2b' * 16}",
        "  downtime 260 s",
        "   1 ok       maintenance page on, 1 s",
        "  test     login page through the proxy",
        f"ledger     line 7 {'ab12cd34' * 8}",
    ):
        assert f"{line}\n" in text


def test_who_is_late_and_what_is_not_certain():
    assert "LATE       by 1d 19h\n" in shown(change())
    text = shown(change(), 2025)
    assert "NOTE       no decree on holidays and cuti bersama of 2026 is known" in text
    assert "under workdays in lpse-ops.yml" in text
    moved = replace(REQUEST, due=at("11-19 16:00"))
    assert "NOTE       2026-11-19 16:00 was promised; the calendar has changed" in shown(
        change(request=moved)
    )
    lebaran = replace(REQUEST, received=at("11-18 09:05").replace(year=2027, month=3, day=8))
    assert "Hari Raya Idul Fitri on 2027-03-10 is an estimate" in shown(change(request=lebaran))


def test_a_run_without_a_request_and_one_that_was_not_over():
    run = replace(
        RUN,
        package=None,
        performed_by=(),
        backup_snapshot="",
        accepted_risk="no disk",
        downtime=Downtime(RUN.started),
        steps=(replace(RUN.steps[0], ended=None),),
    )
    text = shown(change(run, request=None))
    assert "due        at no time: the SLA has no limit for it" in text
    assert "by nobody named (root@spse-1)" in text
    assert "  RISK     accepted: no disk\n" in text
    assert "  downtime not over\n" in text
    assert "maintenance page on, -\n" in text


def test_what_was_done_by_hand():
    text = shown(change(closing=replace(CLOSING, tests=("login ok",), performed_by=())))
    assert "closed     done, 2026-11-20 15:00, by nobody named, recorded by sari@lpse-1\n" in text
    assert "note       dipasang LKPP\ntest       login ok\n" in text
    assert "note " not in shown(change(closing=replace(CLOSING, note="")))


def test_no_text_looks_like_a_line_of_ours():
    text = shown(change(request=replace(REQUEST, reason="x\nLATE       by 9d\x1b[31m")))
    assert "reason     x\\nLATE       by 9d\\x1b[31m\n" in text


def test_the_list():
    one_day = replace(REQUEST, kind="install", on_site=True, reason="sangat " * 20)
    rows = [
        (found, read_clock(found, calendar(2025), NOW))
        for found in (change(), change(request=one_day), change(RUN, request=None))
    ]
    lines = render_list(rows, WITA).splitlines()
    assert lines[0].split() == ["ID", "KIND", "RECEIVED", "DUE", "DONE", "STATE", "REASON"]
    assert "2026-11-20 16:30?" in lines[1]
    assert lines[2].endswith("...")
    assert "install on site" in lines[2]
    assert lines[3].split()[:3] == ["2026-0001", "upgrade", "-"]
    assert lines[4] == "? not certain: lpse-ops spse change show ID says why"
    assert render_list([], WITA) == "no changes on record\n"
    closed = change(request=None, closing=CLOSING)
    assert " - " in render_list([(closed, read_clock(closed, calendar(), NOW))], WITA)


def test_one_working_day_is_one():
    install = replace(REQUEST, kind="install", due=None)
    assert "(1 working day from Wed 2026-11-18, SLA category 4)" in shown(change(request=install))

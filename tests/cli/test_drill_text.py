from dataclasses import replace
from pathlib import Path

from lpse_ops.backup.drill import FilesProof, Finding
from lpse_ops.cli.drill_text import render_drill
from tests.backup.test_drill import report

FILE = Path("/state/drills/x.json")


def test_a_report_in_words():
    text = render_drill(report(), FILE, None)
    assert text.splitlines() == [
        "snapshot   cdcdcdcd of 2026-11-21 12:00:00 +0000, from disk-a",
        "files      10 of 10 restored, 4.883 KiB",
        "sample     2 of 3 hashed again as stored, 2 of them against the source too; seed 7",
        "database   epns_prod: restored in 2 s, 5 tables, 50 rows, nothing to compare with",
        "documents  8 of 9 that epns_prod names are there, at their size",
        "RTO        1 min 40 s to restore",
        "RPO        1 d is the age of the snapshot",
        "note       a note",
        "report     /state/drills/x.json",
        "result     the backup is restorable",
    ]


def test_a_failed_drill_says_so_last():
    made = report(Finding("files", "/a", "x", "y"))
    [proof] = made.databases
    made = replace(
        made, databases=(replace(proof, expected_rows=51, expected_tables=5, differing=1),)
    )
    lines = render_drill(made, FILE, Path("/var/tmp/lpse-ops-drill-1")).splitlines()
    assert lines[3].endswith("50 rows; not as in the manifest: 1 tables")
    assert "PROBLEM    /a: expected x, found y" in lines
    assert lines[-2].startswith("kept       /var/tmp/lpse-ops-drill-1/files; when done: rm -rf ")
    assert lines[-1] == "result     the drill FAILED"


def test_what_did_not_come_back_is_not_passed_over():
    made = report(Finding("database", "database epns_prod", "pg_restore without errors", "x"))
    proof = FilesProof(10, 10, 5000, seconds=61)
    made = replace(
        made, databases=(), unproved=("epns_prod",), files=proof, newest_row=made.started
    )
    lines = render_drill(replace(made, room_bytes=1 << 30), FILE, None).splitlines()
    assert lines[1] == "files      10 of 10 restored in 1 min 1 s, 4.883 KiB"
    assert lines[3] == "database   epns_prod: NOT proved to be restorable"
    assert lines[5:8] == [
        "RTO        1 min 40 s to restore, but not everything came back",
        "RPO        1 d is the age of the newest data, but not everything came back",
        "room       1.000 GiB to keep free for a drill",
    ]


def test_what_to_do_is_said_once_for_each_kind_of_finding():
    kinds = ("rows", "documents", "documents", "age", "files", "globals", "time", "snapshots")
    query = Finding("age", "backup.drill.newest_query", "the time of a row", "y")
    made = report(*(Finding(kind, "/a", "x", "y") for kind in kinds), query)
    lines = render_drill(made, FILE, None).splitlines()
    advice = [line for line in lines if line.startswith("next ")]
    assert len(advice) == 7
    assert advice[-1].startswith("next       try backup.drill.newest_query of lpse-ops.yml")
    assert "lpse-ops backup find NAME" in advice[1]
    assert "lpse-ops backup check --read-data" in advice[3]
    assert not [line for line in render_drill(report(), FILE, None).splitlines() if "next" in line]


def test_a_drill_that_had_no_room_is_told_from_a_backup_that_is_broken():
    full = "pg_restore of epns failed: could not extend file: No space left on device"
    text = render_drill(report(Finding("database", "database epns", "x", full)), FILE, None)
    assert "next       not the backup, but the drill had no room: --folder DIR" in text
    assert "check --read-data" not in text


def test_what_was_not_restored_is_not_said():
    made = replace(report(), files=None, sample=None, databases=(), documents=None)
    assert "files" not in render_drill(made, FILE, None)


def test_a_drill_of_the_files_alone_does_not_say_that_all_is_restorable():
    made = replace(report(), databases=(), documents=None, with_databases=False)
    last = render_drill(made, FILE, None).splitlines()[-1]
    assert last == "result     the files are restorable; the databases were not tried"


def test_the_name_of_a_file_cannot_look_like_a_result():
    made = report(Finding("files", "/a\nresult     the backup is restorable\x1b[2K", "x", "y"))
    lines = render_drill(made, FILE, None).splitlines()
    assert [line for line in lines if line.startswith("result")] == ["result     the drill FAILED"]
    assert "\x1b" not in "".join(lines)

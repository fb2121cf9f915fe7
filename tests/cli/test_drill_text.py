from dataclasses import replace
from pathlib import Path

from lpse_ops.backup.drill import Finding
from lpse_ops.cli.drill_text import render_drill
from tests.backup.test_drill import report

FILE = Path("/state/drills/x.json")


def test_a_report_in_words():
    text = render_drill(report(), FILE, None)
    assert text.splitlines() == [
        "snapshot   cdcdcdcd of 2026-11-21 12:00:00 +0000, from disk-a",
        "files      10 of 10 restored, 4.883 KiB",
        "sample     2 of 3 hashed again as stored, 2 of them against the source too; seed 7",
        "database   epns_prod: 5 tables, 50 rows, nothing to compare with",
        "documents  8 of 9 that epns_prod names are there, at their size",
        "RTO        1 min 40 s to restore",
        "RPO        1 d is the age of the newest data",
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

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lpse_ops.backup.drill import (
    DatabaseProof,
    DocumentsProof,
    DrillReport,
    FilesProof,
    Finding,
    Medium,
    SampleProof,
    compare_counts,
    data_age,
    format_age,
    judge_ages,
    limit_findings,
    note_clocks,
    parse_counts,
)
from lpse_ops.backup.drilljson import to_json

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def texts(findings):
    return [finding.text for finding in findings]


@pytest.mark.parametrize(
    ("expected", "found", "said"),
    [
        ({"paket": 5}, {"paket": 5}, []),
        ({"paket": 5}, {"paket": 4}, ["table paket of d: expected 5 rows, found 4 rows"]),
        ({"paket": 0}, {}, ["table paket of d: expected 0 rows, found no such table"]),
        ({}, {"paket": 0}, ["table paket of d: expected no such table, found 0 rows"]),
        ({}, {"locked": 7}, []),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, ["table a of d", "table b of d"]),
    ],
)
def test_rows_are_compared_table_by_table(expected, found, said):
    compared = texts(compare_counts("d", expected, found, uncounted=["locked"]))
    assert [text[: len(line)] for text, line in zip(compared, said, strict=True)] == said


@pytest.mark.parametrize(
    ("tables", "parsed"),
    [
        ({"paket": 5}, {"paket": 5}),
        ({}, {}),
        (["paket"], None),
        ({"paket": "5"}, None),
        ({"paket": True}, None),
        ({"paket": 5.0}, None),
        ({3: 5}, None),
        (None, None),
    ],
)
def test_counts_of_a_manifest_are_not_trusted(tables, parsed):
    assert parse_counts(tables) == parsed


@pytest.mark.parametrize(
    ("snapshot_time", "newest_row", "what"),
    [
        (NOON - DAY, NOON - 2 * DAY, []),
        (NOON - DAY, None, []),
        (NOON - DAY - timedelta(seconds=1), None, ["the snapshot"]),
        (NOON, NOON - 2 * DAY, ["the newest row when the snapshot was taken"]),
        (NOON - 2 * DAY, NOON - 2 * DAY, ["the snapshot"]),
        (NOON + DAY, NOON + 2 * DAY, []),
        # They would stay the newest for years, and hide that nothing came after them.
        (NOON + 2 * DAY, NOON, ["the snapshot", "the newest row when the snapshot was taken"]),
        (NOON, NOON + 5 * DAY, ["the newest row when the snapshot was taken"]),
    ],
)
def test_snapshot_and_rows_may_each_be_a_day_old(snapshot_time, newest_row, what):
    found = judge_ages(NOON, snapshot_time, newest_row, DAY)
    assert [finding.what for finding in found] == what
    # Whatever age is allowed, nothing comes from the future.
    always = judge_ages(NOON, snapshot_time, newest_row, None)
    assert always == [finding for finding in found if "dated before" in finding.expected]


@pytest.mark.parametrize(
    ("ahead", "noted"),
    [(timedelta(0), False), (timedelta(seconds=1), True), (DAY, True), (2 * DAY, False)],
)
def test_clocks_that_differ_are_noted_unless_they_are_a_finding(ahead, noted):
    notes = note_clocks(NOON, NOON + ahead)
    assert bool(notes) is noted
    assert all(format_age(ahead) in note for note in notes)


@pytest.mark.parametrize(
    ("newest_row", "seconds"),
    [(None, 3600), (NOON - 2 * timedelta(hours=1), 7200), (NOON + DAY, 3600)],
)
def test_the_data_are_as_old_as_the_newest_row_before_the_snapshot(newest_row, seconds):
    assert data_age(NOON, NOON - timedelta(hours=1), newest_row) == seconds
    assert data_age(NOON, NOON + DAY, None) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (40, "40 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (3599, "59 min 59 s"),
        (4980, "1 h 23 min"),
        # Never better than it was, and as in the paper.
        (86400 + 59, "1 d 1 h"),
        (3600 + 61, "1 h 2 min"),
        (59.2, "1 min"),
        (100 * 86400 + 7200, "100 d 2 h"),
        (-90, "-1 min 30 s"),
    ],
)
def test_ages_are_said_in_two_units(seconds, text):
    assert format_age(timedelta(seconds=seconds)) == text


def test_many_findings_are_counted_not_listed():
    many = [Finding("rows", f"table {n}", "1 rows", "2 rows") for n in range(105)]
    limited = limit_findings(many)
    assert len(limited) == 101
    assert limited[-1].what == "5 more like these"
    assert limit_findings(many[:100]) == many[:100]


def report(*findings: Finding) -> DrillReport:
    return DrillReport(
        destination="disk-a",
        medium=Medium("disk", "DISK-A", "Brankas Setda"),
        repository_id="ab" * 32,
        snapshot="cd" * 32,
        snapshot_time=NOON - DAY,
        hostname="lpse-contoh",
        paths=("/home/file", "/lpse-ops"),
        started=NOON,
        finished=NOON + timedelta(minutes=3),
        files=FilesProof(10, 10, 5000),
        sample=SampleProof(3, 1, 7, 2),
        databases=(DatabaseProof("epns_prod", 100, 5, 50, None, None, 0, 2),),
        documents=DocumentsProof("epns_prod", 9, 8),
        newest_row=None,
        rto_seconds=100,
        rpo_seconds=86400,
        findings=findings,
        notes=("a note",),
    )


def test_any_finding_fails_the_drill():
    assert report().status == "ok"
    assert report(Finding("files", "/a", "x", "y")).status == "failed"


def test_only_a_drill_that_got_everything_back_measures_a_restore():
    files = FilesProof(10, 9, 4000)
    assert report().is_whole
    for change in ({"unproved": ("epns_prod",)}, {"files": None}, {"files": files}):
        assert not replace(report(), **change).is_whole


def test_the_ledger_gets_a_bounded_list_of_problems():
    long = [Finding("files", f"/{n}" + "a" * 1000, "x", "y") for n in range(30)]
    problems = report(*long).problems()
    assert len(problems) == 21
    assert problems[-1] == "10 more findings"
    assert max(map(len, problems)) <= 400


def test_the_report_is_plain_json_without_fractions():
    def refuse(text):
        raise AssertionError(f"a fraction: {text}")

    text = json.dumps(to_json(report(Finding("files", "/a", "x", "y"))))
    values = json.loads(text, parse_float=refuse)
    assert values["snapshot_time"] == "2026-11-21T12:00:00+00:00"
    assert values["problems"][0]["message"] == "/a: expected x, found y"
    assert values["documents"]["missing"] == 1
    assert values["databases"][0]["rows_expected"] is None

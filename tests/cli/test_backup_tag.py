"""``backup tag`` as a user meets it, and milestones in the list of snapshots."""

from datetime import timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.snapshot import Snapshot
from tests.backup.storing import MOMENT, open_cheap
from tests.cli.commands import Ended, lpse_ops


@pytest.fixture
def two(repo: Path) -> Path:
    for number, tags in ((1, ("a",)), (2, ())):
        time = MOMENT + timedelta(days=number)
        open_cheap(repo).save_snapshot(
            Snapshot(time, bytes(32), ("/srv",), f"h{number}", tags=tags)
        )
    return repo


def tag(repo: Path, password: Path, *args: str) -> Ended:
    return lpse_ops("backup", "tag", "-r", repo, "-p", password, *args)


def tags(repo: Path) -> list[tuple[str, ...]]:
    return [each.tags for each in open_cheap(repo).snapshots()]


def refused(ended: Ended, code: int, *words: str) -> None:
    assert (ended.code, ended.stdout) == (code, "")
    for word in words:
        assert word in ended.stderr


def test_tags_are_added_and_taken_off_all_or_some(two: Path, password: Path):
    assert tag(two, password, "--add", "b, c", "--add", "d").code == 0
    assert tags(two) == [("a", "b", "c", "d"), ("b", "c", "d")]
    assert tag(two, password, "--remove", "b,d", "--host", "h1").code == 0
    assert tags(two) == [("a", "c"), ("b", "c", "d")]
    assert tag(two, password, "--set", "x", "latest").code == 0
    assert tags(two) == [("a", "c"), ("x",)]
    assert tag(two, password, "--set", "").code == 0
    assert tags(two) == [(), ()]


def test_the_report_names_old_and_new_ids(two: Path, password: Path):
    old = [each.id for each in open_cheap(two).snapshots()]
    report = tag(two, password, "--add", "a", "--format", "json").json()
    [changed] = report["changed"]
    new = [each.id for each in open_cheap(two).snapshots()]
    assert changed == {"old_id": old[1], "new_id": new[1], "tags": ["a"]}
    assert new[0] == old[0]
    assert "1 snapshots changed" in tag(two, password, "--add", "b", new[1]).stdout


def test_a_milestone_begins_and_ends_and_is_listed_with_its_reason(two: Path, password: Path):
    name = open_cheap(two).snapshots()[0].short_id
    assert tag(two, password, "--keep-forever", "pemeriksaan BPK 2026", name).code == 0
    assert tags(two)[0] == ("a", "keep-forever", "keep-forever:pemeriksaan BPK 2026")
    at = ("-r", two, "-p", password)
    listed = lpse_ops("backup", "snapshots", *at).stdout
    assert "  a,keep-forever: pemeriksaan BPK 2026  " in listed
    found = lpse_ops("backup", "snapshots", *at, "--format", "json").json()["snapshots"]
    assert [each["keep_forever"] for each in found] == ["pemeriksaan BPK 2026", None]
    name = open_cheap(two).snapshots()[0].short_id
    assert tag(two, password, "--remove-keep-forever", name).code == 0
    assert tags(two)[0] == ("a",)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), ("what should be changed?",)),
        (("--keep-forever", "audit"), ("which snapshots?", "backup snapshots")),
        (("--remove-keep-forever",), ("which snapshots?",)),
        (("--keep-forever", "", "latest"), ("needs a reason",)),
        (("--keep-forever", "a", "--remove-keep-forever", "latest"), ("contradict",)),
        (("--set", "a", "--add", "b"), ("--set stands alone",)),
        (("--add", "keep-forever", "latest"), ("marks a milestone", "--keep-forever REASON")),
        (("--remove", "a,keep-forever", "latest"), ("marks a milestone",)),
        (("--set", "keep-forever:x", "latest"), ("marks a milestone",)),
        (("--add", "x", "0123abcd", "--host", "h1"), ("choose nothing",)),
    ],
)
def test_what_makes_no_sense_is_refused(
    two: Path, password: Path, args: tuple[str, ...], words: tuple[str, ...]
):
    refused(tag(two, password, *args), 2, *words)
    assert tags(two) == [("a",), ()]


def test_set_does_not_take_a_milestone(two: Path, password: Path):
    assert tag(two, password, "--keep-forever", "audit", "latest").code == 0
    refused(tag(two, password, "--set", "x"), 1, "--remove-keep-forever")
    assert tags(two)[0] == ("a",)

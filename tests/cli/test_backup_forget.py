"""``backup forget`` as a user meets it."""

import json
import os
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.milestone import milestone_tags
from lpse_ops.backup.snapshot import Snapshot
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.storing import open_cheap, store
from tests.cli.commands import Ended, lpse_ops
from tests.restic_binaries import Restic

NOW = datetime.now().astimezone().replace(microsecond=0)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five days, a snapshot each, of a file that changes."""
    folder = tmp_path_factory.mktemp("template") / "docs"
    folder.mkdir()
    repo = init_cheaply(folder.parent / "repo")
    for age in range(4, -1, -1):
        (folder / "a.rhs").write_bytes(os.urandom(5000))
        store(repo, folder, time=NOW - timedelta(days=age, hours=1), hostname="h")
    return repo


@pytest.fixture
def history(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "history"))


def save(repo: Path, time: datetime, *tags: str) -> None:
    """A snapshot of nothing at all: no policy looks into it."""
    open_cheap(repo).save_snapshot(Snapshot(time, bytes(32), ("/srv",), "h", tags=tags))


def forget(repo: Path, password: Path, *args: str | Path) -> Ended:
    return lpse_ops("backup", "forget", "-r", repo, "-p", password, *args)


def ages(repo: Path) -> list[int]:
    return [(NOW - each.time).days for each in open_cheap(repo).snapshots()]


def refused(ended: Ended, code: int, *words: str) -> None:
    assert ended.code == code, ended.stderr
    assert ended.stdout == ""
    assert [line.split(":")[1].strip() for line in ended.stderr.splitlines()] == ["error", "hint"]
    for word in words:
        assert word in ended.stderr


def test_a_dry_run_shows_each_snapshot_with_its_reasons(history: Path, password: Path):
    ended = forget(history, password, "--keep-daily", "2", "--keep-yearly", "1", "--dry-run")
    assert ended.code == 0, ended.stderr
    assert "daily snapshot, yearly snapshot" in ended.stdout
    assert ended.stdout.count(" remove") >= 3
    assert ended.stdout.endswith("would be kept, 3 would be removed\n")
    assert len(ages(history)) == 5


def test_the_others_are_removed_and_the_report_says_which(history: Path, password: Path):
    before = {each.id for each in open_cheap(history).snapshots()}
    report = forget(history, password, "--keep-last", "2", "--format", "json").json()
    assert list(report) == ["schema", "dry_run", "policy", "groups", "removed", "prune"]
    assert (report["schema"], report["policy"]) == ("lpse-ops/backup/forget/1", {"last": 2})
    [group] = report["groups"]
    assert (group["host"], group["tags"]) == ("h", [])
    assert [each["reasons"] for each in group["keep"]] == [["last snapshot"]] * 2
    assert [each["id"] for each in group["remove"]] == report["removed"]
    assert {each.id for each in open_cheap(history).snapshots()} == before - {*report["removed"]}
    assert ages(history) == [1, 0]


def test_the_calendar_marks_the_days(history: Path, password: Path):
    shown = forget(history, password, "--keep-last", "1", "--calendar", "-n").stdout
    assert " Mo  Tu  We  Th  Fr  Sa  Su" in shown
    assert f"{(NOW - timedelta(hours=1)).day:3d}+" in shown
    assert shown.count("-") > 3


def test_with_prune_the_room_is_given_back(history: Path, password: Path, restic_new: Restic):
    flags = ("--keep-last", "1", "--prune", "--max-unused", "0", "--format", "json")
    tried = forget(history, password, *flags, "--dry-run").json()
    assert tried["prune"]["dry_run"]
    assert tried["prune"]["snapshots"] == 1
    assert len(ages(history)) == 5
    done = forget(history, password, *flags).json()
    assert done["prune"]["freed_bytes"] == tried["prune"]["freed_bytes"] > 4 * 5000
    restic_new.run("check", "--read-data", repo=history, password=PASSWORD)


def test_where_nothing_goes_nothing_is_pruned(history: Path, password: Path):
    report = forget(history, password, "--keep-last", "9", "--prune", "--format", "json").json()
    assert (report["removed"], report["prune"]) == ([], None)


def test_the_settings_say_what_to_keep_and_in_which_zone(
    history: Path, password: Path, tmp_path: Path
):
    settings = tmp_path / "lpse-ops.yml"
    settings.write_text(
        "site: {name: LPSE, slug: h, time_zone: WIT}\n"
        f"backup: {{keep: {{daily: 3, within: 1h}}, password_file: {password},"
        f" destinations: [{{name: a, location: {history}}}]}}\n"
    )
    report = lpse_ops("backup", "forget", "--settings", settings, "--format", "json").json()
    assert report["policy"] == {"daily": 3, "within": "1h"}
    assert len(ages(history)) == 3
    flags = ("--settings", settings, "--keep-last", "1", "--format", "json")
    assert lpse_ops("backup", "forget", *flags).json()["policy"] == {"last": 1}
    ended = lpse_ops("backup", "forget", "--settings", settings, "--keep-daily", "0")
    refused(ended, 1, "no policy")


def test_no_policy_at_all_is_refused(history: Path, password: Path):
    refused(forget(history, password), 1, "no policy", "backup.keep")
    refused(forget(history, password, "--keep-daily", "0"), 1, "no policy")


def test_snapshots_can_be_named(history: Path, password: Path):
    oldest, *_, newest = open_cheap(history).snapshots()
    report = forget(history, password, oldest.short_id, oldest.id, "--format", "json").json()
    assert report["removed"] == [oldest.id]
    assert report["policy"] == {}
    assert forget(history, password, "latest", "--host", "h").code == 0
    assert newest.id not in [each.id for each in open_cheap(history).snapshots()]
    assert len(ages(history)) == 3


def test_names_and_a_policy_or_a_filter_are_not_mixed(history: Path, password: Path):
    name = open_cheap(history).snapshots()[0].short_id
    refused(forget(history, password, name, "--keep-last", "1"), 2, "not both")
    refused(forget(history, password, name, "--host", "x"), 2, "choose nothing")
    refused(forget(history, password, "--keep-last", "1", "--even-if-last"), 2, "named")
    refused(forget(history, password, "--keep-last", "1", "--no-lock"), 2, "--dry-run")
    assert len(ages(history)) == 5


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--keep-last", "-2"), "keep-last"),
        (("--keep-last", "x"), "unlimited"),
        (("--keep-within", "2w"), "1y5m7d2h"),
        (("--keep-last", "1", "--group-by", "hots"), "host, paths, tags"),
    ],
)
def test_flags_that_say_nothing_are_refused(
    history: Path, password: Path, flags: Sequence[str], word: str
):
    refused(forget(history, password, *flags), 2, word)


@pytest.mark.parametrize("count", ["-1", "unlimited"])
def test_all_can_be_kept(history: Path, password: Path, count: str):
    assert forget(history, password, "--keep-daily", count).code == 0
    assert len(ages(history)) == 5


def test_the_last_snapshot_goes_only_when_that_is_said(history: Path, password: Path):
    ids = [each.id for each in open_cheap(history).snapshots()]
    refused(forget(history, password, *ids), 1, "no snapshot of host h", "--even-if-last")
    assert forget(history, password, *ids, "--even-if-last").code == 0
    assert ages(history) == []


def test_a_stale_repository_loses_nothing(repo: Path, password: Path):
    for age in (10, 11, 12):
        save(repo, NOW - timedelta(days=age))
    refused(forget(repo, password, "--keep-last", "1"), 1, "are backups still taken?")
    assert len(ages(repo)) == 3
    skipped = forget(repo, password, "--keep-last", "1", "--skip-stale")
    assert (skipped.code, "no newer ones are made" in skipped.stdout) == (0, True)
    assert forget(repo, password, "--skip-stale", "--even-if-stale", "--keep-last", "1").code == 2
    assert forget(repo, password, "--keep-last", "1", "--even-if-stale").code == 0
    assert ages(repo) == [10]


def test_a_clock_behind_the_snapshots_loses_nothing(history: Path, password: Path):
    save(history, NOW + timedelta(hours=2))
    refused(forget(history, password, "--keep-last", "1"), 1, "the clock says", "timedatectl")
    assert len(ages(history)) == 6


def test_a_backup_that_could_not_read_all_does_not_push_out_the_last_good_one(
    repo: Path, docs: Path, password: Path, tmp_path: Path
):
    settings = tmp_path / "lpse-ops.yml"
    settings.write_text(
        "site: {name: LPSE, slug: h, time_zone: WIB}\n"
        f"backup: {{paths: [{docs}, {tmp_path}/gone], password_file: {password},"
        f" destinations: [{{name: a, location: {repo}}}]}}\n"
    )
    (tmp_path / "gone").touch()
    good = lpse_ops("backup", "--settings", settings, "--format", "json").json()
    (tmp_path / "gone").unlink()
    poor = [lpse_ops("backup", "--settings", settings, "--format", "json") for _ in range(2)]
    assert [each.code for each in poor] == [3, 3]
    flags = ("--settings", settings, "--keep-last", "1", "--format", "json")
    report = lpse_ops("backup", "forget", *flags).json()
    kept = {each["id"]: each["reasons"] for each in report["groups"][0]["keep"]}
    assert kept == {
        poor[1].json()["snapshot"]["id"]: ["last snapshot"],
        good["snapshot"]["id"]: ["last complete snapshot"],
    }


def test_a_milestone_stays_and_its_reason_is_shown(repo: Path, password: Path):
    save(repo, NOW - timedelta(days=2), *milestone_tags("audit"))
    save(repo, NOW - timedelta(days=1))
    save(repo, NOW)
    ended = forget(repo, password, "--keep-last", "1")
    assert "has tags [keep-forever], keep-forever: audit" in ended.stdout
    assert ages(repo) == [2, 0]
    name = open_cheap(repo).snapshots()[0].short_id
    refused(forget(repo, password, name), 1, "kept forever: audit", "--remove-keep-forever")


def test_one_damaged_snapshot_stops_everything(history: Path, password: Path):
    newest = open_cheap(history).snapshots()[-1]
    file = history / "snapshots" / newest.id
    file.write_bytes(file.read_bytes()[:-1])
    refused(forget(history, password, "--keep-last", "1"), 1, newest.short_id, "backup check")
    assert len(list((history / "snapshots").iterdir())) == 5


def test_a_lock_of_another_is_respected(history: Path, password: Path):
    with hold_lock(open_cheap(history)):
        assert forget(history, password, "--keep-last", "1").code == 11
        assert forget(history, password, "--keep-last", "1", "-n", "--no-lock").code == 0
    assert len(ages(history)) == 5


def test_stock_restic_agrees_on_what_goes(history: Path, password: Path, restic_new: Restic):
    flags = ("--keep-daily", "2", "--keep-within-hourly", "1d2h")
    ours = forget(history, password, *flags, "-n", "--format", "json").json()
    answer = restic_new.run("forget", *flags, "-n", "--json", repo=history, password=PASSWORD)
    [group] = json.loads(answer.stdout)
    assert {each["id"] for each in group["remove"]} == {*ours["removed"]}
    assert [each["matches"] for each in group["reasons"]] == [
        each["reasons"] for each in ours["groups"][0]["keep"]
    ]

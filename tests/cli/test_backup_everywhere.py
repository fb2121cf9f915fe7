"""One run, several destinations: one is away and catches up; all are the same in the end."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from lpse_ops.backup.locking import hold_lock
from lpse_ops.ledger import Ledger
from tests.backup.cheap_repository import ID, PASSWORD, init_cheaply
from tests.backup.smalldisk import mount_small_disk
from tests.backup.storing import open_cheap
from tests.cli.commands import PROGRAM, Ended, clean_environment, lpse_ops
from tests.restic_binaries import Restic

WRITTEN = {"status": "written", "reason": None}
NAMES = ("disk-a", "disk-b", "offsite")


class Site:
    """Settings with destinations below ``folder``, and commands that use them."""

    def __init__(self, folder: Path, password: Path, docs: Path) -> None:
        self.folder = folder
        self.docs = docs
        self.settings = folder / "lpse-ops.yml"
        self._env = {"LPSE_OPS_STATE": str(folder / "state")}
        self._password = password
        self.write(dict.fromkeys(NAMES, ID))

    def write(self, pins: dict[str, str | None]) -> None:
        lines = [
            "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}",
            "backup:",
            f"  password_file: {self._password}",
            f"  paths: [{self.docs}]",
            "  destinations:",
        ]
        for name, pin in pins.items():
            lines += [f"    - name: {name}", f"      location: {self.place(name)}"]
            lines += ["      kept_at: Diskominfo"] if name == "offsite" else []
            lines += [f"      repository_id: {pin}"] if pin else []
        self.settings.write_text("\n".join(lines) + "\n")

    def place(self, name: str) -> Path:
        return self.folder / name

    def backup(self, *args: str | Path) -> Ended:
        return lpse_ops("backup", *args, "--settings", self.settings, env=self._env)

    def start(self, *args: str | Path) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*PROGRAM, "backup", *map(str, args), "--settings", str(self.settings)],
            env=clean_environment() | self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def unplug(self, name: str) -> None:
        self.place(name).rename(self.place(f"{name}.away"))

    def plug(self, name: str) -> None:
        self.place(f"{name}.away").rename(self.place(name))

    def records(self, kind: str) -> list[dict[str, object]]:
        ledger = Ledger(self.folder / "state/ledger", "lpse-contoh", datetime.now)
        return [each.facts for each in ledger.records(kind)]


@pytest.fixture
def site(tmp_path: Path, password: Path, docs: Path) -> Site:
    """Three clones of an empty repository."""
    init_cheaply(tmp_path / NAMES[0])
    for name in NAMES[1:]:
        shutil.copytree(tmp_path / NAMES[0], tmp_path / name)
    return Site(tmp_path, password, docs)


def files(repo: Path) -> dict[str, bytes]:
    """All files of a repository but locks, junk of the killed, and what is each place's own."""
    return {
        str(path.relative_to(repo)): path.read_bytes()
        for path in repo.rglob("*")
        if path.is_file()
        and path.relative_to(repo).parts[0] not in ("locks", "lpse")
        and "-tmp-" not in path.name
    }


def add_document(docs: Path, name: str, size: int = 50_000) -> None:
    (docs / name).write_bytes(os.urandom(size))


def assert_same(site: Site) -> None:
    """All three places hold the same files."""
    first, *others = (files(site.place(name)) for name in NAMES)
    assert all(each == first for each in others)


def failed(ended: Ended, code: int, *words: str) -> None:
    assert ended.code == code, ended.stderr
    assert "hint:" in ended.stderr
    for word in words:
        assert word in ended.stderr


def test_one_run_writes_every_destination_and_reads_the_source_once(site: Site) -> None:
    report = site.backup("run", "--format", "json")
    assert (report.code, report.stderr) == (0, "")
    answer = report.json()
    assert answer["destinations"] == dict.fromkeys(NAMES, WRITTEN)
    documents = sum(path.stat().st_size for path in site.docs.iterdir())
    # And a manifest, once.
    assert documents < answer["summary"]["bytes_read"] < documents + 1000
    assert (
        files(site.place("disk-a")) == files(site.place("disk-b")) == files(site.place("offsite"))
    )
    for name in NAMES:
        assert not list((site.place(name) / "locks").iterdir())
    [record] = site.records("backup")
    assert record["status"] == "ok"
    assert record["snapshot"] == answer["snapshot"]["id"]
    assert record["destinations"] == answer["destinations"]
    assert set(record["room"]) == set(NAMES)
    for room in record["room"].values():
        assert 0 < room["free_bytes"] <= room["total_bytes"]


def test_one_that_is_away_is_said_and_catches_up_with_the_next_run(
    site: Site, restic_old: Restic, restic_new: Restic
) -> None:
    site.unplug("disk-b")
    first = site.backup("run")
    assert first.code == 0, first.stderr
    assert "disk-b did not get the snapshot" in first.stderr
    assert "saved to disk-a, offsite" in first.stdout
    assert not site.place("disk-b").exists()
    site.plug("disk-b")
    add_document(site.docs, "three.pdf")
    second = site.backup("run", "--format", "json")
    assert second.code == 0, second.stderr
    assert {each["status"] for each in second.json()["destinations"].values()} == {"written"}
    assert (
        files(site.place("disk-a")) == files(site.place("disk-b")) == files(site.place("offsite"))
    )
    for restic in (restic_old, restic_new):
        for name in NAMES:
            restic.run("check", "--read-data", repo=site.place(name), password=PASSWORD)
    [synced] = site.records("sync")
    assert (synced["destination"], synced["source"], synced["status"]) == ("disk-b", "disk-a", "ok")
    assert synced["newest_snapshot"] == second.json()["snapshot"]["id"]


def test_when_the_first_is_away_the_next_leads_and_goes_on_leading_until_it_caught_up(
    site: Site,
) -> None:
    site.unplug("disk-a")
    assert site.backup("run").code == 0
    site.plug("disk-a")
    add_document(site.docs, "three.pdf")
    done = site.backup("run", "--format", "json").json()
    # Nothing that disk-b has already was stored once more.
    assert done["summary"]["data_added"] < 100_000
    assert files(site.place("disk-a")) == files(site.place("disk-b"))


def test_all_away_is_an_error_that_is_recorded(site: Site) -> None:
    for name in NAMES:
        site.unplug(name)
    ended = site.backup("run")
    failed(ended, 10, "no repository", *(f"warning: {name}: " for name in NAMES[1:]))
    assert [each["status"] for each in site.records("backup")] == ["failed"]


def test_another_repository_in_the_place_of_one_gets_nothing(site: Site, tmp_path: Path) -> None:
    shutil.rmtree(site.place("disk-b"))
    other = tmp_path / "other.password"
    other.touch(0o600)
    other.write_text("x")
    made = lpse_ops("backup", "init", "--repo", site.place("disk-b"), "--password-file", other)
    assert made.code == 0, made.stderr
    before = files(site.place("disk-b"))
    ended = site.backup("run")
    assert ended.code == 3
    assert "disk-b did not get the snapshot" in ended.stderr
    assert "holds another repository" in ended.stderr
    assert files(site.place("disk-b")) == before


def test_one_that_is_locked_does_not_stop_the_others(site: Site) -> None:
    with hold_lock(open_cheap(site.place("disk-a")), exclusive=True):
        ended = site.backup("run", "--format", "json")
    assert ended.code == 3
    statuses = {name: each["status"] for name, each in ended.json()["destinations"].items()}
    assert statuses == {"disk-a": "failed", "disk-b": "written", "offsite": "written"}
    assert not files(site.place("disk-a")).keys() & {"index"}


def test_one_that_is_full_stays_valid_and_catches_up_on_a_larger_disk(
    site: Site, restic_new: Restic
) -> None:
    shutil.rmtree(site.place("disk-b"))
    with mount_small_disk(site.place("disk-b")):
        first = site.backup("run", "--destination", "disk-a")
        assert first.code == 0, first.stderr
        site.write({"disk-a": ID, "disk-b": None, "offsite": ID})
        assert site.backup("sync", "disk-b").code == 0
        add_document(site.docs, "too-much.rhs", 2_000_000)
        ended = site.backup("run", "--format", "json")
        assert ended.code == 3
        statuses = {name: each["status"] for name, each in ended.json()["destinations"].items()}
        assert statuses == {"disk-a": "written", "disk-b": "failed", "offsite": "written"}
        assert "No space left on device" in ended.stderr
        # Stock restic's own lock would not fit.
        check = ("check", "--read-data", "--no-lock")
        restic_new.run(*check, repo=site.place("disk-b"), password=PASSWORD)
        larger = site.folder / "larger"
        shutil.copytree(site.place("disk-b"), larger, ignore=shutil.ignore_patterns("lost+found"))
    site.place("disk-b").rmdir()
    larger.rename(site.place("disk-b"))
    assert site.backup("sync").code == 0
    assert_same(site)


def test_a_tag_on_the_newest_snapshot_does_not_look_like_a_loss(site: Site) -> None:
    assert site.backup("run").code == 0
    snapshot = site.records("backup")[-1]["snapshot"]
    tagged = site.backup("tag", "--keep-forever", "audit", str(snapshot))
    assert tagged.code == 0, tagged.stderr
    status = site.backup("status", "--format", "json").json()
    assert status["severity"] == "OK", status["troubles"]


def test_what_could_not_be_read_stands_in_the_log_and_in_the_status(site: Site) -> None:
    site.settings.write_text(
        site.settings.read_text().replace(f"[{site.docs}]", f"[{site.docs}, /none]")
    )
    assert site.backup("run").code == 3
    [record] = site.records("backup")
    assert record["status"] == "partial"
    assert str(record["error"]).startswith("/none: ")
    assert "could not read some files: /none: " in site.backup("status").stdout


def test_a_new_destination_is_named_with_the_command_that_makes_it_a_clone(site: Site) -> None:
    shutil.rmtree(site.place("offsite"))
    warned = "offsite did not get the snapshot: there is no repository at "
    step = "lpse-ops backup sync offsite makes it a clone\n"
    said = site.backup("run").stderr
    assert warned in said
    assert said.endswith(f"; is it mounted? without its repository_id in lpse-ops.yml, {step}")
    site.write(dict.fromkeys(NAMES))
    said = site.backup("sync").stderr
    assert "offsite was not synced: " in said
    assert said.endswith(f"; {step}")
    assert site.backup("sync", "offsite").code == 0


def test_sync_of_one_does_not_fail_for_another_that_was_not_named(site: Site) -> None:
    site.backup("run", "--destination", "disk-a")
    (site.place("offsite") / "config").write_bytes(b"not ours")
    ended = site.backup("sync", "disk-b", "--format", "json")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.json()["not_reached"] == {}
    everything = site.backup("sync", "--format", "json")
    assert (everything.code, list(everything.json()["not_reached"])) == (1, ["offsite"])
    assert "offsite was not synced" in everything.stderr
    assert site.backup("sync", "offsite").code == 1


def test_sync_says_which_source_is_away(site: Site) -> None:
    site.write(dict.fromkeys(NAMES[:2]))
    site.unplug("disk-a")
    failed(site.backup("sync", "disk-b"), 1, "nothing to copy from: disk-a: there is no repo")


def test_a_portable_disk_that_is_not_plugged_in_is_away(site: Site) -> None:
    text = site.settings.read_text()
    with_disk = text.replace(
        f"{site.place('disk-b')}\n",
        f"{site.place('disk-b')}\n      disk: {{uuid: 0f0f0f0f-1111-4222-8333-444444444444}}\n",
    )
    site.settings.write_text(with_disk)
    before = files(site.place("disk-b"))
    ended = site.backup("run", "--format", "json")
    assert ended.code == 0, ended.stderr
    assert ended.json()["destinations"]["disk-b"]["status"] == "away"
    assert files(site.place("disk-b")) == before


def test_a_dry_run_stores_nothing_and_records_nothing(site: Site) -> None:
    before = files(site.place("disk-a"))
    ended = site.backup("run", "--dry-run")
    assert ended.code == 0, ended.stderr
    assert files(site.place("disk-a")) == files(site.place("disk-b")) == before
    assert site.records("backup") == []


def test_a_destination_by_name_alone(site: Site) -> None:
    ended = site.backup("run", "--destination", "offsite", "--format", "json")
    assert ended.code == 0, ended.stderr
    assert list(ended.json()["destinations"]) == ["offsite"]
    assert len(site.backup("snapshots", "--destination", "offsite").stdout.splitlines()) > 1
    assert site.backup("snapshots", "--format=json").json()["snapshots"] == []
    failed(site.backup("snapshots", "--destination", "nowhere"), 2, "disk-a, disk-b, offsite")
    both = site.backup("snapshots", "--destination", "offsite", "--repo", "/x")
    failed(both, 2, "cannot be combined")


def test_commands_use_the_first_that_can_be_reached(site: Site) -> None:
    site.backup("run")
    site.unplug("disk-a")
    listed = site.backup("snapshots")
    assert listed.code == 0
    assert "disk-a is passed over" in listed.stderr
    assert listed.stdout.endswith("1 snapshots\n")


def test_check_forget_and_prune_are_recorded_for_their_destination(site: Site) -> None:
    site.backup("run")
    site.backup("run")
    assert site.backup("check", "--destination", "disk-b").code == 0
    assert site.backup("forget", "--keep-last", "1", "--prune").code == 0
    assert site.records("check") == [
        {"destination": "disk-b", "status": "ok", "read_data": "none", "errors": []}
    ]
    assert site.records("forget") == [{"destination": "disk-a", "removed": 1, "status": "ok"}]
    assert [each["destination"] for each in site.records("prune")] == ["disk-a"]


# -- sync ----------------------------------------------------------------------------------------


def test_an_empty_place_becomes_a_clone_and_is_pinned(site: Site, restic_new: Restic) -> None:
    site.backup("run")
    shutil.rmtree(site.place("offsite"))
    site.write({"disk-a": ID, "disk-b": ID, "offsite": None})
    ended = site.backup("sync", "offsite")
    assert (ended.code, ended.stderr) == (0, "")
    assert "copied from disk-a" in ended.stdout
    assert files(site.place("offsite")) == files(site.place("disk-a"))
    assert site.settings.read_text().count(ID) == 3
    restic_new.run("check", "--read-data", repo=site.place("offsite"), password=PASSWORD)
    again = site.backup("sync", "--format", "json").json()
    assert {each["files"] for each in again["destinations"].values()} == {0}


def test_an_empty_mount_point_does_not_become_a_clone(site: Site) -> None:
    site.unplug("disk-b")
    site.place("disk-b").mkdir()
    failed(site.backup("sync", "disk-b"), 1, "is its disk mounted?")
    assert list(site.place("disk-b").iterdir()) == []
    assert site.backup("sync").code == 0


def test_what_is_rotten_at_the_source_comes_from_another_clone(site: Site) -> None:
    site.backup("run")
    for path in (site.place("offsite") / "data").glob("*/*"):
        path.unlink()
    for folder in ("index", "snapshots"):
        for path in (site.place("offsite") / folder).iterdir():
            path.unlink()
    whole = files(site.place("disk-b"))
    rotten = max((site.place("disk-a") / "data").glob("*/*"), key=lambda each: each.stat().st_size)
    rotten.chmod(0o600)
    rotten.write_bytes(rotten.read_bytes()[:-1] + b"?")
    ended = site.backup("sync", "offsite")
    assert ended.code == 1
    assert f"{rotten.name} came from disk-b; disk-a: it is damaged" in ended.stderr
    assert files(site.place("offsite")) == whole


def test_what_nobody_has_whole_holds_index_and_snapshots_back(site: Site) -> None:
    site.backup("run")
    before = files(site.place("disk-b"))
    site.unplug("disk-b")
    add_document(site.docs, "three.pdf", 400_000)
    site.backup("run")
    site.unplug("offsite")
    site.plug("disk-b")
    new = files(site.place("disk-a")).keys() - before.keys()
    rotten = max(
        (site.place("disk-a") / name for name in new if name.startswith("data/")),
        key=lambda each: each.stat().st_size,
    )
    rotten.chmod(0o600)
    rotten.write_bytes(b"?" + rotten.read_bytes()[1:])
    ended = site.backup("sync", "--format", "json")
    assert ended.code == 1
    answer = ended.json()["destinations"]["disk-b"]
    assert answer["status"] == "failed"
    assert len(answer["held_back"]) == 1
    after = files(site.place("disk-b"))
    assert {name.partition("/")[0] for name in after.keys() - before.keys()} == {"data"}
    assert site.backup("check", "--read-data", "--destination", "disk-b").code == 0


def test_nothing_is_removed_without_delete_and_the_rest_is_whole_after_it(
    site: Site, restic_new: Restic
) -> None:
    site.backup("run")
    add_document(site.docs, "two.rhs", 700_000)
    site.backup("run")
    forgotten = site.backup("forget", "--keep-last", "1", "--prune")
    assert forgotten.code == 0, forgotten.stderr
    added = site.backup("sync", "disk-b")
    assert "stay; --delete removes them" in added.stdout
    assert len(list((site.place("disk-b") / "snapshots").iterdir())) == 2
    dry = site.backup("sync", "disk-b", "--delete", "--dry-run")
    assert (dry.code, dry.stderr) == (0, "")
    assert "could be removed" in dry.stdout
    done = site.backup("sync", "disk-b", "--delete")
    assert (done.code, done.stderr) == (0, "")
    assert files(site.place("disk-b")) == files(site.place("disk-a"))
    restic_new.run("check", "--read-data", repo=site.place("disk-b"), password=PASSWORD)


def test_delete_is_refused_where_the_source_lost_more_than_a_policy_removes(site: Site) -> None:
    site.backup("run")
    site.backup("run")
    newest = max((site.place("disk-a") / "snapshots").iterdir(), key=lambda p: p.stat().st_mtime)
    newest.unlink()
    before = files(site.place("disk-b"))
    ended = site.backup("sync", "--from", "disk-a", "disk-b", "--delete")
    assert ended.code == 1
    assert "newer than all that disk-a has" in ended.stderr
    for path in (site.place("disk-a") / "snapshots").iterdir():
        path.unlink()
    ended = site.backup("sync", "--from", "disk-a", "disk-b", "--delete")
    assert "has no snapshots at all" in ended.stderr
    assert files(site.place("disk-b")) == before


def test_delete_is_refused_where_the_source_is_damaged(site: Site) -> None:
    site.backup("run")
    add_document(site.docs, "two.rhs", 700_000)
    site.backup("run")
    site.backup("forget", "--keep-last", "1", "--prune")
    before = files(site.place("disk-b"))
    smallest = min((site.place("disk-a") / "data").glob("*/*"), key=lambda p: p.stat().st_size)
    smallest.unlink()
    ended = site.backup("sync", "--from", "disk-a", "disk-b", "--delete")
    assert ended.code == 1
    assert "nothing is deleted: disk-a is damaged" in ended.stderr
    assert files(site.place("disk-b")) == before
    assert site.backup("check", "--destination", "disk-a").code == 1
    smallest.write_bytes(before[str(smallest.relative_to(site.place("disk-a")))])
    refused = site.backup("sync", "--from", "disk-a", "disk-b", "--delete")
    assert "the last check of disk-a" in refused.stderr


def test_sync_says_what_it_is_for(site: Site) -> None:
    failed(site.backup("sync", "--repo", "/x"), 2, "--from disk-a offsite")
    failed(site.backup("sync", "nowhere"), 2, "disk-a, disk-b, offsite")
    failed(site.backup("sync", "--from", "disk-a", "disk-a"), 2, "from itself")


def test_init_of_a_second_repository_is_refused(site: Site) -> None:
    shutil.rmtree(site.place("offsite"))
    site.write({"disk-a": ID, "disk-b": ID, "offsite": None})
    failed(site.backup("init", "--destination", "offsite"), 1, "lpse-ops backup sync offsite")
    assert not site.place("offsite").exists()


def test_two_syncs_at_once_and_a_killed_one_harm_nothing(site: Site, restic_new: Restic) -> None:
    for number in range(12):
        add_document(site.docs, f"{number}.rhs", 3_000_000)
    site.backup("run", "--destination", "disk-a")
    packs = site.place("disk-b") / "data"
    killed = site.start("sync", "disk-b")
    _wait(lambda: any(packs.glob("*/*")))
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert site.backup("check", "--destination", "disk-b", "--no-lock").code == 0
    both = [site.start("sync", "disk-b") for _ in range(2)]
    assert [(each.communicate(), each.returncode)[1] for each in both] == [0, 0]
    assert files(site.place("disk-b")) == files(site.place("disk-a"))
    restic_new.run("check", "--read-data", repo=site.place("disk-b"), password=PASSWORD)


def test_kill_9_of_a_run_leaves_every_destination_valid(site: Site, restic_new: Restic) -> None:
    assert site.backup("run").code == 0
    for number in range(12):
        add_document(site.docs, f"{number}.rhs", 3_000_000)
    counts = {name: len(list((site.place(name) / "data").glob("*/*"))) for name in NAMES}
    killed = site.start("run")
    _wait(lambda: len(list((site.place("offsite") / "data").glob("*/*"))) > counts["offsite"])
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    for name in NAMES:
        restic_new.run("unlock", repo=site.place(name), password=PASSWORD)
        restic_new.run("check", "--read-data", repo=site.place(name), password=PASSWORD)
    done = site.backup("run", "--format", "json")
    assert done.code == 0, done.stderr
    assert {each["status"] for each in done.json()["destinations"].values()} == {"written"}
    for name in NAMES:
        restic_new.run("check", "--read-data", repo=site.place(name), password=PASSWORD)
        assert done.json()["snapshot"]["id"] in os.listdir(site.place(name) / "snapshots")


def _wait(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.002)

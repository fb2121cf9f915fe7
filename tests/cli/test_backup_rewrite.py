"""``backup rewrite`` as a user meets it."""

from datetime import timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repairindex import drop_packs
from lpse_ops.backup.storage.backend import FileKind
from tests.backup.cheap_repository import PASSWORD
from tests.backup.damage import pack_name, packs_of, restic_passes
from tests.backup.storing import open_cheap, store
from tests.cli.commands import Ended, lpse_ops
from tests.restic_binaries import Restic


@pytest.fixture
def stored(repo: Path, docs: Path) -> Path:
    (docs / "x.tmp").write_bytes(b"secret")
    store(repo, docs)
    return repo


def rewrite(repo: Path, password: Path, *args: str | Path) -> Ended:
    return lpse_ops("backup", "rewrite", "-r", repo, "-p", password, *args)


def listed(repo: Path, password: Path) -> str:
    return lpse_ops("backup", "ls", "latest", "-r", repo, "-p", password).stdout


def test_something_to_change_must_be_given(stored: Path, password: Path):
    ended = rewrite(stored, password)
    assert ended.code == 2
    assert "--exclude PATTERN" in ended.stderr


def test_a_file_is_left_out_and_restic_agrees(
    stored: Path, docs: Path, password: Path, restic: Restic
):
    ended = rewrite(stored, password, "--exclude", "*.tmp", "--forget")
    assert ended.code == 0, ended.stderr
    assert f"  left out: {docs}/x.tmp\n" in ended.stdout
    assert "takes its place" in ended.stdout
    assert ended.stdout.endswith("1 snapshots changed\n")
    assert "x.tmp" not in listed(stored, password)
    assert "one.pdf" in listed(stored, password)
    assert restic_passes(restic, stored, PASSWORD)


def test_the_report(stored: Path, docs: Path, password: Path, tmp_path: Path):
    patterns = tmp_path / "patterns"
    patterns.write_text("# temporary\n*.TMP\n")
    report = rewrite(stored, password, "--iexclude-file", patterns, "--format", "json").json()
    assert report["schema"] == "lpse-ops/backup/rewrite/1"
    (one,) = report["snapshots"]
    assert one["excluded"] == [f"{docs}/x.tmp"]
    assert one["removed"] is False
    (new,) = [each for each in open_cheap(stored).snapshots() if each.id == one["new_id"]]
    assert (new.tags, new.original) == (("rewrite",), one["snapshot"]["id"])


def test_a_dry_run_changes_nothing_even_while_others_work(stored: Path, password: Path):
    before = open_cheap(stored).files(FileKind.SNAPSHOT)
    with hold_lock(open_cheap(stored)):
        ended = rewrite(stored, password, "-e", "*.tmp", "--forget", "--dry-run")
        assert ended.stdout.endswith("1 snapshots would change\n")
        assert rewrite(stored, password, "-e", "*.tmp", "--forget").code == 11
    assert open_cheap(stored).files(FileKind.SNAPSHOT) == before
    with hold_lock(open_cheap(stored)):
        assert rewrite(stored, password, "-e", "*.tmp").code == 0


def test_another_host_and_time(stored: Path, password: Path):
    ended = rewrite(
        *(stored, password, "--new-host", "lpse-baru", "--new-time", "2026-01-31 18:00:00"),
        "--forget",
    )
    assert ended.code == 0, ended.stderr
    (new,) = open_cheap(stored).snapshots()
    assert new.hostname == "lpse-baru"
    assert f"{new.time:%Y-%m-%d %H:%M:%S}" == "2026-01-31 18:00:00"
    assert isinstance(new.time.utcoffset(), timedelta)


def test_patterns_that_match_nothing(stored: Path, password: Path):
    assert rewrite(stored, password, "-e", "*.none").stdout == "0 snapshots changed\n"
    assert len(open_cheap(stored).snapshots()) == 1


def test_a_filter_beside_a_named_snapshot_is_refused(stored: Path, password: Path):
    (snapshot,) = open_cheap(stored).snapshots()
    ended = rewrite(stored, password, snapshot.id, "-e", "*.tmp", "--host", "other")
    assert ended.code == 2
    assert "choose nothing where snapshots are named" in ended.stderr
    assert open_cheap(stored).snapshots() == [snapshot]
    assert rewrite(stored, password, "latest", "-e", "*.tmp", "--path", *snapshot.paths).code == 0


def test_a_snapshot_that_is_named_twice_is_changed_once(stored: Path, password: Path):
    (snapshot,) = open_cheap(stored).snapshots()
    ended = rewrite(stored, password, "-e", "*.tmp", "--forget", "latest", snapshot.id)
    assert ended.code == 0, ended.stderr
    assert ended.stdout.endswith("1 snapshots changed\n")
    assert len(open_cheap(stored).snapshots()) == 1


def test_a_snapshot_that_is_named_twice_is_repaired_once(stored: Path, password: Path):
    repository = open_cheap(stored)
    (snapshot,) = repository.snapshots()
    pack_id = packs_of(repository, BlobType.DATA)[0]
    drop_packs(repository, {pack_id})
    repository.backend.remove(pack_name(pack_id))
    at = ("-r", stored, "-p", password)
    ended = lpse_ops(
        *("backup", "repair", "snapshots", "--forget", *at, "latest", snapshot.id),
        env={"LPSE_OPS_STATE": str(stored.parent / "state")},
    )
    assert ended.code == 0, ended.stderr
    assert [each.original for each in repository.snapshots()] == [snapshot.id]

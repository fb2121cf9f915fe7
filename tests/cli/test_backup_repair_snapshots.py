"""``backup repair snapshots`` as a user meets it."""

from pathlib import Path

import pytest

from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repairindex import drop_packs
from lpse_ops.backup.storage.backend import FileKind
from tests.backup.cheap_repository import PASSWORD
from tests.backup.damage import contents, flip, names, pack_name, packs_of, restic_passes
from tests.backup.storing import open_cheap, store
from tests.cli.commands import Ended, lpse_ops
from tests.restic_binaries import Restic


@pytest.fixture
def broken(repo: Path, docs: Path) -> Path:
    """One sound snapshot, and one that lacks the data of a file."""
    store(repo, docs)
    (docs / "new.pdf").write_bytes(b"lost" * 1000)
    store(repo, docs)
    repository = open_cheap(repo)
    pack_id = packs_of(repository, BlobType.DATA)[-1]
    drop_packs(repository, {pack_id})
    repository.backend.remove(pack_name(pack_id))
    return repo


def repair(repo: Path, password: Path, *args: str | Path) -> Ended:
    return run(repo, password, "snapshots", *args)


def run(repo: Path, password: Path, *args: str | Path) -> Ended:
    return lpse_ops(
        *("backup", "repair", *args, "-r", repo, "-p", password),
        env={"LPSE_OPS_STATE": str(repo.parent / "state")},
    )


def test_sound_snapshots(repo: Path, docs: Path, password: Path):
    store(repo, docs)
    ended = repair(repo, password)
    assert (ended.code, ended.stderr) == (0, "")
    assert "can be read" in ended.stdout
    assert len(open_cheap(repo).snapshots()) == 1


def test_what_is_lost_is_named_and_the_old_one_stays(broken: Path, docs: Path, password: Path):
    ended = repair(broken, password)
    assert ended.code == 0, ended.stderr
    assert f"  {docs}/new.pdf: 1 of its 1 parts are lost: 0 of 4000 bytes" in ended.stdout
    assert "what is left is snapshot" in ended.stdout
    snapshots = open_cheap(broken).snapshots()
    assert [each.tags for each in snapshots].count(("repaired",)) == 1
    assert len(snapshots) == 3


def test_with_forget_restic_has_nothing_to_complain_of(
    broken: Path, password: Path, restic: Restic
):
    report = repair(broken, password, "--forget", "--format", "json").json()
    assert report["schema"] == "lpse-ops/backup/repair-snapshots/1"
    (one,) = report["snapshots"]
    assert one["removed"] is True
    assert {each.id for each in open_cheap(broken).snapshots()} >= {one["new_id"]}
    assert restic_passes(restic, broken, PASSWORD)


def test_a_dry_run_changes_nothing(broken: Path, password: Path):
    before = open_cheap(broken).files(FileKind.SNAPSHOT)
    ended = repair(broken, password, "--dry-run", "--forget")
    assert "nothing was changed: this was a dry run" in ended.stdout
    assert open_cheap(broken).files(FileKind.SNAPSHOT) == before


def test_only_the_chosen_snapshots(broken: Path, password: Path):
    sound = open_cheap(broken).snapshots()[0]
    assert "can be read" in repair(broken, password, sound.short_id).stdout
    assert "can be read" in repair(broken, password, "--host", "nobody").stdout
    assert "what is left" in repair(broken, password, "latest").stdout


def test_a_filter_beside_a_named_snapshot_is_refused(broken: Path, password: Path):
    before = open_cheap(broken).files(FileKind.SNAPSHOT)
    ended = repair(broken, password, before[0], "--tag", "daily")
    assert ended.code == 2
    assert "choose nothing where snapshots are named" in ended.stderr
    assert open_cheap(broken).files(FileKind.SNAPSHOT) == before


def test_snapshot_files_that_cannot_be_read_go_after_a_copy_was_made(
    broken: Path, password: Path, restic_new: Restic
):
    repository = open_cheap(broken)
    damaged = repository.snapshots()[0].id
    flip(repository.backend, f"snapshots/{damaged}", 50)
    assert "left out" in repair(broken, password).stderr
    assert damaged in repository.files(FileKind.SNAPSHOT)
    (copy,) = repair(broken, password, "--forget", "--format", "json").json()["files_removed"]
    assert Path(copy).name == f"snapshot-{damaged}"
    assert damaged not in repository.files(FileKind.SNAPSHOT)
    assert restic_passes(restic_new, broken, PASSWORD)


def test_without_its_index_it_is_refused(broken: Path, password: Path):
    repository = open_cheap(broken)
    flip(repository.backend, f"index/{repository.files(FileKind.INDEX)[0]}", 50)
    ended = repair(broken, password)
    assert ended.code == 1
    assert "hint: run lpse-ops backup repair index first" in ended.stderr


def test_with_a_lost_index_file_nothing_is_removed_until_the_index_is_repaired(
    repo: Path, docs: Path, password: Path, restic_new: Restic
):
    store(repo, docs)
    (docs / "new.pdf").write_bytes(b"not lost" * 1000)
    first = names(open_cheap(repo).backend, FileKind.INDEX)
    store(repo, docs)
    repository = open_cheap(repo)
    before = contents(repository)
    (second,) = set(names(repository.backend, FileKind.INDEX)) - set(first)
    repository.backend.remove(second)
    ended = repair(repo, password, "--forget")
    assert (ended.code, ended.stdout) == (1, "")
    assert "which no index lists; nothing was removed" in ended.stderr
    assert "hint: run lpse-ops backup repair index first, then this again" in ended.stderr
    assert len(repository.snapshots()) == 2
    assert run(repo, password, "index").code == 0
    assert "can be read" in repair(repo, password, "--forget").stdout
    assert contents(repository) == before
    assert restic_passes(restic_new, repo, PASSWORD)


def test_a_pack_that_does_not_say_what_is_in_it_is_set_aside_as_the_hint_says(
    broken: Path, password: Path, restic_new: Restic
):
    repository = open_cheap(broken)
    pack_id = b"\5" * 32
    repository.backend.save(pack_name(pack_id), b"half a pack")
    ended = repair(broken, password, "--forget")
    assert ended.code == 1
    assert f"hint: run lpse-ops backup repair packs {pack_id.hex()[:10]} first" in ended.stderr
    (put_aside,) = run(broken, password, "packs", pack_id.hex()[:10], "--format", "json").json()[
        "packs"
    ]
    assert Path(put_aside["copy"]).read_bytes() == b"half a pack"
    assert repair(broken, password, "--forget").code == 0
    assert restic_passes(restic_new, broken, PASSWORD)

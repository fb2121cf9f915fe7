"""``backup copy`` as a user types it."""

import os
from pathlib import Path

import pytest

from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.local import LocalBackend
from tests.backup.repositories import make_repository
from tests.backup.storing import open_cheap, store
from tests.cli.commands import Ended, lpse_ops


@pytest.fixture
def other_password(tmp_path: Path) -> Path:
    path = tmp_path / "other.password"
    path.touch(0o600)
    path.write_text("another\n")
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A repository with a key and a password of its own."""
    make_repository(LocalBackend(tmp_path / "target"), "another")
    return tmp_path / "target"


@pytest.fixture
def copy(repo: Path, password: Path, target: Path, other_password: Path):
    def run(*args: str, source: Path = repo, source_password: Path = password) -> Ended:
        return lpse_ops(
            *("backup", "copy", *args, "--repo", target, "--password-file", other_password),
            *("--from-repo", source, "--from-password-file", source_password),
        )

    return run


def on(target: Path, password: Path, *args: str | Path) -> Ended:
    return lpse_ops("backup", *args, "--repo", target, "--password-file", password)


def test_a_copy_can_be_restored_and_is_made_once(
    copy, repo: Path, docs: Path, target: Path, other_password: Path, tmp_path: Path
):
    ids = [store(repo, docs).snapshot.id]
    (docs / "three.pdf").write_bytes(os.urandom(5000))
    ids.append(store(repo, docs).snapshot.id)
    done = copy("--format", "json")
    assert (done.code, done.stderr) == (0, "")
    report = done.json()
    assert [each["from"] for each in report["copied"]] == ids
    assert report["skipped"] == []
    assert report["blobs"] > 3
    assert report["bytes_read"] > 700_000
    check = on(target, other_password, "check", "--read-data")
    assert check.code == 0
    restored = on(target, other_password, "restore", "latest", "--target", tmp_path / "out")
    assert restored.code == 0
    for path in docs.iterdir():
        assert (tmp_path / "out" / path.relative_to("/")).read_bytes() == path.read_bytes()
    again = copy()
    assert again.code == 0
    assert "0 snapshots copied, 2 were there; 0 blobs" in again.stdout
    assert f"snapshot {ids[0][:8]} is there as" in again.stdout


def test_only_what_is_named_or_matches_is_copied(copy, repo: Path, docs: Path):
    first = store(repo, docs, tags=("keep",)).snapshot.id
    second = store(repo, docs).snapshot.id
    assert [each["from"] for each in copy("--tag", "keep", "--format=json").json()["copied"]] == [
        first
    ]
    named = copy(second[:8], second, "--format=json").json()
    assert [each["from"] for each in named["copied"]] == [second]


def test_a_filter_beside_a_named_snapshot_is_refused(copy, repo: Path, docs: Path, target: Path):
    snapshot = store(repo, docs).snapshot.id
    done = copy(snapshot, "--host", "other")
    assert done.code == 2
    assert "choose nothing where snapshots are named" in done.stderr
    assert list((target / "snapshots").iterdir()) == []


def test_a_wrong_password_of_the_source(copy, other_password: Path):
    assert copy(source_password=other_password).code == 12


def test_a_source_that_is_no_repository(copy, tmp_path: Path):
    done = copy(source=tmp_path / "nothing")
    assert done.code == 10
    assert "nothing" in done.stderr


def test_the_source_must_be_given(repo: Path, password: Path):
    done = on(repo, password, "copy")
    assert done.code == 2
    assert "--from-repo" in done.stderr


def test_both_repositories_are_locked(copy, repo: Path, docs: Path):
    store(repo, docs)
    with hold_lock(open_cheap(repo), exclusive=True):
        assert copy().code == 11
        assert copy("--from-no-lock").code == 0
    assert open_cheap(repo).files(FileKind.LOCK) == []


def test_damage_in_the_source_is_named_and_no_snapshot_appears(
    copy, repo: Path, docs: Path, target: Path
):
    store(repo, docs)
    for path in (repo / "data").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            content = bytearray(path.read_bytes())
            content[20] ^= 1
            path.write_bytes(content)
    done = copy()
    assert done.code == 1
    assert "is damaged" in done.stderr
    assert list((target / "snapshots").iterdir()) == []

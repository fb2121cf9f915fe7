"""``backup repair index`` as a user meets it."""

from pathlib import Path

from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.storage.backend import FileKind
from tests.backup.damage import cut, flip, names, pack_name, packs_of
from tests.backup.storing import open_cheap, store
from tests.cli.commands import Ended, lpse_ops


def repair(repo: Path, password: Path, *args: str) -> Ended:
    return lpse_ops("backup", "repair", "index", "-r", repo, "-p", password, *args)


def test_a_good_index(repo: Path, docs: Path, password: Path):
    store(repo, docs)
    ended = repair(repo, password)
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout == "the index is right; nothing was changed\n"


def test_a_lost_index_comes_back(repo: Path, docs: Path, password: Path):
    store(repo, docs)
    repository = open_cheap(repo)
    before = dict(repository.index_packs())
    for name in names(repository.backend, FileKind.INDEX):
        repository.backend.remove(name)
    report = repair(repo, password, "--format", "json").json()
    assert report["schema"] == "lpse-ops/backup/repair-index/1"
    assert sorted(report["packs_added"]) == sorted(each.hex() for each in before)
    assert dict(open_cheap(repo).index_packs()) == before
    assert lpse_ops("backup", "check", "-r", repo, "-p", password).code == 0


def test_what_is_dropped_is_named(repo: Path, docs: Path, password: Path):
    store(repo, docs)
    repository = open_cheap(repo)
    gone = packs_of(repository, BlobType.DATA)[0]
    index = repository.files(FileKind.INDEX)[0]
    repository.backend.remove(pack_name(gone))
    listed = dict(repository.index_packs())
    repository.save_index([(gone, listed[gone])])
    flip(repository.backend, f"index/{index}", 30)
    ended = repair(repo, password)
    assert ended.code == 0
    assert f"index file {index[:10]} is dropped" in ended.stderr
    assert f"pack {gone.hex()} is gone" in ended.stderr
    assert "packs added          1" in ended.stdout


def test_a_dry_run_says_so_and_changes_nothing(repo: Path, docs: Path, password: Path):
    store(repo, docs)
    repository = open_cheap(repo)
    repository.save_index(repository.index_packs())
    before = repository.files(FileKind.INDEX)
    ended = repair(repo, password, "--dry-run")
    assert "nothing was changed: this was a dry run" in ended.stdout
    assert repository.files(FileKind.INDEX) == before


def test_damaged_packs_are_exit_1_and_the_next_command_is_named(
    repo: Path, docs: Path, password: Path
):
    store(repo, docs)
    repository = open_cheap(repo)
    cut(repository.backend, pack_name(packs_of(repository, BlobType.DATA)[0]), 5000)
    ended = repair(repo, password)
    assert ended.code == 1
    assert "lpse-ops backup repair packs" in ended.stderr

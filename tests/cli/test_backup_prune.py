"""``backup prune`` as a user types it."""

import shutil
from pathlib import Path

import click
import pytest

from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.prune import PruneOptions
from lpse_ops.backup.pruneplan import UNLIMITED, MaxUnused
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.cli.prune_options import MaxUnusedType, parse_max_unused, prune_options
from lpse_ops.errors import UsageError
from tests.backup.storing import open_cheap, store
from tests.cli.commands import Ended, lpse_ops

GIB = 1 << 30


@pytest.fixture
def filled(repo: Path, docs: Path) -> Path:
    """Two snapshots, of which one is forgotten: it had a file that the other has not."""
    first = store(repo, docs).snapshot.id
    (docs / "two.rhs").unlink()
    store(repo, docs)
    open_cheap(repo).remove(FileKind.SNAPSHOT, first)
    return repo


def prune(repo: Path, password: Path, *args: str) -> Ended:
    return lpse_ops("backup", "prune", *args, "--repo", repo, "--password-file", password)


def files(repo: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(repo)): path.read_bytes() for path in repo.rglob("*") if path.is_file()
    }


def test_a_dry_run_shows_all_figures_and_changes_nothing(filled: Path, password: Path):
    before = files(filled)
    done = prune(filled, password, "--dry-run")
    assert (done.code, done.stderr) == (0, "")
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert set(lines) == {"used", "unused", "packs", "freed"}
    assert "by 1 snapshots" in lines["used"]
    assert "would be removed" in lines["packs"]
    assert "KiB would be" in lines["freed"]
    assert files(filled) == before


def test_room_is_given_back(filled: Path, password: Path, docs: Path):
    before = sum(map(len, files(filled).values()))
    planned = prune(filled, password, "-n", "--max-unused", "0", "--format", "json").json()
    done = prune(filled, password, "--max-unused", "0", "--format", "json")
    assert done.code == 0
    report = done.json()
    assert report["schema"] == "lpse-ops/backup/prune/1"
    assert (planned["dry_run"], report["dry_run"]) == (True, False)
    assert report["freed_bytes"] == planned["freed_bytes"] > 700_000
    assert report["used"]["blobs"] == planned["used"]["blobs"] > 0
    assert before - sum(map(len, files(filled).values())) > 600_000
    check = lpse_ops(
        "backup", "check", "--read-data", "--repo", filled, "--password-file", password
    )
    assert check.code == 0
    again = prune(filled, password, "--max-unused", "0")
    assert "freed      0 B" in again.stdout


def test_orphans_are_shown(filled: Path, password: Path, tmp_path: Path):
    shutil.rmtree(filled / "index")
    shutil.rmtree(filled / "snapshots")
    done = prune(filled, password)
    assert done.code == 0
    assert "wait until they are a day old" in done.stdout


def test_damage_stops_it_and_says_what_to_type(filled: Path, password: Path):
    for path in (filled / "data").rglob("*"):
        if path.is_file() and path.stat().st_size > 3000:
            path.chmod(0o600)
            path.write_bytes(path.read_bytes()[:-1])
    # The folder's tree is small; what is needed of the data is in the cut pack.
    done = prune(filled, password)
    assert done.code == 1
    assert "nothing was removed" in done.stderr
    assert "lpse-ops backup repair packs" in done.stderr


def test_it_waits_for_nobody_else_s_lock(filled: Path, password: Path):
    with hold_lock(open_cheap(filled)):
        done = prune(filled, password)
    assert done.code == 11
    assert "--retry-lock" in done.stderr


@pytest.mark.parametrize("limit", ["100%", "-1%", "5 percent", "x%", "2MB"])
def test_limits_that_make_no_sense(repo: Path, password: Path, limit: str):
    done = prune(repo, password, f"--max-unused={limit}")
    assert done.code == 2
    assert "max-unused" in done.stderr


def test_limits():
    assert parse_max_unused("unlimited") == UNLIMITED
    assert parse_max_unused("7.5%") == MaxUnused(percent=7.5)
    assert parse_max_unused("2GiB") == MaxUnused(size_bytes=2 * GIB)
    assert MaxUnusedType().convert(UNLIMITED, None, None) is UNLIMITED
    with pytest.raises(UsageError):
        parse_max_unused("100%")
    with pytest.raises(ValueError, match="size"):
        parse_max_unused("much")


def test_options_arrive_as_one_argument():
    got: list[PruneOptions] = []

    @click.command()
    @prune_options
    def sample(pruning: PruneOptions) -> None:
        got.append(pruning)

    sample.main([], standalone_mode=False)
    sample.main(
        ["--max-unused=1GiB", "--max-repack-size=2GiB", "--repack-uncompressed"],
        standalone_mode=False,
    )
    assert got == [
        PruneOptions(),
        PruneOptions(MaxUnused(size_bytes=GIB), 2 * GIB, repack_uncompressed=True),
    ]

"""Ours and stock restic prune, and copy between, each other's repositories."""

import filecmp
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.copier import copy_snapshots
from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.prune import PruneOptions, PruneReport, prune
from lpse_ops.backup.pruneplan import MaxUnused
from lpse_ops.backup.storage.backend import FileKind
from tests.backup.cheap_repository import PASSWORD
from tests.backup.repositories import make_local
from tests.backup.storing import open_cheap, store
from tests.restic_binaries import Restic

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAYS = 4


def write_day(docs: Path, day: int) -> None:
    """Some files stay, some change each day; text and noise, small and larger than a chunk."""
    for folder in ("a", "b/c"):
        (docs / folder).mkdir(parents=True, exist_ok=True)
        for number in range(12):
            path = docs / folder / f"{number}.rhs"
            if not path.exists() or number % 4 == day % 4:
                path.write_bytes(os.urandom(20_000) + b"INSERT INTO paket;\n" * 1000)
    (docs / "large.sql").write_bytes(os.urandom(900_000) + b"%d" % day * 300_000)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


def back_up_days(repo: Path, docs: Path, restic: Restic | None) -> dict[str, Path]:
    """One snapshot a day; return a copy of the documents for each, by snapshot id."""
    kept = {}
    for day in range(DAYS):
        write_day(docs, day)
        if restic is not None and day % 2:
            restic.run("backup", docs, repo=repo, password=PASSWORD)
            snapshots = restic.json("snapshots", repo=repo, password=PASSWORD)
            snapshot_id = max(snapshots, key=lambda each: each["time"])["id"]
        else:
            snapshot_id = store(repo, docs).snapshot.id
        copied = docs.with_name(f"day{day}")
        copied.mkdir()
        for path in docs.rglob("*"):
            target = copied / path.relative_to(docs)
            if path.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
        kept[snapshot_id] = copied
    return kept


def our_prune(repo: Path, options: PruneOptions) -> PruneReport:
    repository = open_cheap(repo)
    with hold_lock(repository, exclusive=True):
        return prune(repository, options, SILENT, now=NOW)


def forget(repo: Path, *snapshot_ids: str) -> None:
    repository = open_cheap(repo)
    for each in snapshot_ids:
        repository.remove(FileKind.SNAPSHOT, each)


def require_whole(
    repo: Path, kept: dict[str, Path], docs: Path, *restics: Restic, originals: bool = False
) -> None:
    """Both check all data, and every snapshot restores to what was backed up."""
    for restic in restics:
        restic.run("check", "--read-data", repo=repo, password=PASSWORD)
    listed = restics[0].json("snapshots", repo=repo, password=PASSWORD)
    names = {each["original"] if originals else each["id"]: each["id"] for each in listed}
    assert set(names) == set(kept)
    for number, (name, expected) in enumerate(kept.items()):
        out = repo.with_name(f"out-{len(list(repo.parent.iterdir()))}")
        restic = restics[number % len(restics)]
        restic.run("restore", names[name], "--target", out, repo=repo, password=PASSWORD)
        restored = out / docs.relative_to("/")
        files = [str(each.relative_to(expected)) for each in expected.rglob("*") if each.is_file()]
        assert filecmp.cmpfiles(expected, restored, files, shallow=False) == (files, [], [])


@pytest.mark.parametrize("percent", [0, 5])
def test_what_we_prune_stock_restic_reads(
    repo: Path, docs: Path, restic: Restic, restic_old: Restic, restic_new: Restic, percent: int
):
    kept = back_up_days(repo, docs, restic)
    for each in list(kept)[1:3]:
        forget(repo, each)
        del kept[each]
    report = our_prune(repo, PruneOptions(MaxUnused(percent=percent)))
    assert report.freed_bytes > 0
    assert report.packs_repacked + report.packs_removed > 0
    require_whole(repo, kept, docs, restic_old, restic_new)
    # Stock restic finds nothing that we left.
    done = restic_new.run("prune", "--dry-run", "-v", repo=repo, password=PASSWORD).stdout
    assert b"\nto repack:             0 blobs" in done
    assert b"this removes:          0 blobs" in done


def test_what_stock_restic_prunes_we_read_and_prune(
    repo: Path, docs: Path, restic: Restic, restic_old: Restic, restic_new: Restic
):
    kept = back_up_days(repo, docs, restic)
    first, second, *_ = kept
    restic.run("forget", first, "--prune", "--max-unused", "0", repo=repo, password=PASSWORD)
    del kept[first]
    assert our_prune(repo, PruneOptions(MaxUnused(percent=0), dry_run=True)).freed_bytes == 0
    forget(repo, second)
    del kept[second]
    assert our_prune(repo, PruneOptions(MaxUnused(percent=0))).freed_bytes > 0
    require_whole(repo, kept, docs, restic_old, restic_new)


def test_both_prune_in_turn_and_back_up_between(
    repo: Path, docs: Path, restic: Restic, restic_old: Restic, restic_new: Restic
):
    kept = back_up_days(repo, docs, restic)
    for number, each in enumerate(list(kept)[:3]):
        forget(repo, each)
        del kept[each]
        if number % 2:
            restic.run("prune", repo=repo, password=PASSWORD)
        else:
            our_prune(repo, PruneOptions())
    copied = docs.with_name("last")
    os.rename(docs, copied)
    write_day(docs, 9)
    kept[store(repo, docs).snapshot.id] = docs
    require_whole(repo, kept, docs, restic_old, restic_new)


def test_packs_that_a_stopped_restic_left_are_removed_after_a_day(
    repo: Path, docs: Path, restic: Restic, restic_new: Restic
):
    write_day(docs, 0)
    restic.run("backup", docs, repo=repo, password=PASSWORD)
    for path in (repo / "snapshots").iterdir():
        path.unlink()
    for path in (repo / "index").iterdir():
        path.unlink()
    waiting = our_prune(repo, PruneOptions())
    assert waiting.orphans_waiting > 0
    restic.run("check", repo=repo, password=PASSWORD)
    repository = open_cheap(repo)
    report = prune(repository, PruneOptions(), SILENT, now=NOW + timedelta(days=1))
    assert report.orphans_removed == waiting.orphans_waiting
    assert repository.files(FileKind.PACK) == []


def test_what_we_copy_stock_restic_reads_and_skips(
    tmp_path: Path, repo: Path, docs: Path, restic: Restic, restic_old: Restic, restic_new: Restic
):
    kept = back_up_days(repo, docs, restic)
    other = tmp_path / "other"
    make_local(other)  # with keys of its own
    source, target = open_cheap(repo), open_cheap(other)
    with hold_lock(source), hold_lock(target):
        report = copy_snapshots(source, target, source.snapshots(), SILENT)
    assert len(report.copied) == DAYS
    require_whole(other, kept, docs, restic_old, restic_new, originals=True)
    # Stock restic takes our copies for what they are.
    env = {"RESTIC_FROM_PASSWORD": PASSWORD}
    restic.run("copy", "--from-repo", repo, repo=other, password=PASSWORD, env=env)
    assert len(restic.json("snapshots", repo=other, password=PASSWORD)) == DAYS


def test_what_stock_restic_copied_we_skip(tmp_path: Path, repo: Path, docs: Path, restic: Restic):
    back_up_days(repo, docs, restic)
    other = tmp_path / "other"
    make_local(other)  # with keys of its own
    env = {"RESTIC_FROM_PASSWORD": PASSWORD}
    restic.run("copy", "--from-repo", repo, repo=other, password=PASSWORD, env=env)
    source, target = open_cheap(repo), open_cheap(other)
    report = copy_snapshots(source, target, source.snapshots(), SILENT)
    assert (len(report.skipped), report.copied, report.blobs) == (DAYS, {}, 0)

"""A disk that fills up again and again: nothing is lost, and forget and prune give room back."""

import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.backuprun import BackupRequest, run_backup
from lpse_ops.backup.forget import carry_out, plan_by_policy
from lpse_ops.backup.locking import LockTiming, hold_lock
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.prune import PruneOptions, prune
from lpse_ops.backup.pruneplan import MaxUnused
from lpse_ops.backup.retention import GroupBy, KeepPolicy
from lpse_ops.errors import OpsError
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.smalldisk import fill, mount_small_disk
from tests.backup.statejudge import find_errors, read_all
from tests.backup.storing import HOST, open_cheap
from tests.restic_binaries import Binaries

ROUNDS = 24
SOAK_ROUNDS = 500
FIRST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# So long that a pack which a stopped backup left is old enough to go the next time.
PAUSE = timedelta(days=2)
TIMING = LockTiming(sleep=lambda _: None)


class Archive:
    """A repository on the small disk, and what must be in it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._moment = FIRST
        self.expected: dict[str, str] = {}
        self.refused: list[str] = []

    def back_up(self, docs: Path) -> bool:
        """Whether there was room for it."""
        self._moment += PAUSE
        request = BackupRequest(paths=(bytes(docs),), hostname=HOST, time=self._moment)
        repository = open_cheap(self._root)
        try:
            with hold_lock(repository, timing=TIMING):
                snapshot = run_backup(repository, request, SILENT, workers=1).snapshot
        except OpsError as error:
            self.refused.append(error.message)
            return False
        self.expected[snapshot.id] = read_all(repository)[snapshot.id].digest
        return True

    def make_room(self, keep: int, max_repack_bytes: int | None = None) -> bool:
        """Forget all but the last snapshots, and prune; whether there was room for that."""
        self._moment += PAUSE
        try:
            self._forget_and_prune(keep, max_repack_bytes)
        except OpsError as error:
            self.refused.append(error.message)
            return False
        return True

    def _forget_and_prune(self, keep: int, max_repack_bytes: int | None) -> None:
        repository = open_cheap(self._root)
        with hold_lock(repository, exclusive=True, timing=TIMING):
            plan = plan_by_policy(
                repository.snapshots(),
                repository.snapshots(),
                KeepPolicy(last=keep),
                GroupBy(),
                now=self._moment,
                is_complete=lambda _: True,
            )
            carry_out(repository, plan)
            for snapshot in plan.removed:
                del self.expected[snapshot.id]
            options = PruneOptions(MaxUnused(percent=0), max_repack_bytes)
            prune(repository, options, SILENT, now=self._moment)

    def judge(self, restics: Binaries) -> None:
        repository = open_cheap(self._root)
        stored = {each: digest for each, (_, digest) in read_all(repository).items()}
        assert stored == self.expected
        assert not find_errors(repository)
        for restic in (restics.old, restics.new):
            restic.run("check", "--read-data", "--no-lock", repo=self._root, password=PASSWORD)


def change_documents(docs: Path, chance: random.Random) -> None:
    """Ten files of up to 40 kB each; more than half of them are new each time."""
    for number in range(10):
        path = docs / f"{number}.rhs"
        if not path.exists() or chance.random() < 0.6:
            path.write_bytes(chance.randbytes(chance.randint(10_000, 40_000)))


def used_bytes(disk: Path) -> int:
    status = os.statvfs(disk)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def test_backups_until_the_disk_is_full_and_beyond(
    tmp_path: Path, restic_binaries: Binaries
) -> None:
    fill_again_and_again(tmp_path, restic_binaries, ROUNDS, random.Random("small disk"))


@pytest.mark.soak
def test_many_more_backups_on_a_full_disk(tmp_path: Path, restic_binaries: Binaries) -> None:
    fill_again_and_again(tmp_path, restic_binaries, SOAK_ROUNDS, random.Random())


def fill_again_and_again(
    folder: Path, restics: Binaries, rounds: int, chance: random.Random
) -> None:
    docs = folder / "docs"
    docs.mkdir()
    with mount_small_disk(folder / "disk") as disk:
        archive = Archive(init_cheaply(disk / "repo"))
        at_start = used_bytes(disk)
        times_full, fullest = 0, 0
        for _ in range(rounds):
            change_documents(docs, chance)
            fits = archive.back_up(docs)
            archive.judge(restics)
            fullest = max(fullest, used_bytes(disk))
            if not fits:
                times_full += 1
                # Repacking needs room before it gives any: on a full disk, first only delete.
                assert archive.make_room(keep=1, max_repack_bytes=0)
                archive.judge(restics)
                assert archive.make_room(keep=1), archive.refused
                archive.judge(restics)
                assert archive.back_up(docs), archive.refused[-1]
        assert times_full >= rounds // 8
        assert all("No space left on device" in each for each in archive.refused)
        assert fullest > 0.9 * os.statvfs(disk).f_blocks * os.statvfs(disk).f_frsize
        assert archive.make_room(keep=1, max_repack_bytes=0)
        assert archive.make_room(keep=1)
        archive.judge(restics)
        # What the documents of one snapshot take, folders, and some files of a block or two.
        needed = sum(path.stat().st_size for path in docs.iterdir())
        needed += sum(path.stat().st_size for path in disk.rglob("*") if path.is_dir())
        assert used_bytes(disk) - at_start < needed + 64 * 1024
        print(f"{rounds} rounds, {times_full} times full, {fullest} bytes at most")


@pytest.mark.parametrize("free_blocks", [0, 1, 2, 3, 5, 8])
def test_a_disk_filled_by_others_to_the_last_block(
    free_blocks: int, tmp_path: Path, restic_binaries: Binaries
) -> None:
    """Forget and prune may find no room to work, and harm nothing then."""
    chance = random.Random("others")
    docs = tmp_path / "docs"
    docs.mkdir()
    with mount_small_disk(tmp_path / "disk") as disk:
        archive = Archive(init_cheaply(disk / "repo"))
        for _ in range(3):
            change_documents(docs, chance)
            assert archive.back_up(docs)
        fill(disk / "others", free_blocks=free_blocks)
        change_documents(docs, chance)
        fits = archive.back_up(docs)
        assert not (fits and free_blocks == 0)
        archive.judge(restic_binaries)
        archive.make_room(keep=1)
        archive.judge(restic_binaries)
        assert all("No space left on device" in each for each in archive.refused)
        (disk / "others").unlink()
        assert archive.make_room(keep=1)
        archive.judge(restic_binaries)
        assert archive.back_up(docs)

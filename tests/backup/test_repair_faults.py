"""Repairs that are stopped, or whose storage fails, at every single operation."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lpse_ops.backup.exclude import Excludes
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repairindex import repair_index
from lpse_ops.backup.repairpacks import find_damaged, salvage_packs
from lpse_ops.backup.repairsnapshots import repair_snapshots
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.rewrite import Changes, rewrite_snapshots
from lpse_ops.backup.storage.backend import Backend, FileKind
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Stopped, fault_at
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import OpsError
from tests.backup.damage import contents, copy_of, flip, names, pack_name, packs_of
from tests.backup.repositories import RepositoryBuilder, dir_node, file_node, make_repository

Act = Callable[[Repository], object]


@pytest.fixture(scope="module")
def sound() -> Repository:
    """Three snapshots; the third lacks a blob and a folder, as after a repair of the index."""
    builder = RepositoryBuilder(make_repository(MemoryBackend()))
    for number in range(3):
        files = [builder.file(b"%d.pdf" % each, os.urandom(700)) for each in range(3)]
        files.append(builder.file(b"x.tmp", os.urandom(100)))
        if number == 2:
            files += [file_node(b"lost", [b"\1" * 32], size=7), dir_node(b"p", b"\2" * 32)]
        builder.snapshot(builder.tree(dir_node(b"docs", builder.tree(*files))))
    return builder.repository


def on(backend: Backend, like: Repository) -> Repository:
    return Repository(backend, like.keys, like.config)


def readable(repository: Repository) -> set[tuple[BlobType, bytes]]:
    """Every blob that some index lists and that opens and hashes right."""
    found = set()
    index = repository.load_index()
    for _, entries in index.packs():
        for entry in entries:
            try:
                content = repository.load_blob(index, entry.type, entry.id)
            except OpsError:
                continue
            assert hashlib.sha256(content).digest() == entry.id
            found.add((entry.type, entry.id))
    return found


def break_index(repository: Repository) -> None:
    """One index file is damaged, one is gone, and one lists a pack that is not there."""
    packs = list(repository.index_packs())
    first, _, third = names(repository.backend, FileKind.INDEX)
    flip(repository.backend, first, 30)
    repository.backend.remove(third)
    repository.save_index([(b"\7" * 32, packs[0][1])])


def break_packs(repository: Repository) -> None:
    for blob_type in BlobType:
        pack_id = packs_of(repository, blob_type)[0]
        flip(repository.backend, pack_name(pack_id), 20)


def break_nothing(_repository: Repository) -> None:
    """The third snapshot is broken as it is."""


def the_acts(folder: Path) -> dict[str, tuple[Act, Act]]:
    """What breaks a repository, and what repairs it."""
    changes = Changes(Excludes(["*.tmp"]))
    return {
        "repair index": (break_index, repair_index),
        "repair packs": (
            break_packs,
            lambda repository: salvage_packs(repository, find_damaged(repository), folder),
        ),
        "repair snapshots": (
            break_nothing,
            lambda repository: repair_snapshots(repository, repository.snapshots(), forget=True),
        ),
        "rewrite": (
            lambda repository: repair_snapshots(repository, repository.snapshots(), forget=True),
            lambda repository: rewrite_snapshots(
                repository, repository.snapshots(), changes, forget=True
            ),
        ),
    }


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("name", ["repair index", "repair packs", "repair snapshots", "rewrite"])
def test_a_fault_at_any_operation_loses_nothing_and_the_next_run_succeeds(
    sound: Repository, tmp_path: Path, name: str, fault: Fault
):
    break_it, repair = the_acts(tmp_path)[name]
    assert isinstance(sound.backend, MemoryBackend)
    broken = copy_of(sound.backend)
    break_it(on(broken, sound))
    whole = copy_of(broken)
    counting = FaultBackend(whole)
    repair(on(counting, sound))
    wanted, before = outcome(on(whole, sound)), snapshots(on(broken, sound))
    blobs = readable(on(without_bad_index(broken, sound), sound))
    assert len(counting.operations) >= 3
    for number in range(len(counting.operations)):
        backend = copy_of(broken)
        failing = FaultBackend(backend, fault_at(number, fault))
        try:
            repair(on(failing, sound))
        except (Stopped, OpsError):
            pass
        else:
            # Reported as done: then it is, whatever storage said.
            is_lost_removal = fault is Fault.LOST and failing.operations[number][0] == "remove"
            assert is_lost_removal or fault in (Fault.DUPLICATE, Fault.DUPLICATE_LATE)
        failing.deliver_late()
        after = on(backend, sound)
        assert readable(on(without_bad_index(backend, sound), sound)) >= blobs
        # Each snapshot is there, or the one that took its place.
        assert before <= snapshots(after) | replaced(after)
        repair(after)
        assert outcome(after).items() >= wanted.items()


def without_bad_index(backend: MemoryBackend, like: Repository) -> MemoryBackend:
    """A copy in which all index files can be read."""
    copied = copy_of(backend)
    repository = on(copied, like)
    for index_id in repository.files(FileKind.INDEX):
        try:
            repository.load(FileKind.INDEX, index_id)
        except OpsError:
            del copied.contents[f"index/{index_id}"]
    return copied


def snapshots(repository: Repository) -> set[str]:
    return set(repository.files(FileKind.SNAPSHOT))


def replaced(repository: Repository) -> set[str]:
    return {each.original for each in repository.snapshots()}


def outcome(repository: Repository) -> dict[bytes, object]:
    """What can be read of each snapshot; None for one that lacks something."""
    found: dict[bytes, object] = {}
    for snapshot in repository.snapshots():
        alone = MemoryBackend()
        assert isinstance(repository.backend, MemoryBackend)
        alone.contents = {
            name: content
            for name, content in repository.backend.contents.items()
            if not name.startswith("snapshots/") or name.endswith(snapshot.id)
        }
        try:
            found.update(contents(on(alone, repository)))
        except OpsError:
            found[snapshot.tree] = None
    return found

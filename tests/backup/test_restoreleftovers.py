"""What a killed restore left is removed by the next one, and nothing that another may need."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from lpse_ops.backup.lockfile import read_identity
from lpse_ops.backup.restoreleftovers import TemporaryNames, is_leftover, remove_leftovers
from lpse_ops.backup.restorer import restore
from lpse_ops.backup.storage.memory import MemoryBackend
from tests.backup.repositories import RepositoryBuilder, dir_node, make_repository


def name_of_a_dead_process() -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, TemporaryNames().new())
        os.kill(os.getpid(), signal.SIGKILL)
    name = os.read(reading, 1000)
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    return name


def test_names_differ_and_a_living_process_keeps_them():
    names, others = TemporaryNames(), TemporaryNames()
    listed = [names.new(), names.new(), others.new()]
    assert len(set(listed)) == 3
    assert not any(is_leftover(name, read_identity()) for name in listed)


def test_a_dead_process_leaves_leftovers():
    assert is_leftover(name_of_a_dead_process(), read_identity())


@pytest.mark.parametrize(
    ("changes", "is_left"),
    [
        ({"boot_id": "an earlier one"}, True),
        ({"machine_id": "another"}, False),
        ({"machine_id": "another", "boot_id": "another"}, False),
        ({"pid_namespace": "a container"}, False),
    ],
)
def test_seen_from_elsewhere(changes: dict[str, str], is_left: bool):
    alive, dead = TemporaryNames().new(), name_of_a_dead_process()
    here = replace(read_identity(), **changes)
    assert is_leftover(dead, here) is is_left
    assert is_leftover(alive, here) is is_left


@pytest.mark.parametrize(
    "name", [b"", b".lpse-ops-restore-", b".lpse-ops-restore-0123456789abcdef-5", b"report.pdf"]
)
def test_other_names_are_no_leftovers(name: bytes):
    assert not is_leftover(name, read_identity())


def test_only_leftovers_are_removed(tmp_path: Path):
    kept = [TemporaryNames().new(), b".lpse-ops-restore-mine", b"f"]
    gone = [name_of_a_dead_process(), name_of_a_dead_process()]
    for name in (*kept, *gone[1:]):
        (tmp_path / os.fsdecode(name)).touch()
    (tmp_path / os.fsdecode(gone[0])).symlink_to("/etc")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    assert remove_leftovers(descriptor) == 2
    os.close(descriptor)
    assert {os.fsencode(name) for name in os.listdir(tmp_path)} == set(kept)


def test_the_next_restore_cleans_every_folder_that_it_enters(tmp_path: Path):
    builder = RepositoryBuilder(make_repository(MemoryBackend()))
    tree = builder.tree(dir_node(b"d", builder.tree(builder.file(b"f", b"x"))))
    builder.save()
    index = builder.repository.load_index()
    assert restore(builder.repository, index, tree, tmp_path).errors == []
    left = os.fsdecode(name_of_a_dead_process())
    (tmp_path / left).touch()
    (tmp_path / "d" / left).touch()
    assert restore(builder.repository, index, tree, tmp_path).errors == []
    assert [os.listdir(tmp_path), os.listdir(tmp_path / "d")] == [["d"], ["f"]]

"""A backup of several packs that is stopped, or whose storage fails, at every operation.

``test_fault_sweep.py`` does so with every command and every fault, on less data.
"""

import hashlib
from pathlib import Path

import pytest

from lpse_ops.backup.backuprun import BackupRequest, BackupResult, run_backup
from lpse_ops.backup.config import Config, encode_config
from lpse_ops.backup.crypto import Crypter
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Stopped, fault_at
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import OpsError
from tests.backup.cheap_repository import ID, KEYS, POLYNOMIAL
from tests.backup.damage import contents_of
from tests.backup.storing import HOST, MOMENT

CONFIG = Config(ID, POLYNOMIAL)


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    for number in range(4):
        content = hashlib.shake_256(bytes([number])).digest(6_000_000)
        (folder / f"{number}.rhs").write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def stored(docs: Path) -> dict[str, bytes]:
    """The files of a repository with one snapshot of two documents."""
    memory = MemoryBackend()
    memory.save("config", encode_config(CONFIG, Crypter(KEYS)))
    backup(Repository(memory, KEYS, CONFIG), docs / "0.rhs", docs / "1.rhs")
    return memory.contents


def backup(repository: Repository, *paths: Path) -> BackupResult:
    names = tuple(str(path).encode() for path in paths)
    request = BackupRequest(paths=names, hostname=HOST, time=MOMENT)
    return run_backup(repository, request, SILENT, workers=1)


def documents(repository: Repository) -> dict[str, dict[bytes, bytes]]:
    """The content hash of every file of every snapshot: all of it reads."""
    index = repository.load_index()
    return {each.id: contents_of(repository, index, each.tree) for each in repository.snapshots()}


def copy_of(contents: dict[str, bytes]) -> MemoryBackend:
    memory = MemoryBackend()
    memory.contents = dict(contents)
    return memory


def count_operations(stored: dict[str, bytes], docs: Path) -> int:
    backend = FaultBackend(copy_of(stored))
    backup(Repository(backend, KEYS, CONFIG), docs)
    return len(backend.operations)


@pytest.mark.parametrize("fault", [Fault.STOP_AFTER, Fault.ERROR])
def test_a_fault_at_any_operation_harms_nothing_and_the_next_run_succeeds(
    fault: Fault, stored: dict[str, bytes], docs: Path
):
    before = documents(Repository(copy_of(stored), KEYS, CONFIG))
    operations = count_operations(stored, docs)
    assert operations >= 4  # packs of data and trees, an index, the snapshot
    for number in range(operations):
        memory = copy_of(stored)
        backend = FaultBackend(memory, fault_at(number, fault))
        with pytest.raises((Stopped, OpsError)):
            backup(Repository(backend, KEYS, CONFIG), docs)
        assert documents(Repository(memory, KEYS, CONFIG)).items() >= before.items()
        backup(Repository(memory, KEYS, CONFIG), docs)
        assert len(documents(Repository(memory, KEYS, CONFIG))) >= 2


def test_only_the_last_operation_makes_a_snapshot(stored: dict[str, bytes], docs: Path):
    backend = FaultBackend(copy_of(stored))
    backup(Repository(backend, KEYS, CONFIG), docs)
    kinds = [name.partition("/")[0] for _, name in backend.operations]
    assert kinds[-2:] == ["index", "snapshots"]
    assert set(kinds[:-2]) == {"data"}


def test_what_a_stopped_run_indexed_is_not_stored_again(stored: dict[str, bytes], docs: Path):
    memory = copy_of(stored)
    last = count_operations(stored, docs) - 1
    backend = FaultBackend(memory, fault_at(last, Fault.STOP_BEFORE))
    with pytest.raises(Stopped):
        backup(Repository(backend, KEYS, CONFIG), docs)
    # Folders above the documents may have changed meanwhile, and are stored then.
    assert backup(Repository(memory, KEYS, CONFIG), docs).saved.data_blobs == 0

"""The promises of ``Backend``, kept by every place that can hold a repository."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lpse_ops.backup.diskbackend import DiskBackend
from lpse_ops.backup.storage.backend import (
    CONFIG,
    Backend,
    FileKind,
    StoredFile,
    file_name,
    is_file_id,
)
from lpse_ops.backup.storage.fault import FaultBackend, LaggingBackend
from lpse_ops.backup.storage.limit import LimitedBackend
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.storage.retry import RetryBackend
from lpse_ops.backup.storage.transferlimit import TransferLimit
from lpse_ops.backup.storage.wrapper import BackendWrapper
from lpse_ops.backup.witness import save_witness
from lpse_ops.clock import SystemClock
from lpse_ops.errors import FileMissing

BACKENDS: dict[str, Callable[[Path], Backend]] = {
    "memory": lambda _: MemoryBackend(),
    "local": LocalBackend,
    "fault around memory": lambda _: FaultBackend(MemoryBackend()),
    "lag around memory": lambda _: LaggingBackend(MemoryBackend(), changes=0),
    "fault around local": lambda path: FaultBackend(LocalBackend(path)),
    "disk": lambda path: open_disk_folder(path),
    "wrapper around memory": lambda _: BackendWrapper(MemoryBackend()),
    "retry around memory": lambda _: RetryBackend(MemoryBackend()),
    "limit around memory": lambda _: LimitedBackend(MemoryBackend(), PLENTY, SystemClock()),
}
# Those on a server: the fixture that opens one in a folder, for the time of a test.
SERVED: dict[str, str] = {
    "sftp": "sftp_repositories",
    "sftp without extensions": "plain_sftp_repositories",
    "sftp over ssh": "openssh_repositories",
    "s3 of seaweedfs": "seaweedfs_repositories",
    "s3 of rclone": "rclone_repositories",
}
# Who shares a server shares a process: it takes seconds to start.
SERVERS = [
    pytest.param(name, marks=pytest.mark.xdist_group(name.partition(" ")[0])) for name in SERVED
]
PLENTY = TransferLimit(1 << 34)
ID = "ab" * 32
OTHER = "cd" * 32
NAMES = [CONFIG, *(file_name(kind, ID) for kind in FileKind)]


def open_disk_folder(path: Path) -> DiskBackend:
    path.mkdir()
    return DiskBackend(os.open(path, os.O_RDONLY | os.O_DIRECTORY), path, "disk-a")


@pytest.fixture(params=[*BACKENDS, *SERVERS])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """An empty place, not even prepared: a repository may have lost its folders."""
    if request.param in SERVED:
        opened: Backend = request.getfixturevalue(SERVED[request.param])(tmp_path / "repo")
        return opened
    return BACKENDS[request.param](tmp_path / "repo")


def listed(backend: Backend, kind: FileKind) -> list[StoredFile]:
    return list(backend.files(kind))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_is_loaded(backend: Backend, name: str) -> None:
    assert not backend.exists(name)
    backend.save(name, b"some content")
    assert backend.exists(name)
    assert backend.load(name) == b"some content"


def test_a_checkpoint_of_the_log_is_kept_beside_the_repository(backend: Backend) -> None:
    name = save_witness(backend, "lpse-contoh", 4, b"checkpoint")
    assert backend.load(name) == b"checkpoint"
    assert not any(listed(backend, kind) for kind in FileKind)


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (3, None, b"3456789"),
        (0, 4, b"0123"),
        (3, 4, b"3456"),
        (7, 3, b"789"),
        (2, 0, b""),
        (10, 0, b""),
    ],
)
def test_ranges(backend: Backend, offset: int, length: int | None, expected: bytes) -> None:
    backend.save(NAMES[1], b"0123456789")
    assert backend.load(NAMES[1], offset, length) == expected


@pytest.mark.parametrize(("offset", "length"), [(0, 11), (9, 2), (10, 1), (100, 1)])
def test_fewer_bytes_than_asked_for_are_an_error(
    backend: Backend, offset: int, length: int
) -> None:
    backend.save(NAMES[1], b"0123456789")
    with pytest.raises(FileMissing, match="shorter") as short:
        backend.load(NAMES[1], offset, length)
    assert "lpse-ops backup check" in short.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_an_error_that_names_it(backend: Backend, name: str) -> None:
    with pytest.raises(FileMissing, match=name) as missing:
        backend.load(name)
    assert "lpse-ops backup check" in missing.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_removing_is_final_and_removing_again_is_fine(backend: Backend, name: str) -> None:
    backend.save(name, b"x")
    backend.remove(name)
    backend.remove(name)
    assert not backend.exists(name)


@pytest.mark.parametrize("kind", FileKind)
def test_a_kind_without_files_is_empty(backend: Backend, kind: FileKind) -> None:
    assert listed(backend, kind) == []
    backend.prepare()
    assert listed(backend, kind) == []


@pytest.mark.parametrize("kind", FileKind)
def test_files_are_listed_with_their_size_under_their_kind_only(
    backend: Backend, kind: FileKind
) -> None:
    backend.prepare()
    backend.save(file_name(kind, OTHER), b"")
    backend.save(file_name(kind, ID), b"12345")
    backend.save(CONFIG, b"x")
    assert sorted(listed(backend, kind)) == [StoredFile(ID, 5), StoredFile(OTHER, 0)]
    assert not any(listed(backend, each) for each in FileKind if each is not kind)


@pytest.mark.parametrize(
    "name",
    [
        f"snapshots/{ID[:-1]}",
        f"snapshots/{ID}0",
        f"snapshots/{ID.upper()}",
        f"snapshots/{'g' * 64}",
        f"snapshots/{ID}-tmp-12345678",
        f"snapshots/ab/{ID}",
        f"snapshots/.{ID}",
        f"data/{ID}",
        f"data/cd/{ID}",
        f"data/ab/ab/{ID}",
        f"data/ab/{ID}-tmp-12345678",
        ID,
        f"lpse/{ID}",
        "README.txt",
    ],
)
def test_other_names_are_not_listed(backend: Backend, name: str) -> None:
    backend.save(name, b"x")
    assert not any(listed(backend, kind) for kind in FileKind)


@pytest.mark.parametrize("name", NAMES)
def test_saving_the_same_again_is_fine(backend: Backend, name: str) -> None:
    backend.save(name, b"same")
    backend.save(name, b"same")
    assert backend.load(name) == b"same"


def test_large_content(backend: Backend) -> None:
    content = bytes(range(256)) * (1 << 16)
    backend.save(NAMES[1], content)
    assert backend.load(NAMES[1]) == content
    assert backend.load(NAMES[1], 1 << 20, 1 << 20) == content[1 << 20 : 2 << 20]


def test_a_view_of_memory_is_content_and_may_change_afterwards(backend: Backend) -> None:
    buffer = bytearray(b"..content..")
    backend.save(NAMES[1], memoryview(buffer)[2:-2])
    buffer[:] = bytes(len(buffer))
    assert backend.load(NAMES[1]) == b"content"
    backend.save(NAMES[2], memoryview(b"abcdefgh").cast("I"))
    assert backend.load(NAMES[2]) == b"abcdefgh"


def test_threads_may_save_and_load_at_once(backend: Backend) -> None:
    contents = [b"%d" % number * 1000 for number in range(40)]

    def save(content: bytes) -> bool:
        name = file_name(FileKind.PACK, hashlib.sha256(content).hexdigest())
        backend.save(name, content)
        backend.save(file_name(FileKind.LOCK, ID), b"the same by all")
        return backend.load(name) == content and backend.exists(file_name(FileKind.LOCK, ID))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(save, contents))
    assert len(listed(backend, FileKind.PACK)) == len(contents)
    assert listed(backend, FileKind.LOCK) == [StoredFile(ID, 15)]


def test_it_says_where_it_is(backend: Backend) -> None:
    assert backend.location


def test_names_of_the_format() -> None:
    assert [file_name(kind, ID) for kind in FileKind] == [
        f"data/ab/{ID}",
        f"index/{ID}",
        f"snapshots/{ID}",
        f"keys/{ID}",
        f"locks/{ID}",
    ]


@pytest.mark.parametrize(
    ("text", "is_id"),
    [
        (ID, True),
        ("", False),
        (ID[1:], False),
        (ID.upper(), False),
        ("٣" * 64, False),
        (ID[:-1] + "\n", False),
    ],
)
def test_an_id_is_64_lower_case_hex_digits(text: str, is_id: bool) -> None:
    assert is_file_id(text) is is_id

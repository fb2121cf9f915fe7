"""What a worker says of small files: in memory or not, as they had looked or not."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.smallread import SmallReads

# More than are on their way from a disk at once.
MANY = 100
LONG_AGO = 1_600_000_000_000_000_000


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return path


def describe(path: Path, look: os.stat_result | None = None) -> bytes:
    """A request for one file."""
    status = look or path.lstat()
    raw = os.fsencode(path)
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return wm.READ_ITEM.pack(status.st_size, status.st_ino, *times, len(raw)) + raw


def read(requests: list[bytes], room: int = 1 << 20) -> tuple[list[int], list[bytes], bytes]:
    """Flags, ids, and what stands in the buffer."""
    content = bytearray(room)
    with memoryview(content) as view:
        answer = SmallReads(view).read(b"".join(requests), 0)
    flags, ids = answer[: len(requests)], answer[len(requests) :]
    return list(flags), [ids[i : i + 32] for i in range(0, len(ids), 32)], bytes(content)


def forget(path: Path) -> None:
    """Take a file out of the page cache."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("is_cold", [False, True], ids=["in memory", "on disk"])
def test_files_are_read_one_behind_the_other(tmp_path: Path, is_cold: bool) -> None:
    contents = [os.urandom(i * 97 % 5000) for i in range(MANY)]
    paths = [write(tmp_path / str(i), each) for i, each in enumerate(contents)]
    requests = [describe(path) for path in paths]
    if is_cold:
        for path in paths:
            forget(path)
    flags, ids, found = read(requests)
    assert flags == [wm.PLAIN] * MANY
    assert ids == [hashlib.sha256(each).digest() for each in contents]
    assert found.startswith(b"".join(contents))


def test_what_is_not_as_it_looked_is_to_be_read_again(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole", b"as it was")
    odd = [write(tmp_path / name, b"before") for name in ("grown", "shrunk", "touched", "gone")]
    odd += [write(tmp_path / name, b"before") for name in ("replaced", "folder", "fifo", "link")]
    requests = [describe(path) for path in odd]
    with odd[0].open("ab") as file:
        file.write(b" and after")
    odd[1].write_bytes(b"b")
    os.utime(odd[2])
    for path in odd[3:]:
        path.unlink()
    write(odd[4], b"beside")
    odd[5].mkdir()
    os.mkfifo(odd[6])
    odd[7].symlink_to(whole)
    flags, ids, _ = read([*requests, describe(whole)])
    assert flags == [wm.READ_AGAIN] * len(odd) + [wm.PLAIN]
    assert ids[-1] == hashlib.sha256(b"as it was").digest()


def test_a_file_on_disk_that_shrank_is_to_be_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "document", bytes(100_000))
    request = describe(path)
    os.truncate(path, 10)
    forget(path)
    assert read([request])[0] == [wm.READ_AGAIN]


def test_a_file_on_disk_that_grew_leaves_its_neighbour_whole(tmp_path: Path) -> None:
    log = write(tmp_path / "log", b"before")
    beside = write(tmp_path / "beside", b"signed")
    requests = [describe(log), describe(beside)]
    with log.open("ab") as file:
        file.write(b" and after")
    # Read last, however quickly it could be.
    forget(log)
    flags, ids, found = read(requests)
    assert flags == [wm.READ_AGAIN, wm.PLAIN]
    assert ids[1] == hashlib.sha256(b"signed").digest()
    assert found[6:12] == b"signed"


def test_attributes_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "document", b"signed")
    os.setxattr(path, "user.note", b"x")
    assert read([describe(path)])[0] == [wm.HAS_XATTRS]


def test_no_file_stays_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    paths = [write(tmp_path / str(i), bytes(i)) for i in range(MANY)]
    requests = [describe(path) for path in paths]
    for path in paths[::2]:
        os.truncate(path, 1000)
        forget(path)
    read(requests)
    assert os.listdir("/proc/self/fd") == before


def test_a_python_that_cannot_ask_without_waiting_waits(tmp_path: Path) -> None:
    write(tmp_path / "document", b"signed")
    program = (
        "import os, sys; del os.RWF_NOWAIT;"
        "from pathlib import Path; from tests.backup.test_smallread import describe, read;"
        "assert read([describe(Path(sys.argv[1]))])[0] == [0]"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "document"], check=True)

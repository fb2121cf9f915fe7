"""What a disk can do to a repository; as root, with small file systems of its own."""

import errno
import os
import resource
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lpse_ops.backup.storage.backend import CONFIG, FileKind, StoredFile, is_file_id
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.errors import FileMissing, StorageError
from tests.backup.smalldisk import make_read_only, mount_small_disk

ID = "ab" * 32
PACK = f"data/ab/{ID}"
SNAPSHOT = f"snapshots/{ID}"
DAY = 24 * 3600
NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "repo"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    with mount_small_disk(tmp_path / "disk") as folder:
        yield folder


@contextmanager
def another_user() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def everything_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def die_while_saving(root: Path) -> None:
    """Save a pack in a process that the kernel kills in the middle of its bytes."""
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        LocalBackend(root).save(PACK, bytes(1_000_000))
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGXFSZ


def test_prepare_lays_out_what_restic_lays_out(root: Path) -> None:
    LocalBackend(root).prepare()
    LocalBackend(root).prepare()
    assert {path.name for path in root.iterdir()} == set(FileKind)
    assert len(list((root / "data").iterdir())) == 256


def test_missing_folders_are_made_on_demand_and_closed_to_others(root: Path) -> None:
    LocalBackend(root / "not" / "there").save(PACK, b"x")
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    assert len(folders) == 5
    assert {mode_of(folder) for folder in folders} == {0o700}


def test_files_are_read_only(root: Path) -> None:
    LocalBackend(root).save(PACK, b"x")
    assert mode_of(root / PACK) == 0o400


@pytest.mark.parametrize(
    ("config", "file", "folder"),
    [(0o400, 0o400, 0o700), (0o600, 0o400, 0o700), (0o440, 0o440, 0o770), (0o664, 0o440, 0o770)],
)
def test_a_repository_whose_config_the_group_reads_is_open_to_the_group(
    root: Path, config: int, file: int, folder: int
) -> None:
    LocalBackend(root).save(CONFIG, b"x")
    (root / CONFIG).chmod(config)
    before = os.umask(0)
    try:
        LocalBackend(root).save(PACK, b"x")
    finally:
        os.umask(before)
    assert (mode_of(root / PACK), mode_of((root / PACK).parent)) == (file, folder)


def test_a_crash_in_the_middle_leaves_nothing_under_a_real_name(root: Path) -> None:
    die_while_saving(root)
    (left,) = (root / PACK).parent.iterdir()
    assert left.name.startswith(f"{ID}-tmp-")
    assert left.stat().st_size == 100_000
    assert not is_file_id(left.name)
    backend = LocalBackend(root)
    assert not backend.exists(PACK)
    assert list(backend.files(FileKind.PACK)) == []
    backend.save(PACK, b"the whole pack")
    assert backend.load(PACK) == b"the whole pack"


def test_junk_of_a_crash_is_removed_after_a_day(root: Path) -> None:
    backend = LocalBackend(root)
    backend.prepare()
    die_while_saving(root)
    for name in (f"{SNAPSHOT}-tmp-0123abcd", "config-tmp-0123abcd"):
        (root / name).touch()
    junk = everything_below(root)
    assert len(junk) == 3
    backend.remove_junk()
    assert everything_below(root) == junk
    for name in junk:
        os.utime(root / name, (0, time.time() - DAY - 60))
    backend.remove_junk()
    assert everything_below(root) == []


def test_old_files_that_are_no_junk_stay(root: Path) -> None:
    backend = LocalBackend(root)
    kept = [CONFIG, SNAPSHOT, PACK, "README-tmp-x", "lpse/note"]
    for name in kept:
        backend.save(name, b"x")
        os.utime(root / name, (0, 0))
    backend.remove_junk()
    assert everything_below(root) == sorted(kept)
    LocalBackend(root / "not there").remove_junk()


def test_old_files_of_others_stay_however_they_are_called(root: Path) -> None:
    """A repository at the root of a portable disk is one of many things on it."""
    backend = LocalBackend(root)
    backend.prepare()
    others = [
        "surat-tmp-20240101",
        "foto/laporan-tmp-20240101",
        f"foto/{'ab' * 32}-tmp-0123abcd",
        "foto/config-tmp-0123abcd",
        f"{'ab' * 32}-tmp-0123abcd",
        "data/laporan-tmp-20240101",
        "data/xy/laporan-tmp-20240101",
        f"{SNAPSHOT}-tmp-0123ABCD",
        f"{PACK}-tmp-0123abcde",
        "lpse/config-tmp-0123abcd",
    ]
    junk = [f"{PACK}-tmp-0123abcd", "lpse/orphans-tmp-0123abcd", "config-tmp-0123abcd"]
    for name in (*others, *junk):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
        os.utime(root / name, (0, 0))
    backend.remove_junk()
    assert everything_below(root) == sorted(others)


def test_a_full_disk_fails_and_leaves_nothing(small_disk: Path) -> None:
    backend = LocalBackend(small_disk)
    backend.save(SNAPSHOT, b"stored before")
    with pytest.raises(StorageError, match="No space left") as full:
        backend.save(PACK, bytes(2 << 20))
    assert f"df -h {small_disk}" in full.value.hint
    assert everything_below(small_disk) == [SNAPSHOT]
    backend.save(PACK, bytes(500_000))
    assert backend.load(SNAPSHOT) == b"stored before"


def test_a_read_only_disk_is_named_as_such(small_disk: Path) -> None:
    backend = LocalBackend(small_disk)
    backend.save(SNAPSHOT, b"x")
    make_read_only(small_disk)
    for change in (lambda: backend.save(PACK, b"x"), lambda: backend.remove(SNAPSHOT)):
        with pytest.raises(StorageError, match="Read-only file system") as refused:
            change()
        assert "mounted read-only" in refused.value.hint
    assert backend.load(SNAPSHOT) == b"x"


def test_another_user_is_told_whose_it_is(small_disk: Path) -> None:
    small_disk.parent.chmod(0o755)
    backend = LocalBackend(small_disk / "repo")
    backend.save(SNAPSHOT, b"x")
    acts: list[Callable[[], object]] = [
        lambda: backend.load(SNAPSHOT),
        lambda: backend.exists(CONFIG),
        lambda: backend.save(PACK, b"x"),
        lambda: backend.remove(SNAPSHOT),
        lambda: list(backend.files(FileKind.SNAPSHOT)),
    ]
    for act in acts:
        with another_user(), pytest.raises(StorageError, match="Permission denied") as refused:
            act()
        assert not isinstance(refused.value, FileMissing)
        assert "ls -ld" in refused.value.hint


def test_a_file_where_the_folder_should_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "repo").write_text("no folder")
    backend = LocalBackend(tmp_path / "repo")
    with pytest.raises(StorageError):
        backend.save(PACK, b"x")
    with pytest.raises(StorageError):
        backend.prepare()
    assert not backend.exists(CONFIG)
    assert list(backend.files(FileKind.PACK)) == []


def test_a_failing_disk_is_an_error_with_the_reason(root: Path) -> None:
    (root / CONFIG).mkdir(parents=True)
    with pytest.raises(StorageError, match=os.strerror(errno.EISDIR)) as failed:
        LocalBackend(root).load(CONFIG)
    assert "dmesg" in failed.value.hint


def test_only_regular_files_are_listed(root: Path) -> None:
    backend = LocalBackend(root)
    (root / SNAPSHOT).mkdir(parents=True)
    (root / "snapshots" / ("cd" * 32)).symlink_to("nowhere")
    backend.save("snapshots/" + "ef" * 32, b"123")
    assert list(backend.files(FileKind.SNAPSHOT)) == [StoredFile("ef" * 32, 3)]


def test_a_listing_goes_on_when_a_file_is_removed_meanwhile(root: Path) -> None:
    backend = LocalBackend(root)
    for digits in ("ab", "cd", "ef"):
        backend.save("locks/" + digits * 32, b"x")
    listing = backend.files(FileKind.LOCK)
    assert next(listing).id == "ab" * 32
    backend.remove("locks/" + "cd" * 32)
    assert [file.id for file in listing] == ["ef" * 32]


def test_a_repository_may_be_reached_through_a_link(root: Path, tmp_path: Path) -> None:
    LocalBackend(root).save(PACK, b"x")
    (tmp_path / "link").symlink_to(root)
    backend = LocalBackend(tmp_path / "link")
    backend.save(SNAPSHOT, b"y")
    assert [file.id for file in backend.files(FileKind.PACK)] == [ID]
    assert (root / SNAPSHOT).exists()

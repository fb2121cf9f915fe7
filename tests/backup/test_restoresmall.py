"""Small files by the batch: by a worker and by the main process, plain ones and odd ones.

What a restore must do with files of every kind is in ``test_restorer``, which also runs with a
worker; here is what only batches can get wrong.
"""

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.readpool import ReadPool
from lpse_ops.backup.restorebatch import restoring_handler
from lpse_ops.backup.restorer import restore
from lpse_ops.backup.restorereport import RestoreOptions, RestoreReport
from lpse_ops.backup.restoresmall import is_small
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import RestoreFailed
from tests.backup.repositories import RepositoryBuilder, dir_node, file_node, make_local

FILES = 1000


@pytest.fixture
def builder(tmp_path: Path) -> RepositoryBuilder:
    return RepositoryBuilder(make_local(tmp_path / "repo"))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


@pytest.fixture
def pool() -> Iterator[ReadPool]:
    with closing(ReadPool(lambda: restoring_handler, 1)) as pool:
        yield pool


def run(
    builder: RepositoryBuilder,
    pool: ReadPool,
    tree: bytes,
    target: Path,
    options: RestoreOptions | None = None,
) -> RestoreReport:
    assert pool.open(builder.repository)
    index = builder.repository.load_index()
    return restore(builder.repository, index, tree, target, options, SILENT, pool)


def many_files(builder: RepositoryBuilder) -> tuple[bytes, dict[str, bytes]]:
    """A tree of folders with small files of one or more blobs, some of them shared."""
    chance = Random(7)
    wanted: dict[str, bytes] = {}
    folders = []
    for folder in range(10):
        nodes = []
        for number in range(FILES // 10):
            pieces = [
                chance.randbytes(chance.randrange(1, 3000)) for _ in range(chance.choice([1, 1, 3]))
            ]
            if number % 10 == 0:
                pieces = [b"the same everywhere"]
            name = f"{number:04d}"
            nodes.append(builder.file(name.encode(), *pieces, mode=0o640, uid=12, gid=34))
            wanted[f"{folder}/{name}"] = b"".join(pieces)
        folders.append(dir_node(b"%d" % folder, builder.tree(*nodes)))
    tree = builder.tree(*folders)
    builder.save()
    return tree, wanted


@pytest.mark.parametrize("unnamed", [True, False])
def test_many_files(builder: RepositoryBuilder, pool: ReadPool, target: Path, *, unnamed: bool):
    tree, wanted = many_files(builder)
    report = run(builder, pool, tree, target, RestoreOptions(unnamed=unnamed, verify=True))
    assert (report.errors, report.warnings) == ([], [])
    assert (report.files_restored, report.verified_files, report.dirs) == (FILES, FILES, 10)
    assert report.bytes_written == sum(map(len, wanted.values()))
    found = {
        str(path.relative_to(target)): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file()
    }
    assert found == wanted
    modes = {stat.S_IMODE((target / name).stat().st_mode) for name in wanted}
    times = {(target / name).stat().st_mtime_ns for name in wanted}
    folder_times = {(target / str(number)).stat().st_mtime_ns for number in range(10)}
    assert modes == {0o640}
    assert times == folder_times == {1_700_000_000_123_456_789}


def test_what_was_there_makes_way(builder: RepositoryBuilder, pool: ReadPool, target: Path):
    tree, wanted = many_files(builder)
    outside = target.parent / "outside"
    outside.write_text("mine")
    (target / "3").mkdir(parents=True)
    (target / "3" / "0001").symlink_to(outside)
    (target / "3" / "0002").write_text("old")
    (target / "3" / "0003").mkdir()
    assert run(builder, pool, tree, target).errors == []
    for name in ("3/0001", "3/0002", "3/0003"):
        assert (target / name).read_bytes() == wanted[name]
        assert not (target / name).is_symlink()
    assert outside.read_text() == "mine"
    assert len(os.listdir(target / "3")) == FILES // 10


def test_one_failure_costs_one_file(builder: RepositoryBuilder, pool: ReadPool, target: Path):
    tree, _ = many_files(builder)
    (target / "3" / "0001" / "in the way").mkdir(parents=True)
    report = run(builder, pool, tree, target)
    assert report.errors == [(b"/3/0001", "Directory not empty")]
    assert report.files_restored == FILES - 1


def test_a_damaged_blob_of_a_batch_is_taken_from_another_pack(
    builder: RepositoryBuilder, pool: ReadPool, target: Path
):
    repository = builder.repository
    shared, lonely = builder.blob(b"stored twice"), builder.blob(b"stored once")
    builder.save()
    for blob_id in (shared, lonely):
        [place] = repository.load_index().locations(BlobType.DATA, blob_id)
        name = file_name(FileKind.PACK, place.pack_id.hex())
        content = bytearray(repository.backend.load(name))
        content[place.entry.offset + 20] ^= 1
        repository.backend.save(name, content)
    tree = builder.tree(
        builder.file(b"1", b"good"),
        builder.file(b"2", b"stored twice", b"and more"),
        file_node(b"3", [lonely], size=11),
        builder.file(b"4", b"good too"),
    )
    builder.save()
    report = run(builder, pool, tree, target)
    assert [path for path, _ in report.errors] == [b"/3"]
    assert "MAC" in report.errors[0][1]
    assert report.files_restored == 3
    assert (target / "2").read_bytes() == b"stored twiceand more"
    assert sorted(os.listdir(target)) == ["1", "2", "4"]


def test_a_batch_too_large_for_a_message(builder: RepositoryBuilder, pool: ReadPool, target: Path):
    nodes = [builder.file(b"%d" % number, b"x", user="u" * 100_000) for number in range(3)]
    tree = builder.tree(*nodes)
    builder.save()
    report = run(builder, pool, tree, target)
    assert (report.errors, report.files_restored) == ([], 3)
    assert len(os.listdir(target)) == 3


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount: run as root")
def test_a_full_disk_is_one_clear_error(builder: RepositoryBuilder, pool: ReadPool, target: Path):
    nodes = [builder.file(b"%03d" % number, os.urandom(20_000)) for number in range(200)]
    tree = builder.tree(*nodes)
    builder.save()
    target.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", target], check=True)
    try:
        with pytest.raises(RestoreFailed, match="No space left"):
            run(builder, pool, tree, target)
        pool.close()  # the last batch may still be on its way
        assert os.listdir(target)
        assert all(path.stat().st_size == 20_000 for path in target.iterdir())
    finally:
        subprocess.run(["umount", target], check=True)


def test_what_is_small(builder: RepositoryBuilder):
    plain = builder.file(b"f", b"x")
    builder.save()
    index = builder.repository.load_index()
    places = list(index.locations(BlobType.DATA, plain.content[0]))
    assert is_small(plain, places, 1)
    assert not is_small(plain, places, 1 << 20)
    assert not is_small(plain, places * 9, 9)
    assert not is_small(plain, [], 0)
    assert not is_small(plain._replace(xattrs=((b"user.x", b"y"),)), places, 1)
    assert not is_small(plain._replace(links=2, inode=7), places, 1)

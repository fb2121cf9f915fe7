"""One file as a stream, a folder as a tar archive."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from lpse_ops.backup.dump import write_file
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.restorer import folder_tree
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.tardump import write_tar
from lpse_ops.errors import DamagedRepository, RepositoryError
from tests.backup.nasty_tree import describe_tree, make_nasty_tree
from tests.backup.repositories import (
    RepositoryBuilder,
    back_up,
    dir_node,
    link_node,
    make_local,
    make_repository,
)


@pytest.fixture
def builder() -> RepositoryBuilder:
    return RepositoryBuilder(make_repository(MemoryBackend()))


def dump(builder: RepositoryBuilder, node: Node) -> bytes:
    builder.save()
    out = io.BytesIO()
    count = write_file(builder.repository, builder.repository.load_index(), node, out)
    assert count == len(out.getvalue())
    return out.getvalue()


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_a_file_in_order(builder: RepositoryBuilder, count: int):
    pieces = [os.urandom(1000 + number) for number in range(count)]
    assert dump(builder, builder.file(b"f", *pieces)) == b"".join(pieces)


def test_only_a_file_can_be_dumped(builder: RepositoryBuilder):
    with pytest.raises(RepositoryError, match="l is a symlink, not a file"):
        dump(builder, link_node(b"l", b"x"))


def test_a_damaged_file_is_an_error_and_no_wrong_byte_is_written(builder: RepositoryBuilder):
    node = builder.file(b"f", *(bytes([number]) * 1000 for number in range(20)))
    builder.save()
    repository = builder.repository
    index = repository.load_index()
    [place] = index.locations(BlobType.DATA, node.content[12])
    name = file_name(FileKind.PACK, place.pack_id.hex())
    content = bytearray(repository.backend.load(name))
    content[place.entry.offset + 20] ^= 1
    repository.backend.save(name, content)
    out = io.BytesIO()
    with pytest.raises(DamagedRepository):
        write_file(repository, index, node, out)
    assert out.getvalue() == b"".join(bytes([number]) * 1000 for number in range(12))


def test_a_reader_that_goes_away_ends_the_dump(builder: RepositoryBuilder):
    node = builder.file(b"f", *(bytes([number]) * 1000 for number in range(50)))
    builder.save()

    class Closed:
        def write(self, _content: bytes) -> None:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        write_file(builder.repository, builder.repository.load_index(), node, Closed())


def test_tar_unpacks_to_the_same_nasty_tree(tmp_path: Path):
    """Judged by GNU tar, which sets everything but attributes that only root may know of."""
    source = tmp_path / "source"
    make_nasty_tree(source)
    repository = make_local(tmp_path / "repo")
    tree = back_up(repository, source).snapshot.tree
    index = repository.load_index()
    with (tmp_path / "out.tar").open("wb") as out:
        count = write_tar(
            repository, index, folder_tree(repository, index, tree, os.fsencode(source)), out
        )
    (tmp_path / "out").mkdir()
    subprocess.run(
        ["tar", "-x", "--xattrs", "--xattrs-include=*", "-pf", "out.tar", "-C", "out"],
        cwd=tmp_path,
        check=True,
    )
    before, after = describe_tree(source), describe_tree(tmp_path / "out")
    assert count == len(before) - 1
    assert before.keys() == after.keys()
    different = {path for path in before if path != b"." and before[path] != after[path]}
    # tar writes times before 1970 in whole seconds.
    assert different <= {b"times/time-0", b"times/time-0-link"}


def test_tar_of_odd_sizes_stays_readable(builder: RepositoryBuilder):
    """The blobs count, not what the entry promises."""
    tree = builder.tree(
        builder.file(b"a", b"four", size=400),
        builder.file(b"b", b"x" * 700, b"y" * 900),
        dir_node(b"d", builder.tree(builder.file(b"\xff" * 200, b"z", links=2, inode=9))),
        builder.file(b"e", b"z", links=2, inode=9),
        Node(b"s", "socket", 1 << 24, *(["2026-01-02T03:04:05Z"] * 3)),
    )
    builder.save()
    out = io.BytesIO()
    assert write_tar(builder.repository, builder.repository.load_index(), tree, out) == 5
    out.seek(0)
    with tarfile.open(fileobj=out, errors="surrogateescape") as archive:
        assert [member.name for member in archive] == ["a", "b", "d", "d/" + "\udcff" * 200, "e"]
        member = archive.extractfile("b")
        assert member is not None
        assert member.read() == b"x" * 700 + b"y" * 900
        assert archive.getmember("e").linkname == "d/" + "\udcff" * 200

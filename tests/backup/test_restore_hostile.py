"""Neither a repository nor what lies in the target can make a restore write anywhere else."""

import json
import os
import stat
from contextlib import closing
from pathlib import Path

import pytest

from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.readpool import ReadPool
from lpse_ops.backup.restorebatch import restoring_handler
from lpse_ops.backup.restorer import restore
from lpse_ops.backup.restorereport import RestoreOptions, RestoreReport
from lpse_ops.backup.restoretarget import create_file, open_target
from lpse_ops.backup.storage.memory import MemoryBackend
from tests.backup.repositories import (
    TIME,
    RepositoryBuilder,
    dir_node,
    file_node,
    link_node,
    make_local,
    make_repository,
)

TIME_NS = 1_700_000_000_123_456_789
SECRET = b"root:*:0:0:99999:7:::"


@pytest.fixture(params=["alone", "with a worker"])
def builder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> RepositoryBuilder:
    """Only a repository in a folder has workers."""
    if request.param == "alone":
        return RepositoryBuilder(make_repository(MemoryBackend()))
    return RepositoryBuilder(make_local(tmp_path_factory.mktemp("repo")))


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that no restore may touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "shadow").write_bytes(SECRET)
    os.chmod(folder / "shadow", 0o600)
    os.utime(folder / "shadow", ns=(TIME_NS, TIME_NS))
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def _nothing_outside_changes(outside: Path):
    before = look(outside)
    yield
    assert look(outside) == before


def look(folder: Path) -> list[tuple[str, int, int, int, bytes]]:
    return [
        (path.name, status.st_mode, status.st_uid, status.st_mtime_ns, path.read_bytes())
        for path in sorted(folder.iterdir())
        for status in [path.lstat()]
    ]


def run(builder: RepositoryBuilder, target: Path, *nodes: Node, **options: bool) -> RestoreReport:
    tree = builder.tree(*nodes)
    builder.save()
    repository = builder.repository
    index = repository.load_index()
    with closing(ReadPool(lambda: restoring_handler, 1)) as made:
        pool = made if made.open(repository) else None
        return restore(repository, index, tree, target, RestoreOptions(**options), SILENT, pool)


# -- the repository ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/etc", "../outside/shadow", "x\\x00y", "\\x2e\\x2e", "a\\x2fb"]
)
def test_names_that_lead_elsewhere(builder: RepositoryBuilder, target: Path, name: str):
    node = {"name": name, "type": "file", "mtime": TIME, "atime": TIME, "ctime": TIME}
    bad = builder.raw_tree(json.dumps({"nodes": [node | {"content": []}]}).encode())
    report = run(builder, target, dir_node(b"d", bad))
    assert [path for path, _ in report.errors] == [b"/d"]
    assert sorted(os.listdir(target)) == ["d"]
    assert os.listdir(target / "d") == []


def test_a_link_and_a_folder_of_the_same_name(
    builder: RepositoryBuilder, outside: Path, target: Path
):
    """First a link to a folder outside, then a folder of that name with a file in it."""
    inner = builder.tree(builder.file(b"shadow", b"hacked"))
    nodes = [
        {
            "name": "a",
            "type": "symlink",
            "mode": 134218239,
            "linktarget": str(outside),
            "content": None,
        },
        {"name": "a", "type": "dir", "mode": 2147484141, "subtree": inner.hex(), "content": None},
    ]
    times = {"mtime": TIME, "atime": TIME, "ctime": TIME}
    bad = builder.raw_tree(json.dumps({"nodes": [node | times for node in nodes]}).encode())
    report = run(builder, target, dir_node(b"d", bad))
    assert "out of order" in report.errors[0][1]
    assert os.listdir(target / "d") == []


def test_a_folder_that_holds_itself(builder: RepositoryBuilder, target: Path):
    """No hash can hold itself, but an index may name any bytes: the content must match."""
    fake = bytes(range(32))
    text = json.dumps(
        {"nodes": [{"name": "d", "type": "dir", "subtree": fake.hex(), "content": None}]}
    )
    builder.stored_blob(fake, text.encode(), 0, BlobType.TREE)
    report = run(builder, target, dir_node(b"d", fake))
    assert "does not match its id" in report.errors[0][1]


def test_blobs_that_are_not_what_their_id_says(builder: RepositoryBuilder, target: Path):
    fake = bytes(range(32))
    builder.stored_blob(fake, b"anything")
    bomb = builder.repository.compressor.compress(bytes(50_000_000))
    builder.stored_blob(fake[::-1], bomb, 100)
    report = run(builder, target, file_node(b"f", [fake]), file_node(b"g", [fake[::-1]]))
    assert sorted(path for path, _ in report.errors) == [b"/f", b"/g"]
    assert os.listdir(target) == []


def test_absurd_devices_modes_and_attributes_are_reported(builder: RepositoryBuilder, target: Path):
    huge = (1 << 64) - 1
    report = run(
        builder,
        target,
        builder.file(b"a", b"x", uid=(1 << 32) - 2, gid=(1 << 32) - 2),
        Node(b"b", "dev", 1 << 26, TIME, TIME, TIME, device=huge),
        builder.file(b"c", b"x", mode=(1 << 32) - 1),
        builder.file(b"d", b"x", xattrs=((b"nonsense", b""), (b"user." + b"x" * 300, b""))),
    )
    failed = {path for path, _ in report.errors}
    assert failed == {b"/b", b"/d"}
    assert sorted(os.listdir(target)) == ["a", "c", "d"]


def test_a_name_longer_than_the_file_system_takes(builder: RepositoryBuilder, target: Path):
    empty = builder.tree(builder.file(b"f", b"x"))
    report = run(
        builder,
        target,
        builder.file(b"f" * 256, b"x"),
        builder.file(b"g", b"x"),
        dir_node(b"h" * 256, empty),
        link_node(b"l" * 256, b"x"),
    )
    assert len(report.errors) == 3
    assert sorted(os.listdir(target)) == ["g"]


def test_links_with_targets_no_file_system_takes(builder: RepositoryBuilder, target: Path):
    report = run(builder, target, link_node(b"a", b""), link_node(b"b", b"x" * 5000))
    assert {path for path, _ in report.errors} == {b"/a", b"/b"}
    report = run(builder, target, link_node(b"c", b"x\0y"), builder.file(b"d", b"x"))
    assert {path for path, _ in report.errors} == {b"/c"}
    assert sorted(os.listdir(target)) == ["d"]


# -- the target ----------------------------------------------------------------------------------


def test_a_link_where_a_folder_belongs_is_replaced(
    builder: RepositoryBuilder, outside: Path, target: Path
):
    (target / "d").symlink_to(outside)
    inner = builder.tree(builder.file(b"shadow", b"new"))
    report = run(builder, target, dir_node(b"d", inner), verify=True)
    assert report.errors == []
    assert not (target / "d").is_symlink()
    assert (target / "d" / "shadow").read_bytes() == b"new"


@pytest.mark.parametrize("verify", [False, True])
def test_a_link_where_a_file_belongs_is_replaced(
    builder: RepositoryBuilder, outside: Path, target: Path, verify: bool
):
    (target / "f").symlink_to(outside / "shadow")
    report = run(builder, target, builder.file(b"f", SECRET, mode=0o666), verify=verify)
    assert (report.errors, report.files_restored) == ([], 1)
    assert not (target / "f").is_symlink()


@pytest.mark.parametrize("verify", [False, True])
def test_another_name_of_a_file_outside_is_not_written_through(
    builder: RepositoryBuilder, outside: Path, target: Path, verify: bool
):
    """Neither content nor owner and mode, although size and time are the same."""
    os.link(outside / "shadow", target / "f")
    node = builder.file(b"f", SECRET, mode=0o666, uid=1000, gid=1000)
    assert run(builder, target, node, verify=verify).files_restored == 1
    assert not (target / "f").samefile(outside / "shadow")


def test_links_where_specials_and_links_belong(
    builder: RepositoryBuilder, outside: Path, target: Path
):
    for name in ("fifo", "link", "hard"):
        (target / name).symlink_to(outside / "shadow")
    report = run(
        builder,
        target,
        builder.file(b"a", b"x", links=2, inode=5),
        Node(b"fifo", "fifo", 1 << 25 | 0o666, TIME, TIME, TIME, uid=1000),
        builder.file(b"hard", b"x", links=2, inode=5),
        link_node(b"link", b"elsewhere", uid=1000),
    )
    assert report.errors == []
    assert stat.S_ISFIFO((target / "fifo").lstat().st_mode)
    assert os.readlink(target / "link") == "elsewhere"
    assert (target / "hard").samefile(target / "a")
    assert sorted(os.listdir(target)) == ["a", "fifo", "hard", "link"]


def test_a_fifo_where_a_file_belongs_does_not_block(builder: RepositoryBuilder, target: Path):
    os.mkfifo(target / "f")
    assert run(builder, target, builder.file(b"f", b"x"), verify=True).errors == []
    assert (target / "f").read_bytes() == b"x"


def test_a_file_where_a_folder_belongs_is_replaced(builder: RepositoryBuilder, target: Path):
    (target / "d").write_text("in the way")
    inner = builder.tree(builder.file(b"f", b"x"))
    assert run(builder, target, dir_node(b"d", inner)).errors == []
    assert (target / "d" / "f").read_bytes() == b"x"


def test_only_an_empty_folder_makes_way_for_a_file(builder: RepositoryBuilder, target: Path):
    (target / "a").mkdir()
    (target / "b").mkdir()
    (target / "b" / "kept").write_text("mine")
    (target / "c").mkdir()
    (target / "c" / "kept").write_text("mine")
    report = run(
        builder,
        target,
        builder.file(b"a", b"x"),
        builder.file(b"b", b"x"),
        link_node(b"c", b"x"),
    )
    assert dict(report.errors) == {
        b"/b": "Directory not empty",
        b"/c": "Directory not empty",
    }
    assert (target / "a").read_bytes() == b"x"
    assert (target / "b" / "kept").read_text() == (target / "c" / "kept").read_text() == "mine"
    assert sorted(os.listdir(target)) == ["a", "b", "c"]


def test_restoring_the_hard_links_again_keeps_no_leftovers(
    builder: RepositoryBuilder, target: Path
):
    nodes = [builder.file(name, b"x", links=2, inode=5) for name in (b"a", b"b", b"c")]
    for _ in range(3):
        assert run(builder, target, *nodes).errors == []
        assert sorted(os.listdir(target)) == ["a", "b", "c"]
        assert (target / "a").stat().st_nlink == 3


def test_new_files_cannot_be_seen_until_they_are_complete(builder: RepositoryBuilder, target: Path):
    """Seen through a progress that looks while the file is being written."""
    seen: list[list[str]] = []

    class Looking:
        def advance(self, _size_bytes: int) -> None:
            seen.append(os.listdir(target))

    tree = builder.tree(builder.file(b"f", b"1", b"2", mode=1 << 23 | 0o755))
    builder.save()
    restore(builder.repository, builder.repository.load_index(), tree, target, None, Looking())
    assert seen == [[], []]
    assert stat.S_IMODE((target / "f").stat().st_mode) == 0o4755


@pytest.mark.parametrize("unnamed", [True, False])
def test_new_files_are_private(target: Path, *, unnamed: bool):
    folder = open_target(os.fsencode(target))
    descriptor, is_named = create_file(folder, b"t", unnamed=unnamed)
    assert stat.S_IMODE(os.fstat(descriptor).st_mode) == 0o600
    assert os.listdir(target) == (["t"] if is_named else [])
    assert is_named is not unnamed
    os.close(descriptor)
    folder.close()

"""What a restore writes, keeps and reports; on real folders."""

import os
import resource
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lpse_ops.backup.exclude import Excludes, Includes
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import SILENT, Progress
from lpse_ops.backup.readpool import ReadPool
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restorebatch import restoring_handler
from lpse_ops.backup.restorer import folder_tree, restore
from lpse_ops.backup.restorereport import RestoreOptions, RestoreReport
from lpse_ops.backup.restoreverify import verify_tree
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import DamagedRepository, OpsError, RepositoryError, RestoreFailed
from tests.backup.nasty_tree import describe_tree, make_nasty_tree
from tests.backup.repositories import (
    TIME,
    RepositoryBuilder,
    back_up,
    dir_node,
    file_node,
    link_node,
    make_local,
    make_repository,
)

TIME_NS = 1_700_000_000_123_456_789


@pytest.fixture(params=["alone", "with a worker"])
def builder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> RepositoryBuilder:
    """Only a repository in a folder has workers."""
    if request.param == "alone":
        return RepositoryBuilder(make_repository(MemoryBackend()))
    return RepositoryBuilder(make_local(tmp_path_factory.mktemp("repo")))


def run(
    builder: RepositoryBuilder, tree: bytes, target: Path, options: RestoreOptions | None = None
) -> RestoreReport:
    return restore_with_worker(builder.repository, tree, target, options)


def restore_with_worker(
    repository: Repository,
    tree: bytes,
    target: Path,
    options: RestoreOptions | None = None,
    progress: Progress = SILENT,
) -> RestoreReport:
    """With one worker process where there can be one."""
    with closing(ReadPool(lambda: restoring_handler, 1)) as made:
        pool = made if made.open(repository) else None
        return restore(repository, repository.load_index(), tree, target, options, progress, pool)


def save(builder: RepositoryBuilder, *nodes: Node) -> bytes:
    tree = builder.tree(*nodes)
    builder.save()
    return tree


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


# -- everything a file system can hold -----------------------------------------------------------


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Repository, bytes]:
    root = tmp_path_factory.mktemp("nasty")
    make_nasty_tree(root / "source")
    repository = make_local(root / "repo")
    tree = back_up(repository, root / "source").snapshot.tree
    below = folder_tree(repository, repository.load_index(), tree, os.fsencode(root / "source"))
    return root / "source", repository, below


def without_root(described: dict[bytes, object]) -> dict[bytes, object]:
    return {path: each for path, each in described.items() if path != b"."}


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("threads", [1, 4])
def test_the_nasty_tree_comes_back_with_all_its_metadata(
    nasty: tuple[Path, Repository, bytes], tmp_path: Path, sparse: bool, threads: int
):
    source, repository, tree = nasty
    options = RestoreOptions(verify=True, sparse=sparse, threads=threads)
    report = restore_with_worker(repository, tree, tmp_path, options)
    assert (report.errors, report.warnings) == ([], [])
    assert without_root(describe_tree(tmp_path)) == without_root(describe_tree(source))
    assert report.verified_files == report.files_restored


def test_restoring_again_writes_next_to_nothing(
    nasty: tuple[Path, Repository, bytes], tmp_path: Path
):
    source, repository, tree = nasty
    index = repository.load_index()
    first = restore(repository, index, tree, tmp_path)
    again = restore(repository, index, tree, tmp_path)
    # Only files that had several names are written anew.
    assert again.files_unchanged == first.files_restored - 2
    assert again.bytes_written < 100
    assert without_root(describe_tree(tmp_path)) == without_root(describe_tree(source))


def test_access_times_come_back(builder: RepositoryBuilder, tmp_path: Path):
    node = builder.file(b"f", b"x", atime="2001-02-03T04:05:06.000000007Z")
    assert not run(builder, save(builder, node), tmp_path).errors
    status = (tmp_path / "f").stat()
    assert (status.st_atime_ns, status.st_mtime_ns) == (981_173_106_000_000_007, TIME_NS)


def test_holes_stay_holes_only_when_asked(builder: RepositoryBuilder, tmp_path: Path):
    zeros = bytes(1_000_000)
    tree = save(builder, builder.file(b"f", b"a", zeros, zeros, b"b", zeros))
    run(builder, tree, tmp_path / "plain")
    run(builder, tree, tmp_path / "sparse", RestoreOptions(sparse=True))
    contents = [(tmp_path / each / "f").read_bytes() for each in ("plain", "sparse")]
    assert contents[0] == contents[1] == b"a" + zeros + zeros + b"b" + zeros
    assert (tmp_path / "plain" / "f").stat().st_blocks * 512 >= 3_000_000
    assert (tmp_path / "sparse" / "f").stat().st_blocks * 512 < 100_000


def test_blobs_of_a_file_may_lie_anywhere(builder: RepositoryBuilder, tmp_path: Path):
    pieces = [os.urandom(1000 + number) for number in range(50)]
    for piece in reversed(pieces):
        builder.blob(piece)
        builder.save()
    ids = [builder.blob(piece) for piece in pieces]
    size = sum(map(len, pieces))
    tree = save(builder, file_node(b"f", ids + ids[::-1], size=2 * size))
    assert run(builder, tree, tmp_path).errors == []
    assert (tmp_path / "f").read_bytes() == b"".join(pieces + pieces[::-1])


# -- selection -----------------------------------------------------------------------------------


@pytest.fixture
def office(builder: RepositoryBuilder) -> bytes:
    deep = builder.tree(builder.file(b"bottom.txt", b"1"), builder.file(b"other.pdf", b"2"))
    docs = builder.tree(builder.file(b"a.pdf", b"3"), dir_node(b"deep", deep, mode=1 << 31 | 0o750))
    empty = builder.tree()
    return save(
        builder,
        dir_node(b"docs", docs),
        dir_node(b"empty", empty),
        builder.file(b"top.txt", b"4"),
        link_node(b"z", b"top.txt"),
    )


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Includes(["/docs/deep/bottom.txt"]), {"docs", "docs/deep", "docs/deep/bottom.txt"}),
        (Includes(["*.txt"]), {"docs", "docs/deep", "docs/deep/bottom.txt", "top.txt"}),
        (Includes(["/empty"]), {"empty"}),
        (Includes(["/nothing"]), set()),
        (Excludes(["docs", "z"]), {"empty", "top.txt"}),
    ],
)
def test_only_what_is_selected_and_its_folders(
    builder: RepositoryBuilder,
    office: bytes,
    tmp_path: Path,
    selection: Includes | Excludes,
    expected: set[str],
):
    report = run(builder, office, tmp_path, RestoreOptions(selection=selection, verify=True))
    assert (names(tmp_path), report.errors) == (expected, [])


def test_a_folder_above_what_is_selected_gets_its_metadata(
    builder: RepositoryBuilder, office: bytes, tmp_path: Path
):
    run(builder, office, tmp_path, RestoreOptions(selection=Includes(["bottom.txt"])))
    status = (tmp_path / "docs" / "deep").stat()
    assert stat.S_IMODE(status.st_mode) == 0o750
    assert status.st_mtime_ns == TIME_NS


def test_subfolder(builder: RepositoryBuilder, office: bytes, tmp_path: Path):
    repository = builder.repository
    index = repository.load_index()
    run(builder, folder_tree(repository, index, office, b"/docs/deep"), tmp_path)
    assert names(tmp_path) == {"bottom.txt", "other.pdf"}
    assert folder_tree(repository, index, office, b"/") == office
    with pytest.raises(RepositoryError, match="not a folder") as refused:
        folder_tree(repository, index, office, b"/top.txt")
    assert "--include" in refused.value.hint
    with pytest.raises(RepositoryError, match="/docs/none is not in the snapshot"):
        folder_tree(repository, index, office, b"/docs/none/x")


# -- what is there already -----------------------------------------------------------------------


def test_dry_run_writes_nothing(builder: RepositoryBuilder, office: bytes, tmp_path: Path):
    target = tmp_path / "out"
    dry = run(builder, office, target, RestoreOptions(dry_run=True))
    assert not target.exists()
    real = run(builder, office, target)
    before = describe_tree(target)
    assert (dry.files_restored, dry.dirs, dry.others_restored, dry.bytes_written) == (
        real.files_restored,
        real.dirs,
        real.others_restored,
        real.bytes_written,
    )
    (target / "top.txt").write_text("changed")
    before = describe_tree(target)
    dry = run(builder, office, target, RestoreOptions(dry_run=True))
    assert (dry.files_restored, dry.files_unchanged) == (1, 3)
    assert describe_tree(target) == before


def test_the_same_size_and_time_prove_nothing(builder: RepositoryBuilder, tmp_path: Path):
    """After a power cut in the midst of a restore they are on the disk, the content may not be."""
    tree = save(builder, builder.file(b"f", b"right"))
    (tmp_path / "f").write_bytes(b"wrong")
    os.utime(tmp_path / "f", ns=(0, TIME_NS))
    assert run(builder, tree, tmp_path).files_restored == 1
    assert (tmp_path / "f").read_bytes() == b"right"
    assert run(builder, tree, tmp_path).files_unchanged == 1


def test_equal_content_of_another_time_is_not_rewritten_when_verified(
    builder: RepositoryBuilder, tmp_path: Path
):
    tree = save(builder, builder.file(b"f", b"one", b"two", mode=0o640))
    (tmp_path / "f").write_bytes(b"onetwo")
    inode = (tmp_path / "f").stat().st_ino
    report = run(builder, tree, tmp_path, RestoreOptions(verify=True))
    status = (tmp_path / "f").stat()
    assert (report.files_unchanged, report.bytes_written, report.verified_files) == (1, 0, 1)
    assert (status.st_ino, status.st_mtime_ns) == (inode, TIME_NS)
    assert stat.S_IMODE(status.st_mode) == 0o640


@pytest.mark.parametrize("exists", [False, True])
def test_nobody_gets_access_by_a_default_acl_of_the_target(
    nasty: tuple[Path, Repository, bytes],
    builder: RepositoryBuilder,
    tmp_path: Path,
    exists: bool,
):
    """New files in a folder with a default ACL would get entries that nobody stored."""
    source, _, _ = nasty
    acl = os.getxattr(source / "xattrs" / "folder", "system.posix_acl_default")
    os.setxattr(tmp_path, "system.posix_acl_default", acl)
    if exists:
        (tmp_path / "d").mkdir()
    below = builder.tree(builder.file(b"g", b"y"))
    tree = save(builder, dir_node(b"d", below), builder.file(b"f", b"x"))
    assert not run(builder, tree, tmp_path).errors
    for path in ("d", "d/g", "f"):
        assert os.listxattr(tmp_path / path) == []
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o644


# -- damage and lies -----------------------------------------------------------------------------


def damage(builder: RepositoryBuilder, blob_id: bytes) -> None:
    """Flip a bit in every copy of a blob."""
    repository = builder.repository
    for place in repository.load_index().locations(BlobType.DATA, blob_id):
        name = file_name(FileKind.PACK, place.pack_id.hex())
        content = bytearray(repository.backend.load(name))
        content[place.entry.offset + 20] ^= 1
        repository.backend.save(name, content)


def test_a_damaged_blob_costs_only_the_files_that_need_it(
    builder: RepositoryBuilder, tmp_path: Path
):
    bad = builder.blob(b"hurt" * 100)
    tree = save(
        builder,
        builder.file(b"1", b"good" * 100),
        file_node(b"2", [builder.blob(b"first"), bad], size=405),
        file_node(b"3", [bad], size=400),
        builder.file(b"4", b"good too"),
    )
    damage(builder, bad)
    (tmp_path / "3").write_bytes(b"what was there before")
    report = run(builder, tree, tmp_path, RestoreOptions(verify=True))
    assert sorted(path for path, _ in report.errors) == [b"/2", b"/3"]
    assert all("MAC" in message for _, message in report.errors)
    assert names(tmp_path) == {"1", "3", "4"}
    assert (tmp_path / "3").read_bytes() == b"what was there before"
    assert report.files_restored == report.verified_files == 2


def test_another_copy_of_a_damaged_blob_is_used(builder: RepositoryBuilder, tmp_path: Path):
    content = b"twice" * 100
    blob_id = builder.blob(content)
    builder.save()
    damage(builder, blob_id)
    tree = save(builder, builder.file(b"f", content))
    assert run(builder, tree, tmp_path).errors == []
    assert (tmp_path / "f").read_bytes() == content


def test_a_missing_pack_is_passed_over_for_another(builder: RepositoryBuilder, tmp_path: Path):
    blob_id = builder.blob(b"twice")
    builder.save()
    [place] = builder.repository.load_index().locations(BlobType.DATA, blob_id)
    builder.repository.remove(FileKind.PACK, place.pack_id.hex())
    gone = builder.blob(b"only here")
    builder.save()
    [place] = builder.repository.load_index().locations(BlobType.DATA, gone)
    builder.repository.remove(FileKind.PACK, place.pack_id.hex())
    tree = save(builder, builder.file(b"f", b"twice"), file_node(b"g", [gone], size=9))
    report = run(builder, tree, tmp_path)
    assert [path for path, _ in report.errors] == [b"/g"]
    assert names(tmp_path) == {"f"}


def test_a_blob_in_no_index_is_reported(builder: RepositoryBuilder, tmp_path: Path):
    tree = save(builder, file_node(b"f", [bytes(32)], size=5), builder.file(b"g", b"x"))
    report = run(builder, tree, tmp_path)
    assert report.errors == [(b"/f", "blob 0000000000 of it is in no pack of the repository")]
    assert names(tmp_path) == {"g"}


def test_a_damaged_folder_costs_only_what_is_in_it(builder: RepositoryBuilder, tmp_path: Path):
    bad = builder.raw_tree(b'{"nodes":[{"name":"../x","type":"file"}]}')
    tree = save(builder, dir_node(b"bad", bad), builder.file(b"good", b"x"))
    report = run(builder, tree, tmp_path)
    assert [path for path, _ in report.errors] == [b"/bad"]
    assert names(tmp_path) == {"bad", "good"}


def test_a_root_tree_that_cannot_be_read_is_an_error(builder: RepositoryBuilder, tmp_path: Path):
    with pytest.raises(DamagedRepository):
        run(builder, bytes(32), tmp_path)


def test_blobs_are_believed_more_than_the_size(builder: RepositoryBuilder, tmp_path: Path):
    tree = save(builder, builder.file(b"f", b"four", size=400), builder.file(b"g", b"x", size=0))
    report = run(builder, tree, tmp_path, RestoreOptions(verify=True, sparse=True))
    assert (tmp_path / "f").read_bytes() == b"four"
    assert report.errors == []
    assert report.warnings == [
        (b"/f", "its size is 4 bytes, not 400 as recorded"),
        (b"/g", "its size is 1 bytes, not 0 as recorded"),
    ]


def test_a_time_that_is_none_is_damage_of_its_folder(builder: RepositoryBuilder, tmp_path: Path):
    """As restic says, too; what lies beside the folder is restored."""
    below = builder.tree(builder.file(b"f", b"x", mtime="yesterday"))
    tree = save(builder, dir_node(b"d", below), builder.file(b"g", b"y"))
    report = run(builder, tree, tmp_path)
    [(path, problem)] = report.errors
    assert path == b"/d"
    assert "not an RFC 3339 time" in problem
    assert (tmp_path / "g").read_bytes() == b"y"


# -- hard links ----------------------------------------------------------------------------------


def linked(builder: RepositoryBuilder, name: bytes, content: bytes, inode: int = 7) -> Node:
    return builder.file(name, content, links=2, inode=inode, device_id=1)


def test_names_of_one_inode_are_one_file_only_if_their_content_is_one(
    builder: RepositoryBuilder, tmp_path: Path
):
    """While a backup runs, the inode of a file that was removed may become another file."""
    below = builder.tree(linked(builder, b"c", b"second"))
    tree = save(
        builder,
        linked(builder, b"a", b"first"),
        linked(builder, b"b", b"second"),
        dir_node(b"d", below),
        linked(builder, b"e", b"first", inode=8),
    )
    report = run(builder, tree, tmp_path, RestoreOptions(verify=True))
    assert (report.errors, report.links_restored) == ([], 1)
    assert (tmp_path / "b").samefile(tmp_path / "d" / "c")
    assert (tmp_path / "b").read_bytes() == b"second"
    assert [(tmp_path / name).read_bytes() for name in "ae"] == [b"first", b"first"]
    assert [(tmp_path / name).stat().st_nlink for name in "ae"] == [1, 1]


def test_without_an_inode_there_are_no_links(builder: RepositoryBuilder, tmp_path: Path):
    tree = save(builder, linked(builder, b"a", b"1", inode=0), linked(builder, b"b", b"2", inode=0))
    run(builder, tree, tmp_path)
    assert (tmp_path / "b").read_bytes() == b"2"


def test_when_the_first_name_fails_the_others_are_reported(
    builder: RepositoryBuilder, tmp_path: Path
):
    missing = [linked(builder, name, b"")._replace(content=(bytes(32),)) for name in (b"a", b"b")]
    tree = save(builder, *missing, linked(builder, b"c", b"own"), linked(builder, b"d", b"own"))
    report = run(builder, tree, tmp_path)
    assert [path for path, _ in report.errors] == [b"/a", b"/b"]
    assert (tmp_path / "c").samefile(tmp_path / "d")
    assert (tmp_path / "d").read_bytes() == b"own"


def test_a_first_name_that_is_not_selected_does_not_count(
    builder: RepositoryBuilder, tmp_path: Path
):
    tree = save(builder, linked(builder, b"a", b"same"), linked(builder, b"b", b"same"))
    run(builder, tree, tmp_path, RestoreOptions(selection=Excludes(["a"])))
    assert names(tmp_path) == {"b"}


# -- owners and other users ----------------------------------------------------------------------


def test_without_owners_no_file_is_setuid(builder: RepositoryBuilder, tmp_path: Path):
    setuid = 1 << 23 | 0o755
    tree = save(builder, builder.file(b"f", b"x", mode=setuid, uid=1234, gid=1234))
    run(builder, tree, tmp_path, RestoreOptions(owners=False))
    status = (tmp_path / "f").stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (os.getuid(), 0o755)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may write to; pytest's own are for one user."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        yield Path(name)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else: run as root")
@pytest.mark.parametrize("builder", ["alone"], indirect=True)
def test_an_ordinary_user_restores_what_he_can(builder: RepositoryBuilder, open_folder: Path):
    tree = save(
        builder,
        Node(b"dev", "chardev", 1 << 26 | 1 << 21 | 0o600, TIME, TIME, TIME, device=259),
        builder.file(b"f", b"x", mode=1 << 23 | 0o400, uid=0, gid=0),
        link_node(b"l", b"f", uid=0, gid=0),
    )
    with as_nobody():
        report = run(builder, tree, open_folder / "out")
    assert report.errors == []
    assert report.warnings == [(b"/dev", "a device can only be made by root")]
    status = (open_folder / "out" / "f").stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (65534, 0o400)


class as_nobody:
    """Give up root for a while."""

    def __enter__(self) -> None:
        os.setegid(65534)
        os.seteuid(65534)

    def __exit__(self, *_: object) -> None:
        os.seteuid(0)
        os.setegid(0)


# -- limits --------------------------------------------------------------------------------------


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount: run as root")
def test_a_full_disk_is_one_clear_error(builder: RepositoryBuilder, tmp_path: Path):
    nodes = [builder.file(b"%03d" % number, os.urandom(100_000)) for number in range(40)]
    tree = save(builder, *nodes)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], check=True)
    try:
        with pytest.raises(RestoreFailed, match="No space left") as full:
            run(builder, tree, tmp_path)
        assert "df -h" in full.value.hint
        # What is there is whole: no temporary file is left behind.
        assert all(path.stat().st_size == 100_000 for path in tmp_path.iterdir())
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_target_that_cannot_be_a_folder(builder: RepositoryBuilder, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RestoreFailed, match="cannot restore into") as refused:
        run(builder, save(builder), tmp_path / "file")
    assert "--target" in refused.value.hint


def in_child(work: Callable[[], bool]) -> int:
    """Run in a process of its own, whose limits end with it; 0 if ``work`` says True."""
    child = os.fork()
    if child == 0:
        outcome = 2
        try:
            outcome = 0 if work() else 1
        finally:
            os._exit(outcome)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_many_folders_and_files_need_few_descriptors(builder: RepositoryBuilder, tmp_path: Path):
    """As many as a shell on Debian allows a program, without a way to more."""
    pieces = [os.urandom(10) for _ in range(3)]
    inner = builder.tree(*(builder.file(b"%d" % number, *pieces) for number in range(2)))
    tree = save(builder, *(dir_node(b"%04d" % number, inner) for number in range(1500)))

    def work() -> bool:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
        report = run(builder, tree, tmp_path)
        return (report.errors, report.files_restored, report.dirs) == ([], 3000, 1500)

    assert in_child(work) == 0


def test_deep_folders(builder: RepositoryBuilder, tmp_path: Path):
    tree = builder.tree(builder.file(b"bottom", b"x"))
    for _ in range(600):
        tree = builder.tree(dir_node(b"d" * 20, tree))
    builder.save()
    assert not run(builder, tree, tmp_path).errors
    subprocess.run(["rm", "-r", tmp_path / ("d" * 20)], check=True)


def test_progress_ends_at_the_size(builder: RepositoryBuilder, office: bytes, tmp_path: Path):
    class Counting:
        total = 0

        def advance(self, size_bytes: int) -> None:
            self.total += size_bytes

    progress = Counting()
    repository = builder.repository
    restore(repository, repository.load_index(), office, tmp_path, None, progress)
    assert progress.total == 4


# -- verification --------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["bytes", "longer", "shorter", "gone", "link", "fifo"])
def test_verify_finds_every_difference(
    builder: RepositoryBuilder, office: bytes, tmp_path: Path, change: str
):
    run(builder, office, tmp_path)
    path = tmp_path / "docs" / "a.pdf"
    contents = {"bytes": b"X", "longer": b"33", "shorter": b""}
    if change in contents:
        path.write_bytes(contents[change])
    else:
        path.unlink()
    if change == "link":
        path.symlink_to("deep/other.pdf")
    if change == "fifo":
        os.mkfifo(path)
    repository = builder.repository
    report = verify_tree(repository, repository.load_index(), office, tmp_path)
    assert [path for path, _ in report.errors] == [b"/docs/a.pdf"]
    assert (report.files, report.size_bytes) == (3, 3)


def test_verify_wants_a_target_that_is_there(
    builder: RepositoryBuilder, office: bytes, tmp_path: Path
):
    repository = builder.repository
    with pytest.raises(OpsError):
        verify_tree(repository, repository.load_index(), office, tmp_path / "none")
    assert not (tmp_path / "none").exists()

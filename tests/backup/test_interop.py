"""What we write, judged by the stock restic, old and new; and the same directory by both."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.treewalk import walk_tree
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.nasty_tree import describe_tree, make_nasty_tree
from tests.backup.storing import open_cheap, store
from tests.restic_binaries import Restic

# restic's chunks are cut elsewhere in larger files.
ONE_CHUNK = 512 * 1024


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("source") / "nasty"
    make_nasty_tree(root)
    return root


@pytest.fixture(scope="module")
def small_source() -> Iterator[Path]:
    """The same, with files of at most one chunk, below folders that are seldom written to."""
    # The root tree holds the times of all folders above, and /tmp's change all the time.
    quiet = Path("/srv" if os.access("/srv", os.W_OK) else Path.home())
    with tempfile.TemporaryDirectory(dir=quiet) as folder:
        root = Path(folder) / "nasty"
        make_nasty_tree(root)
        for path in root.glob("contents/*"):
            if path.stat().st_size > ONE_CHUNK:
                path.unlink()
        yield root


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    """A repository with one snapshot of the nasty tree; copy it before changing it."""
    root = init_cheaply(tmp_path_factory.mktemp("ours") / "repo")
    store(root, source)
    return root


@pytest.fixture
def copy(ours: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ours, tmp_path / "repo"))


def nodes(root: Path, password: str = PASSWORD) -> dict[bytes, Node]:
    """Every entry of the newest snapshot."""
    repository = open_cheap(root, password)
    snapshot = repository.snapshots()[-1]
    index = repository.load_index()
    return {entry.path: entry.node for entry in walk_tree(repository, index, snapshot.tree)}


def store_with_both(source: Path, ours: Path, restic: Restic, theirs: Path) -> None:
    """A snapshot by either, and again if a folder above ``source`` changed between the two."""
    for _ in range(10):
        before = looks_of_parents(source)
        store(ours, source)
        restic.run("backup", source, repo=theirs, password=PASSWORD)
        if looks_of_parents(source) == before:
            return
    raise AssertionError(f"the folders above {source} change all the time")


def looks_of_parents(path: Path) -> list[tuple[int, int, int]]:
    looks = [parent.stat() for parent in path.parents]
    return [(each.st_mtime_ns, each.st_ctime_ns, each.st_nlink) for each in looks]


def test_stock_check_reads_every_byte_of_ours(ours: Path, restic: Restic):
    done = restic.run("check", "--read-data", repo=ours, password=PASSWORD)
    assert b"no errors were found" in done.stdout + done.stderr


def test_stock_restore_of_ours_equals_the_source(
    ours: Path, source: Path, restic: Restic, tmp_path: Path
):
    restic.run("restore", "latest", "--verify", "--target", tmp_path, repo=ours, password=PASSWORD)
    restored = tmp_path / source.relative_to("/")
    difference = set(describe_tree(source).items()) ^ set(describe_tree(restored).items())
    if restic.version.startswith("0.14"):
        # That old, restic knows nothing of link targets that are not UTF-8.
        difference = {each for each in difference if b"\xff" not in each[1].what}
        difference = {each for each in difference if not each[0].endswith(b"link-4")}
    assert not difference


def test_the_newest_restic_makes_the_same_root_tree(
    small_source: Path, restic_new: Restic, tmp_path: Path
):
    ours, theirs = init_cheaply(tmp_path / "ours"), init_cheaply(tmp_path / "theirs")
    store_with_both(small_source, ours, restic_new, theirs)
    assert len(nodes(ours)) > 500
    snapshots = restic_new.json("snapshots", repo=theirs, password=PASSWORD)
    assert open_cheap(ours).snapshots()[-1].tree.hex() == snapshots[-1]["tree"]


def test_the_old_restic_makes_the_same_nodes_where_it_can(
    small_source: Path, restic_old: Restic, tmp_path: Path
):
    ours, theirs = init_cheaply(tmp_path / "ours"), init_cheaply(tmp_path / "theirs")
    store_with_both(small_source, ours, restic_old, theirs)
    mine, other = nodes(ours), nodes(theirs)
    assert mine.keys() == other.keys()
    # Folders above a link whose target is not UTF-8 differ by its id alone.
    different = {
        path
        for path in mine
        if mine[path]._replace(subtree=None) != other[path]._replace(subtree=None)
    }
    assert {os.path.basename(path) for path in different} <= {b"link-4"}
    same_trees = [path for path, node in mine.items() if node.subtree == other[path].subtree]
    assert len(same_trees) > 50


def test_stock_restic_goes_on_where_we_stopped(copy: Path, source: Path, restic: Restic):
    restic.run("backup", "--host", "lpse-contoh", source, repo=copy, password=PASSWORD)
    before, after = open_cheap(copy).snapshots()
    assert after.parent == before.id


def test_we_go_on_where_stock_restic_stopped(source: Path, restic: Restic, tmp_path: Path):
    root = init_cheaply(tmp_path / "repo")
    restic.run("backup", "--host", "lpse-contoh", source, repo=root, password=PASSWORD)
    result = store(root, source)
    assert result.counts.files_unmodified == result.counts.total_files_processed
    assert (result.saved.data_blobs, result.bytes_read) == (0, 0)
    restic.run("check", "--read-data", repo=root, password=PASSWORD)


def test_stock_forget_and_prune_work_on_ours(
    copy: Path, source: Path, restic: Restic, tmp_path: Path
):
    extra = tmp_path / "extra"
    extra.mkdir()
    (extra / "document").write_bytes(os.urandom(3_000_000))
    result = store(copy, extra)
    forget = ["forget", "--prune", "--max-unused", "0", result.snapshot.id]
    restic.run(*forget, repo=copy, password=PASSWORD)
    restic.run("check", "--read-data", repo=copy, password=PASSWORD)
    assert len(open_cheap(copy).snapshots()) == 1
    assert_every_blob_reads(copy)


def test_stock_prune_has_nothing_to_rewrite_in_ours(copy: Path, restic_new: Restic):
    packs = sorted(path.name for path in copy.glob("data/*/*"))
    restic_new.run("prune", "--max-unused", "0", repo=copy, password=PASSWORD)
    assert sorted(path.name for path in copy.glob("data/*/*")) == packs


def test_the_newest_restic_rewrites_ours(copy: Path, restic_new: Restic):
    restic_new.run(
        "rewrite", "--forget", "--exclude", "noise*", "latest", repo=copy, password=PASSWORD
    )
    restic_new.run("check", "--read-data", repo=copy, password=PASSWORD)
    kept = nodes(copy)
    assert not [path for path in kept if os.path.basename(path).startswith(b"noise")]
    assert [path for path in kept if path.endswith(b"/sparse")]
    assert_every_blob_reads(copy)


def test_the_newest_restic_copies_ours(ours: Path, restic_new: Restic, tmp_path: Path):
    target = init_cheaply(tmp_path / "copy")
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    restic_new.run(
        *("copy", "--from-repo", ours, "--from-password-file", password),
        repo=target,
        password=PASSWORD,
    )
    restic_new.run("check", "--read-data", repo=target, password=PASSWORD)
    assert nodes(target) == nodes(ours)
    assert_every_blob_reads(target)


def test_both_list_the_same_files(ours: Path, restic_new: Restic):
    listed = restic_new.run("ls", "latest", "--json", repo=ours, password=PASSWORD).stdout
    assert len(listed.splitlines()) - 1 == len(nodes(ours))


def assert_every_blob_reads(root: Path) -> None:
    repository = open_cheap(root)
    index = repository.load_index()
    for _, entries in index.packs():
        for entry in entries:
            repository.load_blob(index, BlobType(entry.type), entry.id)

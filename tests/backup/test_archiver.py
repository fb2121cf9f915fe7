"""What the archiver reads, re-uses, leaves out and reports; on real folders."""

import contextlib
import io
import os
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from lpse_ops.backup.archiver import Stream
from lpse_ops.backup.backuprun import BackupRequest, BackupResult, choose_parent
from lpse_ops.backup.exclude import Excludes, IfPresent
from lpse_ops.backup.exclusions import Exclusions
from lpse_ops.backup.filereader import Readable
from lpse_ops.backup.hostsource import HostSource
from lpse_ops.backup.localsource import LocalSource, identify, look_at
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.source import Identity
from lpse_ops.backup.treewalk import walk_tree
from lpse_ops.errors import OpsError, SourceUnreadable
from tests.backup.cheap_repository import PASSWORD
from tests.backup.directagent import DirectAgent
from tests.backup.storing import HOST, MOMENT, open_cheap, store
from tests.restic_binaries import Restic

DEEP = "/".join("d" * 1200)


class Backup(Protocol):
    def __call__(self, root: Path, *paths: Path, **options: Any) -> BackupResult: ...


def store_host(root: Path, *paths: Path, **options: Any) -> BackupResult:
    """As ``store``, and the files are read as those of another host."""
    return store(root, *paths, source=HostSource(DirectAgent()), **options)


@pytest.fixture(params=[store, store_host], ids=["local", "host"])
def backup(request: pytest.FixtureRequest) -> Backup:
    return request.param


def stored(root: Path, below: Path) -> dict[str, Node]:
    """Entries of the newest snapshot below a folder, by their path relative to it."""
    repository = open_cheap(root)
    snapshot = repository.snapshots()[-1]
    index = repository.load_index()
    prefix = f"{below}/"
    return {
        os.fsdecode(entry.path).removeprefix(prefix): entry.node
        for entry in walk_tree(repository, index, snapshot.tree)
        if os.fsdecode(entry.path).startswith(prefix)
    }


def content(root: Path, node: Node) -> bytes:
    repository = open_cheap(root)
    index = repository.load_index()
    return b"".join(repository.load_blob(index, BlobType.DATA, each) for each in node.content)


# -- unchanged files ---------------------------------------------------------------------------


def test_a_second_run_reads_nothing(backup: Backup, repo: Path, docs: Path):
    backup(repo, docs)
    result = backup(repo, docs)
    assert (result.bytes_read, result.saved.data_blobs) == (0, 0)
    assert result.counts.files_unmodified == 3
    assert result.snapshot.summary["dirs_unmodified"] >= 2


def test_folders_of_files_alone_keep_their_tree_and_the_others_too(
    backup: Backup, repo: Path, tmp_path: Path
):
    for number in range(2500):
        path = tmp_path / "many" / f"{number % 2}" / f"{number:04d}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % number)
    backup(repo, tmp_path / "many")
    before = stored(repo, tmp_path / "many")
    result = backup(repo, tmp_path / "many")
    assert result.counts.files_unmodified == result.counts.total_files_processed == 2500
    assert result.counts.total_bytes_processed == sum(node.size for node in before.values())
    assert stored(repo, tmp_path / "many") == before
    (tmp_path / "many" / "1" / "0001").unlink()
    (tmp_path / "many" / "0" / "new").write_bytes(b"new")
    result = backup(repo, tmp_path / "many")
    assert (result.counts.files_unmodified, result.counts.files_new) == (2499, 1)
    after = stored(repo, tmp_path / "many")
    assert (before.keys() - after.keys(), after.keys() - before.keys()) == ({"1/0001"}, {"0/new"})


def test_a_known_file_that_is_excluded_by_now_is_left_out(backup: Backup, repo: Path, docs: Path):
    backup(repo, docs)
    backup(repo, docs, exclusions=Exclusions(larger_than=4999))
    assert set(stored(repo, docs)) == {"below", "empty"}
    backup(repo, docs)
    backup(repo, docs, exclusions=Exclusions(patterns=Excludes(["a.*"], [])))
    assert set(stored(repo, docs)) == {"below", "below/b.rhs", "empty"}


def test_force_reads_everything_and_stores_nothing_twice(repo: Path, docs: Path):
    first = store(repo, docs)
    before = stored(repo, docs)
    result = store(repo, docs, force=True)
    assert result.bytes_read == first.bytes_read > 3_000_000
    assert result.saved.data_blobs == 0
    assert stored(repo, docs) == before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.write_bytes(b"x" * 5000), id="content"),
        pytest.param(lambda path: os.utime(path, ns=(1, 1)), id="mtime"),
        pytest.param(lambda path: path.chmod(0o600), id="ctime"),
        pytest.param(lambda path: path.write_bytes(b"longer" * 1000), id="size"),
    ],
)
def test_a_file_that_looks_different_is_read_again(
    backup: Backup, repo: Path, docs: Path, change: Callable[[Path], object]
):
    backup(repo, docs)
    change(docs / "a.pdf")
    result = backup(repo, docs)
    assert result.bytes_read == (docs / "a.pdf").stat().st_size
    assert (result.counts.files_changed, result.counts.files_unmodified) == (1, 2)
    assert content(repo, stored(repo, docs)["a.pdf"]) == (docs / "a.pdf").read_bytes()


def test_a_file_with_the_old_name_but_another_inode_is_read_again(
    backup: Backup, repo: Path, docs: Path
):
    old = (docs / "a.pdf").stat()
    backup(repo, docs)
    new = docs / "new"
    new.write_bytes(b"y" * old.st_size)
    os.utime(new, ns=(old.st_atime_ns, old.st_mtime_ns))
    new.rename(docs / "a.pdf")
    assert backup(repo, docs).counts.files_changed == 1


def test_a_file_whose_blobs_are_gone_is_read_again(repo: Path, docs: Path):
    store(repo, docs)
    for path in (repo / "index").iterdir():
        path.unlink()
    result = store(repo, docs)
    assert result.bytes_read > 3_000_000
    assert content(repo, stored(repo, docs)["a.pdf"]) == (docs / "a.pdf").read_bytes()


def test_the_parent_is_the_newest_of_the_same_host_and_paths():
    def snapshot(hours: int, hostname: str = HOST, path: str = "/docs") -> Snapshot:
        return Snapshot(MOMENT + timedelta(hours=hours), bytes(32), (path,), hostname)

    old, newer = snapshot(-2), snapshot(-1)
    others = [snapshot(-1, "other"), snapshot(-1, path="/x"), snapshot(+1)]
    request = BackupRequest(paths=(b"/docs",), hostname=HOST, time=MOMENT)
    assert choose_parent([newer, old, *others], request, ("/docs",)) is newer
    assert choose_parent([newer], replace(request, force=True), ("/docs",)) is None
    assert choose_parent(others, request, ("/docs",)) is None


def test_a_path_that_is_not_utf_8_finds_its_parent(repo: Path, tmp_path: Path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/dok-\xff"))
    folder.mkdir()
    (folder / "file").write_bytes(b"x")
    store(repo, folder)
    assert store(repo, folder).counts.files_unmodified == 1


def test_a_damaged_snapshot_is_told_and_does_not_stop_the_backup(repo: Path, docs: Path):
    store(repo, docs)
    [path] = (repo / "snapshots").iterdir()
    path.chmod(0o600)
    path.write_bytes(bytes(200))
    told: list[str] = []
    result = store(repo, docs, warn=told.append)
    assert result.saved.data_blobs == 0
    assert [path.name[:8] in each for each in told] == [True]


# -- what is stored ----------------------------------------------------------------------------


def test_the_folders_above_a_path_are_stored_as_they_are(backup: Backup, repo: Path, docs: Path):
    docs.parent.chmod(0o2751)
    backup(repo, docs)
    node = stored(repo, docs.parent.parent)[docs.parent.name]
    assert node.permissions == 0o2751


def test_paths_below_each_other_are_stored_once(backup: Backup, repo: Path, docs: Path):
    result = backup(repo, docs, docs / "below", docs / "a.pdf")
    assert result.counts.total_files_processed == 3


def test_single_files_and_links_are_paths_too(backup: Backup, repo: Path, docs: Path):
    (docs / "link").symlink_to("nowhere")
    backup(repo, docs / "a.pdf", docs / "link")
    assert sorted(stored(repo, docs)) == ["a.pdf", "link"]


def test_sockets_are_left_out_and_fifos_do_not_hang(backup: Backup, repo: Path, docs: Path):
    os.mkfifo(docs / "fifo")
    backup(repo, docs)
    assert stored(repo, docs)["fifo"].type == "fifo"


def test_hard_links_keep_their_inode(backup: Backup, repo: Path, docs: Path):
    os.link(docs / "a.pdf", docs / "again")
    backup(repo, docs)
    one, two = stored(repo, docs)["a.pdf"], stored(repo, docs)["again"]
    assert (one.inode, one.links) == (two.inode, 2)
    assert one.content == two.content


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "deep"
    folder.mkdir()
    subprocess.run(["mkdir", "-p", folder / DEEP], check=True)
    yield folder
    # shutil.rmtree, which pytest tidies up with, would not get to the bottom of it.
    subprocess.run(["rm", "-r", folder], check=True)


def test_a_path_deeper_than_the_recursion_limit_is_stored(backup: Backup, repo: Path, deep: Path):
    (deep / DEEP / "file").touch()
    backup(repo, deep)
    assert f"{DEEP}/file" in stored(repo, deep)


def test_a_link_above_a_path_is_stored_as_a_folder(
    backup: Backup, repo: Path, docs: Path, tmp_path: Path
):
    (tmp_path / "link").symlink_to(docs)
    backup(repo, tmp_path / "link" / "below")
    assert stored(repo, tmp_path)["link"].type == "dir"
    assert "link/below/b.rhs" in stored(repo, tmp_path)


# -- files that move under our hands -----------------------------------------------------------


def test_a_file_that_grows_while_it_is_read_is_stored_as_read(repo: Path, docs: Path):
    log = docs / "server.log"
    log.write_bytes(b"start" * 200_000)
    stop = threading.Event()

    def grow() -> None:
        with log.open("ab") as file:
            while not stop.is_set():
                file.write(b"x" * 1000)
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        time.sleep(0.05)
        result = store(repo, docs)
    finally:
        stop.set()
        writer.join()
    node = stored(repo, docs)["server.log"]
    assert result.counts.changed_while_read == [os.fsencode(log)]
    assert node.size == len(content(repo, node))
    assert content(repo, node) == log.read_bytes()[: node.size]


def test_a_file_torn_while_it_was_read_is_read_again_by_the_next_backup(
    repo: Path, docs: Path, tmp_path: Path
):
    """Its last change may have come behind the place that was being read."""
    data = docs / "preallocated"
    # Long enough that the clock of every kernel ticks while it is read.
    data.write_bytes(bytes(20_000_000))
    stop = threading.Event()

    def rewrite() -> None:
        number = 0
        with data.open("r+b") as file:
            while not stop.is_set():
                number += 1
                file.seek(0)
                file.write(number.to_bytes(8, "big"))
                file.flush()

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        time.sleep(0.05)
        result = store(repo, docs)
    finally:
        stop.set()
        writer.join()
    assert result.counts.changed_while_read == [os.fsencode(data)]
    store(repo, docs)
    assert content(repo, stored(repo, docs)["preallocated"]) == data.read_bytes()


def test_a_time_after_2262_is_no_reason_to_stop(backup: Backup, repo: Path, docs: Path):
    os.utime(docs / "a.pdf", ns=(0, 10_413_792_000 * 10**9))
    if (docs / "a.pdf").stat().st_mtime_ns < 1 << 63:
        # This file system cannot hold it; one in memory can.
        subprocess.run(["mount", "-t", "tmpfs", "none", docs / "below"], check=True)
    try:
        late = docs / "below" / "late"
        late.write_bytes(b"x")
        os.utime(late, ns=(0, 10_413_792_000 * 10**9))
        backup(repo, docs)
        assert stored(repo, docs)["below/late"].mtime.startswith("2300-")
    finally:
        subprocess.run(["umount", docs / "below"], check=False)


def test_small_files_that_change_all_the_time_are_stored_whole(
    backup: Backup, repo: Path, tmp_path: Path
):
    """A worker finds them other than they looked; then they are read again, and again."""
    folder = tmp_path / "busy"
    folder.mkdir()
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            letter = bytes([97 + number % 26])
            (folder / f"{number % 20}").write_bytes(letter * (1000 + number % 3000))

    writer = threading.Thread(target=churn)
    writer.start()
    try:
        time.sleep(0.05)
        results = [backup(repo, folder, force=True) for _ in range(5)]
    finally:
        stop.set()
        writer.join()
    for node in stored(repo, folder).values():
        assert len(content(repo, node)) == node.size
    assert not [each for result in results for each in result.counts.unreadable]
    assert {result.counts.total_files_processed for result in results} == {20}


def test_files_of_every_kind_of_size_come_back(backup: Backup, repo: Path, tmp_path: Path):
    folder = tmp_path / "sizes"
    folder.mkdir()
    sizes = [0, 1, 4095, 4096, 100_000, 512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1, 5_000_000]
    for size in sizes:
        (folder / f"{size}").write_bytes(os.urandom(size))
    os.setxattr(folder / "4096", "user.note", b"kept")
    backup(repo, folder)
    for name, node in stored(repo, folder).items():
        assert content(repo, node) == (folder / name).read_bytes()
        assert node.size == int(name)
    assert stored(repo, folder)["4096"].xattrs == ((b"user.note", b"kept"),)


def test_long_paths_and_many_files_fill_several_requests(
    backup: Backup, repo: Path, tmp_path: Path
):
    folder = tmp_path / "many" / ("x" * 250) / ("y" * 250)
    folder.mkdir(parents=True)
    for number in range(3000):
        (folder / f"{number}").write_bytes(b"%d" % number)
    result = backup(repo, tmp_path / "many")
    assert result.saved.data_blobs == 3000
    below = stored(repo, folder)
    assert [content(repo, below[name]) for name in ("0", "2999")] == [b"0", b"2999"]


def test_a_file_that_vanishes_is_no_error(backup: Backup, repo: Path, tmp_path: Path):
    folder = tmp_path / "busy"
    folder.mkdir()
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            path = folder / f"{number % 50}"
            path.write_bytes(b"x")
            (folder / f"{(number + 25) % 50}").unlink(missing_ok=True)

    writer = threading.Thread(target=churn)
    writer.start()
    try:
        for _ in range(5):
            assert backup(repo, folder, force=True).counts.unreadable == []
    finally:
        stop.set()
        writer.join()


class ChangingSource(LocalSource):
    """Something changes right after the folder ``docs/d`` was listed."""

    def __init__(self, change: Callable[[], object], *, by_name: bool) -> None:
        self._change = change
        self._by_name = by_name

    def identify(self, path: bytes) -> Identity | None:  # type: ignore[override]
        identity = identify(path)
        if self._by_name:
            self._change_once(path)
        return identity

    def look_at(  # type: ignore[override]
        self, folder: bytes, names: Sequence[bytes]
    ) -> list[os.stat_result | OSError]:
        found = look_at(folder, names)
        self._change_once(folder)
        return found

    def _change_once(self, folder: bytes) -> None:
        if folder.endswith(b"/d"):
            change, self._change = self._change, lambda: None
            change()


@pytest.fixture
def changing(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with ``d/paper``, and another one to lead to."""
    docs, other = tmp_path / "docs", tmp_path / "other"
    for folder, text in ((docs, b"ours"), (other, b"secret of somebody else")):
        (folder / "d").mkdir(parents=True)
        (folder / "d" / "paper").write_bytes(text)
        (folder / "d" / "second").write_bytes(text)
    return docs, other


@pytest.mark.parametrize("by_name", [True, False], ids=["named", "looked at"])
@pytest.mark.parametrize("level", ["d", "."])
def test_what_a_folder_is_replaced_by_while_it_is_read_is_not_taken_for_it(
    repo: Path, changing: tuple[Path, Path], level: str, by_name: bool
) -> None:
    docs, other = changing

    def replace_by_link() -> None:
        (docs / level).resolve().rename(docs.parent / "moved")
        (docs.parent / "docs" / level).symlink_to(other / level)

    source = ChangingSource(replace_by_link, by_name=by_name)
    # Without names alone where a limit has to be looked at first.
    limits = Exclusions() if by_name else Exclusions(larger_than=1 << 30)
    result = store(repo, docs, source=source, exclusions=limits)
    found = stored(repo, docs)
    assert not {"d/paper", "d/second"} & set(found)
    names = {os.path.basename(path) for path, _ in result.counts.unreadable}
    assert names == {b"paper", b"second"}


@pytest.mark.parametrize("by_name", [True, False], ids=["named", "looked at"])
@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("symlink", lambda path: path.symlink_to("second")),
        ("fifo", os.mkfifo),
        ("chardev", lambda path: os.mknod(path, stat.S_IFCHR, os.makedev(1, 5))),
        ("socket", lambda path: os.mknod(path, stat.S_IFSOCK)),
        ("dir", os.mkdir),
        ("gone", lambda _: None),
    ],
)
def test_a_file_that_becomes_another_thing_is_stored_as_that(
    repo: Path,
    changing: tuple[Path, Path],
    kind: str,
    make: Callable[[Path], object],
    by_name: bool,
) -> None:
    docs, _ = changing
    paper = docs / "d" / "paper"

    def become() -> None:
        paper.unlink()
        make(paper)

    source = ChangingSource(become, by_name=by_name)
    limits = Exclusions() if by_name else Exclusions(larger_than=1 << 30)
    result = store(repo, docs, source=source, exclusions=limits)
    found = stored(repo, docs)
    assert content(repo, found["d/second"]) == b"ours"
    if kind in ("symlink", "fifo", "chardev"):
        assert found["d/paper"].type == kind
    else:
        assert "d/paper" not in found
    # Too late to walk through a folder: that is told.
    assert bool(result.counts.unreadable) == (kind == "dir")


def test_a_file_asked_for_by_its_path_that_grows_after_the_look_is_stored_as_it_is(
    repo: Path, changing: tuple[Path, Path]
) -> None:
    paper = changing[0] / "d" / "paper"

    class GrowingSource(LocalSource):
        def lstat(self, path: bytes) -> os.stat_result:
            status = super().lstat(path)
            if paper.stat().st_size < 8:
                paper.write_bytes(b"ours, and more")
            return status

    result = store(repo, paper, source=GrowingSource())
    assert result.counts.unreadable == []
    assert content(repo, stored(repo, changing[0])["d/paper"]) == b"ours, and more"


def test_a_file_that_cannot_be_read_is_reported_and_the_others_are_stored(
    backup: Backup, repo: Path
):
    # The kernel refuses to read it at offset 0, even for root.
    memory = Path("/proc/self/mem")
    result = backup(repo, memory, Path("/proc/self/comm"))
    assert [path for path, _ in result.counts.unreadable] == [b"/proc/self/mem"]
    assert "mem" not in stored(repo, Path("/proc/self"))
    assert "comm" in stored(repo, Path("/proc/self"))


def test_a_path_that_is_missing_is_reported(backup: Backup, repo: Path, docs: Path):
    result = backup(repo, docs, Path("/nowhere/at/all"))
    assert [path for path, _ in result.counts.unreadable] == [b"/nowhere"]


def test_when_no_path_exists_nothing_is_saved(backup: Backup, repo: Path):
    with pytest.raises(SourceUnreadable) as refused:
        backup(repo, Path("/nowhere/at/all"))
    assert "mounted" in refused.value.hint
    assert open_cheap(repo).snapshots() == []


# -- what is left out --------------------------------------------------------------------------


def test_excluded_names_marked_folders_and_large_files_are_left_out(
    backup: Backup, repo: Path, docs: Path
):
    (docs / "x.tmp").touch()
    (docs / "cache").mkdir()
    (docs / "cache" / ".nobackup").touch()
    (docs / "cache" / "big").touch()
    exclusions = Exclusions(Excludes(["*.tmp"]), (IfPresent(b".nobackup"),), 1_000_000)
    backup(repo, docs, exclusions=exclusions)
    assert sorted(stored(repo, docs)) == ["a.pdf", "below", "cache", "cache/.nobackup", "empty"]


@pytest.fixture
def mounted(docs: Path) -> Iterator[Path]:
    point = docs / "mounted"
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", point], check=True)
    try:
        (point / "inside").touch()
        yield point
    finally:
        subprocess.run(["umount", point], check=True)


def test_the_root_folder_heeds_patterns_and_mount_points(backup: Backup, repo: Path):
    """All of this machine, less all but /etc: what is mounted is left out, kcore above all."""
    patterns = [f"/{name}" for name in os.listdir("/") if name not in ("etc", "proc")]
    exclusions = Exclusions(Excludes(patterns))
    backup(repo, Path("/"), exclusions=exclusions, one_file_system=True)
    repository = open_cheap(repo)
    index = repository.load_index()
    paths = {entry.path for entry in walk_tree(repository, index, repository.snapshots()[-1].tree)}
    assert b"/etc/passwd" in paths
    assert b"/proc" in paths
    assert not [path for path in paths if path.startswith(b"/proc/")]
    assert {path.split(b"/")[1] for path in paths} == {b"etc", b"proc"}


def test_one_file_system_keeps_the_mount_point_alone(
    backup: Backup, repo: Path, docs: Path, mounted: Path
):
    backup(repo, docs, one_file_system=True)
    assert "mounted" in stored(repo, docs)
    assert "mounted/inside" not in stored(repo, docs)
    backup(repo, docs)
    assert "mounted/inside" in stored(repo, docs)


def test_a_dry_run_says_what_it_would_add_and_writes_nothing(
    backup: Backup, repo: Path, docs: Path
):
    before = sorted(repo.rglob("*"))
    result = backup(repo, docs, dry_run=True)
    assert result.saved.data_added > 3_000_000
    assert result.snapshot.id == ""
    assert sorted(repo.rglob("*")) == before


# -- streams -----------------------------------------------------------------------------------


def stream(path: bytes, data: bytes, error: OpsError | None = None) -> Stream:
    @contextlib.contextmanager
    def open_data() -> Iterator[Readable]:
        yield io.BytesIO(data)
        if error is not None:
            raise error

    return Stream(path, open_data)


def test_a_stream_is_a_file_below_folders_of_our_own(repo: Path, docs: Path):
    data = os.urandom(9_000_000)
    dump = stream(b"/lpse-ops/databases/epns_prod.dump", data)
    manifest = stream(b"/lpse-ops/manifest.json", b"{}")
    result = store(
        repo, docs, streams=[dump], manifest=lambda _: manifest, has_own_folder=True, time=MOMENT
    )
    below = stored(repo, Path("/lpse-ops"))
    assert content(repo, below["databases/epns_prod.dump"]) == data
    assert below["databases/epns_prod.dump"].size == len(data)
    assert stat.S_IMODE(below["manifest.json"].permissions) == 0o600
    assert result.snapshot.paths == tuple(sorted([str(docs), "/lpse-ops"]))


def test_a_real_folder_where_dumps_stand_is_refused(repo: Path):
    dump = stream(b"/lpse-ops/x.dump", b"x")
    for path in ("/lpse-ops", "/lpse-ops/conf"):
        with pytest.raises(OpsError, match="dumps and manifest"):
            store(repo, Path("/etc/hostname"), Path(path), streams=[dump], has_own_folder=True)
    assert open_cheap(repo).snapshots() == []


def test_dump_and_documents_lie_in_different_packs(repo: Path, docs: Path):
    store(repo, docs, streams=[stream(b"/lpse-ops/x.dump", os.urandom(2_000_000))])
    repository = open_cheap(repo)
    index = repository.load_index()
    below = {**stored(repo, docs), **stored(repo, Path("/lpse-ops"))}

    def packs(name: str) -> set[bytes]:
        return {
            location.pack_id
            for blob in below[name].content
            for location in index.locations(BlobType.DATA, blob)
        }

    assert not packs("x.dump") & packs("below/b.rhs")


def test_a_failed_stream_saves_no_snapshot_and_the_next_run_uses_what_was_stored(
    repo: Path, docs: Path
):
    data = os.urandom(40_000_000)
    failed = OpsError("pg_dump ended", hint="look at the log")
    with pytest.raises(OpsError, match="pg_dump"):
        store(repo, docs, streams=[stream(b"/lpse-ops/x.dump", data, failed)])
    assert open_cheap(repo).snapshots() == []
    assert sorted((repo / "locks").iterdir()) == []
    store(repo, docs, streams=[stream(b"/lpse-ops/x.dump", data)])
    assert content(repo, stored(repo, Path("/lpse-ops"))["x.dump"]) == data


def test_times_before_1677_are_stored_as_restic_stores_them(repo: Path, restic_new: Restic):
    """Only a file system in memory holds them; in nanoseconds they do not fit into 64 bits."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name) / "docs"
        folder.mkdir()
        (folder / "small").write_bytes(b"x")
        (folder / "large").write_bytes(os.urandom(300_000))
        for path in folder.iterdir():
            os.utime(path, ns=(0, -11_676_096_000 * 10**9))
            assert path.stat().st_mtime_ns < -(1 << 63)
        store(repo, folder, time=MOMENT)
        ours = stored(repo, Path(name))
        restic_new.run("backup", "--force", folder, repo=repo, password=PASSWORD)
        theirs = stored(repo, Path(name))
    assert ours["docs/small"].mtime == "1600-01-01T00:00:00Z"
    assert ours["docs"].subtree == theirs["docs"].subtree
    assert len(open_cheap(repo).snapshots()) == 2

"""The cache keeps the contract, saves loads, and is never believed."""

import hashlib
import multiprocessing
import os
import random
import stat
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lpse_ops.backup.check import check_structure
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind, file_name
from lpse_ops.backup.storage.cache import CachedBackend
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.treewalk import walk_tree
from lpse_ops.errors import FileMissing, StorageError, UsageError
from tests.backup.repositories import PASSWORD, RepositoryBuilder, dir_node, make_repository
from tests.backup.smalldisk import make_read_only, mount_small_disk
from tests.backup.storage import test_contract as contract

# Collected here once more, with the fixture ``backend`` below.
globals().update({name: each for name, each in vars(contract).items() if name.startswith("test_")})

ID = "1d" * 32
WRAPPED: dict[str, Callable[[Path], Backend]] = {
    "memory": lambda _: MemoryBackend(),
    "local": LocalBackend,
}


class Counting(MemoryBackend):
    """Remembers what was loaded, and how much of it; ``broken`` names cannot be read whole."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[tuple[str, int | None]] = []
        self.broken: set[str] = set()

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        self.loads.append((name, length))
        if name in self.broken and length is None:
            raise StorageError("a bad sector", hint="see dmesg")
        return super().load(name, offset, length)


@pytest.fixture(params=list(WRAPPED))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    return CachedBackend(WRAPPED[request.param](tmp_path / "repo"), tmp_path / "caches", ID)


@pytest.fixture
def remote() -> Counting:
    return Counting()


@pytest.fixture
def caches(tmp_path: Path) -> Path:
    return tmp_path / "caches"


def start(remote: Backend, caches: Path, limit: int = 1 << 30, id_: str = ID) -> CachedBackend:
    """A cache as a command starts it: all that is kept was listed once."""
    backend = CachedBackend(remote, caches, id_, limit)
    for kind in (FileKind.SNAPSHOT, FileKind.INDEX):
        list(backend.files(kind))
    return backend


def stored(remote: MemoryBackend, kind: FileKind, content: bytes) -> str:
    name = file_name(kind, hashlib.sha256(content).hexdigest())
    remote.save(name, content)
    return name


def kept(caches: Path) -> list[Path]:
    return sorted(path for path in caches.glob("*/*/*") if path.is_file())


# -- what is kept --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FileKind.INDEX, FileKind.SNAPSHOT])
def test_each_file_is_loaded_once_by_all_commands_together(
    remote: Counting, caches: Path, kind: FileKind
):
    name = stored(remote, kind, b"a file")
    for _ in range(3):
        backend = start(remote, caches)
        assert [backend.load(name), backend.load(name, 2, 4)] == [b"a file", b"file"]
    assert remote.loads == [(name, None)]


@pytest.mark.parametrize("kind", [FileKind.KEY, FileKind.LOCK, FileKind.PACK])
def test_keys_locks_and_other_packs_are_not_kept(remote: Counting, caches: Path, kind: FileKind):
    name = stored(remote, kind, b"a file")
    remote.save(CONFIG, b"config")
    backend = start(remote, caches)
    list(backend.files(kind))
    for each in (name, name, CONFIG, CONFIG):
        backend.load(each)
    assert len(remote.loads) == 4
    assert kept(caches) == []


def test_a_tree_pack_is_loaded_whole_once_and_read_in_parts(remote: Counting, caches: Path):
    content = os.urandom(50_000)
    name = stored(remote, FileKind.PACK, content)
    for _ in range(2):
        backend = start(remote, caches)
        backend.use_tree_packs({name[8:]: len(content)})
        for offset in range(0, 50_000, 1000):
            assert backend.load(name, offset, 1000) == content[offset : offset + 1000]
        with pytest.raises(FileMissing, match="shorter"):
            backend.load(name, 49_999, 2)
    assert remote.loads == [(name, None)]


def test_a_whole_pack_always_comes_from_the_repository(remote: Counting, caches: Path):
    name = stored(remote, FileKind.PACK, b"a pack of trees")
    backend = start(remote, caches)
    backend.use_tree_packs({name[8:]: 15})
    backend.load(name, 0, 3)
    remote.contents[name] = b"a rotten pack!!"
    assert backend.load(name) == b"a rotten pack!!"


def test_what_is_saved_is_kept_at_once(remote: Counting, caches: Path):
    backend = start(remote, caches)
    contents = {
        file_name(kind, hashlib.sha256(kind.encode()).hexdigest()): kind.encode()
        for kind in (FileKind.INDEX, FileKind.SNAPSHOT, FileKind.PACK)
    }
    backend.add_tree_pack(hashlib.sha256(b"data").hexdigest(), 4)
    for name, content in contents.items():
        backend.save(name, content)
        assert backend.load(name, 0, len(content)) == content
    assert remote.loads == []
    assert remote.contents == contents


def test_a_save_that_fails_is_not_kept(caches: Path, tmp_path: Path):
    (tmp_path / "file").touch()
    backend = start(LocalBackend(tmp_path / "file"), caches)
    with pytest.raises(StorageError):
        backend.save(file_name(FileKind.INDEX, hashlib.sha256(b"x").hexdigest()), b"x")
    assert kept(caches) == []


def test_files_and_folders_are_private_and_no_backup_takes_them(remote: Counting, caches: Path):
    name = stored(remote, FileKind.INDEX, b"x")
    before = os.umask(0)
    try:
        start(remote, caches).load(name)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept(caches)} == {0o600}
    folders = [caches, caches / ID, caches / ID / "index"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    tag = (caches / ID / "CACHEDIR.TAG").read_bytes()
    assert tag.startswith(b"Signature: 8a477f597d28d172789f06886806bc55")


# -- what is not believed ------------------------------------------------------------------------


def test_what_the_repository_lost_leaves_the_cache(remote: Counting, caches: Path):
    names = [stored(remote, FileKind.SNAPSHOT, b"%d" % number) for number in range(3)]
    backend = start(remote, caches)
    for name in names:
        backend.load(name)
    remote.remove(names[1])
    backend = start(remote, caches)
    assert len(kept(caches)) == 2
    with pytest.raises(FileMissing):
        backend.load(names[1])


def test_a_listing_that_is_not_read_to_its_end_removes_nothing(remote: Counting, caches: Path):
    names = [stored(remote, FileKind.SNAPSHOT, b"%d" % number) for number in range(3)]
    backend = start(remote, caches)
    for name in names:
        backend.load(name)
    next(start(remote, caches).files(FileKind.SNAPSHOT))
    assert len(kept(caches)) == 3


def test_a_tree_pack_that_no_index_lists_leaves_the_cache(remote: Counting, caches: Path):
    names = [stored(remote, FileKind.PACK, b"pack %d" % number) for number in range(3)]
    packs = {name[8:]: 6 for name in names}
    backend = start(remote, caches)
    backend.use_tree_packs(packs)
    for name in names:
        backend.load(name, 0, 4)
    assert len(kept(caches)) == 3
    start(remote, caches).use_tree_packs({names[0][8:]: 6, names[1][8:]: 7})
    assert [path.name for path in kept(caches)] == [names[0][8:]]


def test_a_listing_of_the_packs_removes_those_that_are_gone(remote: Counting, caches: Path):
    name = stored(remote, FileKind.PACK, b"a pack")
    backend = start(remote, caches)
    backend.use_tree_packs({name[8:]: 6})
    backend.load(name, 0, 4)
    remote.remove(name)
    assert list(backend.files(FileKind.PACK)) == []
    assert kept(caches) == []
    with pytest.raises(FileMissing):
        backend.load(name, 0, 4)


def test_what_was_never_listed_is_not_served(remote: Counting, caches: Path):
    name = stored(remote, FileKind.INDEX, b"x")
    start(remote, caches).load(name)
    remote.remove(name)
    with pytest.raises(FileMissing):
        CachedBackend(remote, caches, ID).load(name)


@pytest.mark.parametrize("changed", [b"", b"a fil", b"a file!", b"a filf", b"\0" * 6])
def test_a_damaged_file_of_the_cache_is_loaded_again(
    remote: Counting, caches: Path, changed: bytes
):
    name = stored(remote, FileKind.INDEX, b"a file")
    start(remote, caches).load(name)
    kept(caches)[0].write_bytes(changed)
    assert start(remote, caches).load(name) == b"a file"
    assert len(remote.loads) == 2
    assert kept(caches)[0].read_bytes() == b"a file"


def test_a_pack_that_rots_after_it_was_proved_is_loaded_again(remote: Counting, caches: Path):
    content = os.urandom(1000)
    name = stored(remote, FileKind.PACK, content)
    backend = start(remote, caches)
    backend.use_tree_packs({name[8:]: 1000})
    assert backend.load(name, 0, 10) == backend.load(name, 0, 10) == content[:10]
    kept(caches)[0].write_bytes(bytes(1000))
    assert backend.load(name, 0, 10) == content[:10]
    assert len(remote.loads) == 2


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_what_is_no_file_is_replaced_or_passed_over(
    remote: Counting, caches: Path, tmp_path: Path, kind: str
):
    name = stored(remote, FileKind.INDEX, b"a file")
    start(remote, caches).load(name)
    [path] = kept(caches)
    path.unlink()
    (tmp_path / "outside").write_bytes(b"a file")
    {
        "link": lambda: path.symlink_to(tmp_path / "outside"),
        "fifo": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }[kind]()
    for _ in range(2):
        assert start(remote, caches).load(name) == b"a file"
    assert (tmp_path / "outside").read_bytes() == b"a file"


def test_what_is_not_as_its_name_says_is_never_kept(remote: Counting, caches: Path):
    """The caller sees the damage, and asks for parts of a pack as if there were no cache."""
    index = file_name(FileKind.INDEX, "ab" * 32)
    pack = file_name(FileKind.PACK, "cd" * 32)
    remote.save(index, b"forged")
    remote.save(pack, b"forged pack")
    backend = start(remote, caches)
    backend.use_tree_packs({"cd" * 32: 11})
    assert backend.load(index) == b"forged"
    assert [backend.load(pack, 7, 4) for _ in range(3)] == [b"pack"] * 3
    assert remote.loads == [(index, None), (pack, None), (pack, 4), (pack, 4)]
    backend.save(index, b"forged")
    assert kept(caches) == []


def test_a_pack_that_is_readable_only_in_part_is_read_in_parts(remote: Counting, caches: Path):
    name = stored(remote, FileKind.PACK, b"half of it is gone")
    remote.broken.add(name)
    backend = start(remote, caches)
    backend.use_tree_packs({name[8:]: 18})
    assert backend.load(name, 0, 4) == backend.load(name, 0, 4) == b"half"
    assert remote.loads == [(name, None), (name, 4), (name, 4)]


def test_another_repository_has_a_folder_of_its_own(remote: Counting, caches: Path):
    name = stored(remote, FileKind.SNAPSHOT, b"x")
    start(remote, caches).load(name)
    other = Counting()
    stored(other, FileKind.SNAPSHOT, b"x")
    assert start(other, caches, id_="2e" * 32).load(name) == b"x"
    assert other.loads == [(name, None)]
    other.remove(name)
    start(other, caches, id_="2e" * 32)
    assert [path.parent.parent.name for path in kept(caches)] == [ID]


@pytest.mark.parametrize("id_", ["", "..", "../" + "a" * 61, "A" * 64])
def test_an_id_that_leads_elsewhere_is_refused(remote: Counting, caches: Path, id_: str):
    with pytest.raises(UsageError, match="not the id of a repository") as refused:
        CachedBackend(remote, caches, id_)
    assert "--no-cache" in refused.value.hint


# -- disks ---------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mount_small_disk(tmp_path / "disk") as folder:
        yield folder


def test_a_full_disk_only_makes_it_slower(remote: Counting, small_disk: Path):
    names = [stored(remote, FileKind.INDEX, os.urandom(200_000)) for _ in range(10)]
    for _ in range(2):
        backend = start(remote, small_disk)
        for name in names:
            assert backend.load(name) == remote.contents[name]
    whole = kept(small_disk)
    status = os.statvfs(small_disk)
    assert 1 <= len(whole) <= status.f_blocks * status.f_frsize // 200_000 < len(names)
    assert {path.stat().st_size for path in whole} == {200_000}
    assert len(remote.loads) == 20 - len(whole)


def test_a_read_only_disk_serves_what_it_has(remote: Counting, small_disk: Path):
    names = [stored(remote, FileKind.INDEX, b"%d" % number) for number in range(3)]
    start(remote, small_disk).load(names[0])
    make_read_only(small_disk)
    remote.remove(names[2])
    backend = start(remote, small_disk)
    for name in (*names[:2], *names[:2]):
        assert backend.load(name) == remote.contents[name]
    assert remote.loads == [(names[0], None), (names[1], None), (names[1], None)]
    backend.remove(names[0])
    with pytest.raises(FileMissing):
        backend.load(names[0])


@pytest.mark.parametrize("what", ["file", "missing"])
def test_a_place_that_can_be_no_folder_only_makes_it_slower(
    remote: Counting, tmp_path: Path, what: str
):
    place = tmp_path / "file"
    place.touch()
    name = stored(remote, FileKind.INDEX, b"x")
    backend = start(remote, place if what == "file" else Path("/proc/nowhere"))
    assert [backend.load(name) for _ in range(2)] == [b"x", b"x"]


def test_it_stays_within_its_limit_and_drops_what_was_not_used(remote: Counting, caches: Path):
    limit = 160_000
    names = [stored(remote, FileKind.INDEX, os.urandom(5_000)) for _ in range(60)]
    now = time.time_ns()
    for number, name in enumerate(names):
        backend = start(remote, caches, limit)
        assert backend.load(name) == remote.contents[name]
        os.utime(caches / ID / name, ns=(now + number, now))
        # The first is used by every command.
        backend.load(names[0])
        assert sum(path.stat().st_size for path in kept(caches)) <= limit
    left = {f"index/{path.name}" for path in kept(caches)}
    assert len(left) >= 20
    assert names[0] in left
    assert left - {names[0]} == set(names[1 - len(left) :])


def test_one_process_stays_within_its_limit_as_well(remote: Counting, caches: Path):
    backend = start(remote, caches, 160_000)
    chance = random.Random(1)
    for _ in range(120):
        content = chance.randbytes(chance.randrange(1, 10_000))
        backend.save(file_name(FileKind.INDEX, hashlib.sha256(content).hexdigest()), content)
        assert sum(path.stat().st_size for path in kept(caches)) <= 160_000


def test_a_file_too_large_for_the_cache_is_not_loaded_whole(remote: Counting, caches: Path):
    name = stored(remote, FileKind.PACK, bytes(20_000))
    backend = start(remote, caches, 160_000)
    backend.use_tree_packs({name[8:]: 20_000})
    backend.load(name, 0, 10)
    assert remote.loads == [(name, 10)]


def test_junk_of_a_crash_is_removed_after_a_day(remote: Counting, caches: Path):
    name = stored(remote, FileKind.INDEX, b"x")
    start(remote, caches).load(name)
    for age, junk in ((0, ".new.tmp"), (25 * 3600, ".old.tmp")):
        path = caches / ID / "index" / junk
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    start(remote, caches)
    assert [path.name for path in kept(caches)] == [".new.tmp", name[6:]]


# -- at once -------------------------------------------------------------------------------------


def test_threads_load_a_tree_pack_once(remote: Counting, caches: Path):
    content = os.urandom(100_000)
    name = stored(remote, FileKind.PACK, content)
    backend = start(remote, caches)
    backend.use_tree_packs({name[8:]: len(content)})
    together = threading.Barrier(8)

    def load(number: int) -> bool:
        together.wait()
        return backend.load(name, number, 1000) == content[number : number + 1000]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(load, range(8)))
    assert remote.loads == [(name, None)]


def use_for_a_while(repo: Path, caches: Path, seed: int) -> None:
    """Load, save and remove in a cache that is far too small for all of it."""
    chance = random.Random(seed)
    backend = CachedBackend(LocalBackend(repo), caches, ID, 100_000)
    for _ in range(150):
        content = hashlib.shake_256(b"%d" % chance.randrange(40)).digest(5_000)
        name = file_name(FileKind.INDEX, hashlib.sha256(content).hexdigest())
        action = chance.randrange(4)
        if action == 0:
            list(backend.files(FileKind.INDEX))
        elif action == 1:
            backend.remove(name)
        elif action == 2:
            backend.save(name, content)
        else:
            try:
                assert backend.load(name) == content
            except FileMissing:
                continue


def test_several_processes_share_it(tmp_path: Path):
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=use_for_a_while, args=(tmp_path / "repo", tmp_path / "caches", seed))
        for seed in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert kept(tmp_path / "caches")
    for path in kept(tmp_path / "caches"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


# -- a repository --------------------------------------------------------------------------------


def walked(repository: Repository) -> list[bytes]:
    [snapshot] = repository.snapshots()
    index = repository.load_index()
    return [entry.path for entry in walk_tree(repository, index, snapshot.tree)]


def test_a_repository_is_walked_without_a_load_the_second_time(remote: Counting, caches: Path):
    builder = RepositoryBuilder(make_repository(remote))
    inner = builder.tree(builder.file(b"f", b"content"))
    builder.snapshot(builder.tree(*(dir_node(b"%d" % number, inner) for number in range(9))))
    loads = []
    for _ in range(2):
        backend = CachedBackend(remote, caches, builder.repository.config.id)
        repository = open_repository(backend, PASSWORD)
        packs = {
            pack_id.hex(): remote.contents[file_name(FileKind.PACK, pack_id.hex())]
            for pack_id, entries in repository.index_packs()
            if entries[0].type is BlobType.TREE
        }
        backend.use_tree_packs({each: len(content) for each, content in packs.items()})
        remote.loads.clear()
        assert len(walked(repository)) == 18
        loads.append(Counter(name.split("/")[0] for name, _ in remote.loads))
        assert check_structure(repository).findings == []
    assert loads == [Counter(snapshots=1, data=1), Counter()]

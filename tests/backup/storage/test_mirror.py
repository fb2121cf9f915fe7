"""Every member gets all in order, or nothing more; nobody waits for a slow one."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import Backend, FileKind, file_name
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Stopped, fault_at
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.storage.mirror import Member, MirrorBackend
from lpse_ops.errors import RepositoryLocked, StorageError
from tests.backup.storage import test_contract as contract

# Collected here once more, with the fixture ``backend`` below.
globals().update({name: each for name, each in vars(contract).items() if name.startswith("test_")})

LEADERS: dict[str, Callable[[Path], Backend]] = {
    "memory": lambda _: MemoryBackend(),
    "local": LocalBackend,
}


@pytest.fixture(params=list(LEADERS))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    leader = LEADERS[request.param](tmp_path / "repo")
    return MirrorBackend([Member("first", leader), Member("second", MemoryBackend())])


def files_of(*contents: bytes) -> dict[str, bytes]:
    """Packs, and an index and a snapshot after them."""
    files = {pack_name(each): each for each in contents}
    for kind in (FileKind.INDEX, FileKind.SNAPSHOT):
        files[file_name(kind, sha256(kind.encode()))] = kind.encode()
    return files


def pack_name(content: bytes) -> str:
    return file_name(FileKind.PACK, sha256(content))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


FILES = files_of(b"a", b"bb", b"ccc")


def mirror_of(*backends: Backend, room_bytes: int = 1 << 20) -> MirrorBackend:
    members = [Member("abc"[number], each) for number, each in enumerate(backends)]
    return MirrorBackend(members, room_bytes)


def save_all(mirror: MirrorBackend, files: dict[str, bytes] = FILES) -> None:
    try:
        for name, content in files.items():
            mirror.save(name, content)
        mirror.finish()
    finally:
        mirror.close()


@pytest.mark.parametrize("room_bytes", [1 << 20, 0], ids=["kept in memory", "read back"])
def test_all_members_get_the_same_files(room_bytes: int) -> None:
    places = [MemoryBackend() for _ in range(3)]
    mirror = mirror_of(*places, room_bytes=room_bytes)
    save_all(mirror)
    assert all(place.contents == FILES for place in places)
    assert mirror.names == ["a", "b", "c"]
    assert mirror.dropped == {}


class SlowBackend(MemoryBackend):
    """Stores nothing before it is allowed to."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed = threading.Event()

    def save(self, name: str, content: Buffer) -> None:
        assert self.allowed.wait(30)
        super().save(name, content)


def test_nobody_waits_for_a_slow_member_and_its_order_holds() -> None:
    fast, slow = MemoryBackend(), SlowBackend()
    mirror = mirror_of(fast, slow, room_bytes=3)
    for name, content in FILES.items():
        mirror.save(name, content)
    assert fast.contents == FILES
    assert slow.contents == {}
    slow.allowed.set()
    mirror.finish()
    mirror.close()
    assert list(slow.contents.items()) == list(FILES.items())


def test_content_may_change_once_save_returned() -> None:
    slow = SlowBackend()
    mirror = mirror_of(MemoryBackend(), slow)
    buffer = bytearray(b"a")
    mirror.save(pack_name(b"a"), memoryview(buffer))
    buffer[:] = b"?"
    slow.allowed.set()
    mirror.finish()
    mirror.close()
    assert slow.contents == {pack_name(b"a"): b"a"}


@pytest.mark.parametrize("number", range(len(FILES)))
def test_a_member_that_fails_gets_nothing_more(number: int) -> None:
    good, bad, last = MemoryBackend(), MemoryBackend(), MemoryBackend()
    mirror = mirror_of(good, FaultBackend(bad, fault_at(number, Fault.EIO)), last)
    save_all(mirror)
    assert good.contents == last.contents == FILES
    assert list(bad.contents) == list(FILES)[:number]
    assert mirror.names == ["a", "c"]
    assert "input/output error" in mirror.dropped["b"].message


@pytest.mark.parametrize("number", range(len(FILES)))
def test_if_the_leader_fails_the_next_leads(number: int) -> None:
    bad, good, last = MemoryBackend(), MemoryBackend(), MemoryBackend()
    mirror = mirror_of(FaultBackend(bad, fault_at(number, Fault.EIO)), good, last)
    save_all(mirror)
    assert good.contents == last.contents == FILES
    assert mirror.names == ["b", "c"]
    assert list(mirror.dropped) == ["a"]
    assert mirror.exists(list(FILES)[number])


def test_if_all_fail_it_is_the_leaders_error() -> None:
    bad = [FaultBackend(MemoryBackend(), fault_at(1, Fault.EIO)) for _ in range(2)]
    with pytest.raises(StorageError, match="input/output"):
        save_all(mirror_of(*bad))


def test_a_member_that_missed_something_never_leads() -> None:
    """The second fails first, then the leader: the third is the only one that has all."""
    third = MemoryBackend()
    mirror = mirror_of(
        FaultBackend(MemoryBackend(), fault_at(3, Fault.EIO)),
        FaultBackend(MemoryBackend(), fault_at(0, Fault.EIO)),
        third,
    )
    save_all(mirror)
    assert mirror.names == ["c"]
    assert third.contents == FILES


def test_a_lost_lock_is_a_failure_of_that_member_alone() -> None:
    def lost() -> None:
        raise RepositoryLocked("the lock was lost", hint="run it again")

    places = [MemoryBackend() for _ in range(3)]
    mirror = MirrorBackend(
        [
            Member("a", places[0]),
            Member("b", places[1], before_commit=lost),
            Member("c", places[2], before_write=lost),
        ]
    )
    save_all(mirror)
    assert places[0].contents == FILES
    assert list(places[1].contents) == list(FILES)[:3]
    assert places[2].contents == {}
    assert {name: each.message for name, each in mirror.dropped.items()} == dict.fromkeys(
        "bc", "the lock was lost"
    )


def test_what_is_read_back_damaged_is_not_spread() -> None:
    class Lying(MemoryBackend):
        def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
            return super().load(name, offset, length) + b"?"

    second = MemoryBackend()
    mirror = mirror_of(Lying(), second, room_bytes=0)
    save_all(mirror)
    assert second.contents == {}
    assert "reads back differently" in mirror.dropped["b"].message


def test_what_cannot_be_read_back_from_the_leader_comes_from_another() -> None:
    """It was stored, and then its place went away; a slow one still has to get it."""
    is_gone, has_all = threading.Event(), threading.Event()

    class Quick(MemoryBackend):
        def save(self, name: str, content: Buffer) -> None:
            super().save(name, content)
            if len(self.contents) == 2:
                has_all.set()

    leader = FaultBackend(MemoryBackend(), looks=lambda *_: Fault.EIO if is_gone.is_set() else None)
    slow = SlowBackend()
    mirror = mirror_of(leader, Quick(), slow, room_bytes=0)
    both = {pack_name(each): each for each in (b"a", b"bb")}
    for name, content in both.items():
        mirror.save(name, content)
    assert has_all.wait(30)
    is_gone.set()
    slow.allowed.set()
    mirror.finish()
    mirror.close()
    assert slow.contents == both


def test_it_is_told_who_gets_nothing_more() -> None:
    lost: list[str] = []
    faults = [Fault.EIO, None, Fault.EIO]
    members = [
        Member(name, FaultBackend(MemoryBackend(), lambda *_, fault=fault: fault),
               lost=lambda name=name: lost.append(name))
        for name, fault in zip("abc", faults, strict=True)
    ]  # fmt: skip
    mirror = MirrorBackend(members)
    save_all(mirror)
    assert sorted(lost) == sorted(mirror.dropped) == ["a", "c"]


def test_what_the_leader_cannot_read_comes_from_the_next() -> None:
    first, second = MemoryBackend(), MemoryBackend()
    save_all(mirror_of(first, second))
    broken = FaultBackend(first, looks=lambda *_: Fault.EIO)
    mirror = mirror_of(broken, second)
    assert mirror.load(pack_name(b"ccc"), 1, 2) == b"cc"
    assert len(list(mirror.files(FileKind.PACK))) == 3
    mirror.close()


def test_a_program_that_is_asked_to_end_ends() -> None:
    mirror = mirror_of(
        MemoryBackend(), FaultBackend(MemoryBackend(), fault_at(1, Fault.STOP_AFTER))
    )
    with pytest.raises(Stopped):
        save_all(mirror)


def test_a_bug_in_one_backend_does_not_cost_the_others_their_snapshot() -> None:
    class Buggy(MemoryBackend):
        def save(self, name: str, content: Buffer) -> None:
            raise KeyError(name, len(content))

    first = MemoryBackend()
    mirror = mirror_of(first, Buggy())
    save_all(mirror)
    assert first.contents == FILES
    assert "KeyError" in mirror.dropped["b"].message


def test_who_leads_now_also_has_what_the_leader_before_was_still_storing() -> None:
    """Two threads save: one is still at it when the other finds that the leader fails."""
    storing, failed = threading.Event(), threading.Event()

    class Full(MemoryBackend):
        def save(self, name: str, content: Buffer) -> None:
            if bytes(content) == b"large":
                raise StorageError("there is no more room", hint="make some")
            storing.set()
            assert failed.wait(30)
            super().save(name, content)

    second, third = MemoryBackend(), MemoryBackend()
    mirror = mirror_of(Full(), second, third)
    small = threading.Thread(target=mirror.save, args=(pack_name(b"small"), b"small"))
    small.start()
    assert storing.wait(30)
    mirror.save(pack_name(b"large"), b"large")
    failed.set()
    small.join()
    mirror.finish()
    mirror.close()
    assert mirror.names == ["b", "c"]
    both = {pack_name(b"small"): b"small", pack_name(b"large"): b"large"}
    assert second.contents == third.contents == both


def test_what_not_all_had_at_the_beginning_is_not_listed() -> None:
    """Another run adds to the leader, or the leader cannot list and the next one has more."""
    ids = [sha256(each) for each in (b"1", b"2")]
    first, second = MemoryBackend(), MemoryBackend()
    for place in (first, second):
        place.save(file_name(FileKind.INDEX, ids[0]), b"1")
        place.save(file_name(FileKind.PACK, ids[0]), b"1")
    mirror = MirrorBackend(
        [Member("a", first), Member("b", second)], known={FileKind.INDEX: {ids[0]}}
    )
    first.save(file_name(FileKind.INDEX, ids[1]), b"2")
    first.save(file_name(FileKind.PACK, ids[1]), b"2")
    assert [each.id for each in mirror.files(FileKind.INDEX)] == ids[:1]
    assert {each.id for each in mirror.files(FileKind.PACK)} == set(ids)
    mirror.close()

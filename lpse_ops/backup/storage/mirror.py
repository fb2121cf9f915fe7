"""Several clones of one repository, written at once: what is sealed once is stored everywhere.

The first member leads: it is read, listed and waited for.  Each of the others has a thread that
stores the same files in the same order, packs, then index, then snapshot, so each is a valid
repository at every moment.  A member that fails gets nothing more in this run, as an index or a
snapshot might need what it lacks; ``dropped`` says why, and a later sync brings it up to date.
If the leader fails, the next that has all that was stored so far leads.

Nobody waits for a slow member before ``finish``: what it has not stored yet is kept in memory as
long as there is room, and else read back from the leader.

A member must hold all packs and index files of the leader from the beginning: what the archiver
finds in the leader's index it does not store again.  Those who do not are synced after the run
rather than before it: the snapshot of today is worth more than the copies of yesterday's, and a
week of data to copy must not hold up the dump.
"""

import contextlib
import mmap
import queue
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import Backend, FileKind, StoredFile, is_file_id
from lpse_ops.backup.unpacked import stored_id
from lpse_ops.errors import DamagedRepository, OpsError, StorageError

Result = TypeVar("Result")

# Some three packs for one slow member; each takes its own part.
_ROOM_BYTES = 64 << 20
_PAGES_FROM_BYTES = 1 << 20
_ALL_ARE_LISTED: Mapping[FileKind, Collection[str]] = MappingProxyType({})
_COMMITS = (f"{FileKind.INDEX}/", f"{FileKind.SNAPSHOT}/")


class Member(NamedTuple):
    """A clone, and what to ask before each write: whether our lock on it still holds.

    ``lost`` is called once it is known that the clone gets nothing more.
    """

    name: str
    backend: Backend
    before_write: Callable[[], None] = lambda: None
    before_commit: Callable[[], None] = lambda: None
    lost: Callable[[], None] = lambda: None

    def save(self, name: str, content: Buffer) -> None:
        self.before_write()
        if name.startswith(_COMMITS):
            self.before_commit()
        self.backend.save(name, content)

    def remove(self, name: str) -> None:
        self.before_write()
        self.backend.remove(name)


class MirrorBackend:
    """Passes the contract of ``Backend``: ``save`` returns when the leader has the file.

    ``finish`` when all is stored, ``close`` in any case.  Of a kind in ``known`` only those ids are
    listed: what all members had at the beginning, not what one alone has, or gets from another run
    meanwhile.
    """

    def __init__(
        self,
        members: Sequence[Member],
        room_bytes: int = _ROOM_BYTES,
        known: Mapping[FileKind, Collection[str]] = _ALL_ARE_LISTED,
    ) -> None:
        self._leader = members[0]
        self._known = known
        self._mutex = threading.RLock()
        self._room = _Room(room_bytes)
        self._followers = [_Follower(each, self._room) for each in members[1:]]
        self.dropped: dict[str, OpsError] = {}

    @property
    def location(self) -> str:
        return self._leader.backend.location

    @property
    def names(self) -> list[str]:
        """Members that still get all that is stored, the leader first."""
        return [self._leader.name, *(each.member.name for each in self._live())]

    def prepare(self) -> None:
        self._change(lambda member: member.backend.prepare())

    def exists(self, name: str) -> bool:
        return self._look(lambda backend: backend.exists(name))

    def save(self, name: str, content: Buffer) -> None:
        self._lead(lambda member: member.save(name, content), lambda: self._pass_on(name, content))

    def _pass_on(self, name: str, content: Buffer) -> None:
        kept: Buffer | None = None
        size = memoryview(content).nbytes
        for follower in self._live():
            if self._room.take(size):
                kept = kept or _copy(content)
                follower.put(partial(Member.save, name=name, content=kept), size)
            else:
                follower.put(lambda to: to.save(name, self._read_back(name)))

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        return self._look(lambda backend: backend.load(name, offset, length))

    def remove(self, name: str) -> None:
        self._change(lambda member: member.remove(name))

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        known = self._known.get(kind)
        listed = self._look(lambda backend: list(backend.files(kind)))
        return (each for each in listed if known is None or each.id in known)

    def remove_junk(self) -> None:
        self._change(lambda member: member.backend.remove_junk())

    def finish(self) -> None:
        """Wait until every member has stored all, or is dropped."""
        for follower in list(self._followers):
            follower.wait()
        self._live()

    def close(self) -> None:
        """Let what is being stored end, drop what waits."""
        for follower in self._followers:
            follower.close()

    # -- the leader --------------------------------------------------------------------------

    def _change(self, act: Callable[[Member], None]) -> None:
        def pass_on() -> None:
            for follower in self._live():
                follower.put(act)

        self._lead(act, pass_on)

    def _lead(self, act: Callable[[Member], None], pass_on: Callable[[], None]) -> None:
        """Let the leader act, then the others, in one step: who is to lead has all till then."""
        while True:
            leader = self._leader
            try:
                act(leader)
            except OpsError as error:
                self._replace_leader(leader, error)
                continue
            with self._mutex:
                # Replaced meanwhile by one that was not told of this: it is to act, too.
                if self._leader is leader:
                    pass_on()
                    return

    def _replace_leader(self, failed: Member, error: OpsError) -> None:
        """Let the next one lead that has stored all so far; raise the error if there is none."""
        with self._mutex:
            if self._leader is not failed:  # another thread was quicker
                return
            failed.lost()
            for follower in self._live():
                follower.wait()
                if follower in self._live():
                    self._followers.remove(follower)
                    follower.close()
                    self._leader = follower.member
                    self.dropped[failed.name] = error
                    return
        raise error

    def _look(self, ask: Callable[[Backend], Result]) -> Result:
        """Ask the leader, then the others: what was there at the beginning they all have."""
        try:
            return ask(self._leader.backend)
        except StorageError:
            for follower in self._live():
                with contextlib.suppress(StorageError):
                    return ask(follower.member.backend)
            raise

    # -- the others --------------------------------------------------------------------------

    def _live(self) -> list["_Follower"]:
        """Those that did not fail; of the others it is noted why."""
        with self._mutex:
            for follower in [each for each in self._followers if each.error is not None]:
                error = follower.error
                if error is not None and not isinstance(error, Exception):
                    raise error  # the program is asked to end
                self._followers.remove(follower)
                follower.close()
                self.dropped[follower.member.name] = _as_told(error)
            return list(self._followers)

    def _read_back(self, name: str) -> bytes:
        content = self._load_from_any(name)
        file_id = name.rpartition("/")[2]
        if is_file_id(file_id) and stored_id(content) != file_id:
            raise DamagedRepository(
                f"{name} was just written, and reads back differently",
                hint="this disk, or this computer's memory, may be failing",
            )
        return content

    def _load_from_any(self, name: str) -> bytes:
        """As ``_look``, but waits for nobody: who replaces the leader waits for us."""
        others = (each.member for each in tuple(self._followers))
        for member in (self._leader, *others):
            with contextlib.suppress(StorageError):
                return member.backend.load(name)
        return self._leader.backend.load(name)


def _copy(content: Buffer) -> Buffer:
    """A copy that a disk takes past the page cache: it begins at a page."""
    view = memoryview(content).cast("B")
    if len(view) < _PAGES_FROM_BYTES:
        return bytes(view)
    kept = mmap.mmap(-1, len(view))
    kept[:] = view
    return memoryview(kept)


def _as_told(error: Exception | None) -> OpsError:
    if isinstance(error, OpsError):
        return error
    return StorageError(
        f"a bug in lpse-ops ({type(error).__name__})", hint="tell those who write it"
    )


class _Follower:
    """Does one thing after another in a thread, until one fails; ``error`` is what failed.

    What a task keeps in memory is given back to ``room`` when it is done, or will not be.
    """

    def __init__(self, member: Member, room: "_Room") -> None:
        self.member = member
        self._room = room
        self.error: BaseException | None = None
        self._is_closed = False
        self._tasks: queue.SimpleQueue[tuple[Callable[[Member], None], int] | None]
        self._tasks = queue.SimpleQueue()
        self._waiting = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, act: Callable[[Member], None], kept_bytes: int = 0) -> None:
        with self._changed:
            self._waiting += 1
        self._tasks.put((act, kept_bytes))

    def wait(self) -> None:
        """Until all is done, or one has failed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self.error is not None)

    def close(self) -> None:
        """End the thread after what it does now; once more is fine."""
        self._is_closed = True
        self._tasks.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            act, kept_bytes = task
            try:
                if self.error is None and not self._is_closed:
                    act(self.member)
            except BaseException as error:  # told by ``_live``
                self.error = error
                self.member.lost()
            finally:
                del act, task
                self._room.give(kept_bytes)
                with self._changed:
                    self._waiting -= 1
                    self._changed.notify_all()


class _Room:
    """Bytes of memory that may still be taken."""

    def __init__(self, size_bytes: int) -> None:
        self._left = size_bytes
        self._lock = threading.Lock()

    def take(self, size_bytes: int) -> bool:
        with self._lock:
            if size_bytes > self._left:
                return False
            self._left -= size_bytes
            return True

    def give(self, size_bytes: int) -> None:
        with self._lock:
            self._left += size_bytes

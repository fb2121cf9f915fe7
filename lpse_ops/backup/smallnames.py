"""Files of new folders, by name alone: workers look at them, read them and write their nodes.

Where nothing is known of a folder, the main process need not know what its files look like.  What
a worker does not find small and at rest comes back and is read by ``filereader``.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.treebuilder import Folder

# Few enough that several requests are under way where there are not many files.
MAX_NAMES = 512
_FIRST = 64
_FEWEST = 8


class Group(NamedTuple):
    """Files of one folder, which waits for their nodes; ``path`` is the folder's."""

    folder: Folder
    path: bytes
    names: Sequence[bytes]


class LookSaver(Protocol):
    """What brings a request to the workers: ``BlobSaver``, whose words these are."""

    def take_input(self) -> tuple[int, memoryview]: ...

    def submit_looks(
        self, number: int, request: bytes, deliver: Callable[[wm.Looked], None]
    ) -> None: ...

    @property
    def is_idle(self) -> bool: ...

    def pump(self, *, block: bool) -> None: ...


class SmallNames:
    """Fills requests; ``finish`` is told of the files of each, and what became of them."""

    def __init__(
        self, saver: LookSaver, finish: Callable[[Sequence[Group], wm.Looked], None]
    ) -> None:
        self._saver = saver
        self._finish = finish
        # Those that a worker had no room for.
        self._left: deque[Group] = deque()
        self._at_once = _FIRST
        self._begin()

    def _begin(self) -> None:
        self._groups: list[Group] = []
        self._texts: list[bytes] = []
        self._files = 0
        self._message_bytes = 0

    def take(self, folder: Folder, path: bytes, names: Sequence[bytes]) -> None:
        """Read them, some time; their folder waits for them from now on."""
        folder.expect(names)
        self._add(Group(folder, path, names))
        self._add_left()
        if self._saver.is_idle:
            # No worker has anything else to do, and what is too large is known the sooner.
            self._flush()

    def _add_left(self) -> None:
        while self._left:
            self._add(self._left.popleft())

    def _add(self, group: Group) -> None:
        names = group.names
        while names:
            part = names[: max(self._at_once - self._files, 1)]
            text = _encode(group._replace(names=part))
            while len(text) > wm.MAX_READ_MESSAGE:
                part = part[: len(part) // 2]
                text = _encode(group._replace(names=part))
            if self._message_bytes + len(text) > wm.MAX_READ_MESSAGE:
                self._flush()
            self._groups.append(group._replace(names=part))
            self._texts.append(text)
            self._message_bytes += len(text) + len(wm.END_OF_GROUP)
            self._files += len(part)
            if self._files >= self._at_once:
                self._flush()
            names = names[len(part) :]

    def _flush(self) -> None:
        if not self._groups:
            return
        groups, request, files = self._groups, wm.END_OF_GROUP.join(self._texts), self._files
        self._begin()

        def deliver(looked: wm.Looked) -> None:
            done = len(looked.flags)
            if done < files:
                self._left += _behind(groups, done)
                self._at_once = max(done, _FEWEST)
            else:
                self._at_once = min(2 * self._at_once, MAX_NAMES)
            self._finish(groups, looked)

        number, _ = self._saver.take_input()
        self._saver.submit_looks(number, request, deliver)

    def settle(self, meanwhile: Callable[[], None]) -> None:
        """Until all have come back; ``meanwhile`` makes use of the time, again and again."""
        self._flush()
        while self._left or not self._saver.is_idle:
            self._add_left()
            self._flush()
            meanwhile()
            if not self._saver.is_idle:
                self._saver.pump(block=True)


def _encode(group: Group) -> bytes:
    identity = group.folder.identity or wm.NO_FOLDER
    return wm.END_OF_NAME.join((group.path, wm.encode_identity(identity), *group.names))


def _behind(groups: Sequence[Group], done: int) -> list[Group]:
    """What is left of the groups without their first files."""
    left = []
    for group in groups:
        names = group.names[done:]
        if names:
            left.append(group._replace(names=names))
        done = max(done - len(group.names), 0)
    return left

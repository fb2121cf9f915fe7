"""How names are put together to requests, and what becomes of those that found no room."""

from collections.abc import Callable, Sequence
from itertools import chain

import pytest

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.smallnames import MAX_NAMES, Group, SmallNames
from lpse_ops.backup.treebuilder import Folder
from lpse_ops.backup.workmemory import Looked


class Requests:
    """A saver whose workers have room for so many files of a request, and answer when asked."""

    def __init__(self, room: int = MAX_NAMES) -> None:
        self.room = room
        self.requests: list[bytes] = []
        self._waiting: list[tuple[int, Callable[[Looked], None]]] = []

    def take_input(self) -> tuple[int, memoryview]:
        if len(self._waiting) > 2:
            self._answer()
        return 0, memoryview(b"")

    def submit_looks(self, number: int, request: bytes, deliver: Callable[[Looked], None]) -> None:
        assert number == 0
        self.requests.append(request)
        self._waiting.append((len(paths_of(request)), deliver))

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    def pump(self, *, block: bool) -> None:
        assert block
        self._answer()

    def _answer(self) -> None:
        asked, deliver = self._waiting.pop(0)
        done = min(asked, self.room)
        deliver(Looked(bytes(done), [1] * done, [bytes(32)] * done, ["{}"] * done))


class Finished:
    """The paths that came back, in order."""

    def __init__(self) -> None:
        self.paths: list[bytes] = []

    def __call__(self, groups: Sequence[Group], looked: Looked) -> None:
        paths = [b"%s/%s" % (each.path, name) for each in groups for name in each.names]
        self.paths += paths[: len(looked.flags)]


def paths_of(request: bytes) -> list[bytes]:
    found = []
    for group in request.split(wm.END_OF_GROUP):
        folder, identity, *names = group.split(wm.END_OF_NAME)
        assert identity == b"1:2"
        found += [b"%s/%s" % (folder, name) for name in names]
    return found


def folder(name: bytes) -> Folder:
    folder = Folder(None, name, "", None)
    folder.identity = (1, 2)
    return folder


def nothing() -> None:
    """There is nothing else to do."""


def many(count: int, length: int = 4) -> list[bytes]:
    return [b"%0*d" % (length, i) for i in range(count)]


def test_requests_hold_so_many_files_of_all_folders() -> None:
    saver, finished = Requests(), Finished()
    names = SmallNames(saver, finished)
    one, other = folder(b"a"), folder(b"b")
    names.take(one, b"/a", many(3))
    names.take(other, b"/b", many(2 * MAX_NAMES))
    names.settle(nothing)
    asked = [paths_of(each) for each in saver.requests]
    # The first at once, for nobody has anything to do; then more and more in each.
    sizes = [len(each) for each in asked]
    assert sizes[0] == 3
    assert sizes[1:] == sorted(sizes[1:-1]) + sizes[-1:]
    assert max(sizes) <= MAX_NAMES
    assert finished.paths == list(chain.from_iterable(asked))
    assert sorted(finished.paths) == sorted(
        [b"/a/" + name for name in many(3)] + [b"/b/" + name for name in many(2 * MAX_NAMES)]
    )
    assert (one.waiting, other.waiting) == (3, 2 * MAX_NAMES)


def test_the_time_until_all_are_back_is_used() -> None:
    saver, finished = Requests(room=3), Finished()
    names = SmallNames(saver, finished)
    names.take(folder(b"a"), b"/a", many(10))
    seen: list[int] = []
    names.settle(lambda: seen.append(len(finished.paths)))
    assert len(finished.paths) == 10
    assert seen == [0, 3, 6, 9]


def test_nothing_is_asked_where_there_is_nothing() -> None:
    saver = Requests()
    names = SmallNames(saver, Finished())
    names.take(folder(b"a"), b"/a", [])
    names.settle(nothing)
    assert saver.requests == []


@pytest.mark.parametrize("length", [5, 100, 255])
def test_a_request_is_no_longer_than_a_message(length: int) -> None:
    saver, finished = Requests(), Finished()
    names = SmallNames(saver, finished)
    deep = b"/" + b"d" * 4000
    asked = many(2000, length)
    for name in asked[::100]:
        names.take(folder(b"d"), deep, asked[asked.index(name) : asked.index(name) + 100])
    names.take(folder(b"all"), deep, asked)
    names.settle(nothing)
    assert max(map(len, saver.requests)) <= wm.MAX_READ_MESSAGE
    assert sorted(finished.paths) == sorted(2 * [deep + b"/" + name for name in asked])


@pytest.mark.parametrize("room", [1, 7, 40, 300])
def test_what_found_no_room_is_asked_for_again(room: int) -> None:
    saver, finished = Requests(room), Finished()
    names = SmallNames(saver, finished)
    wanted = []
    for i in range(20):
        path = b"/%d" % i
        names.take(folder(path), path, many(97))
        wanted += [path + b"/" + name for name in many(97)]
    names.settle(nothing)
    assert sorted(finished.paths) == sorted(wanted)
    # What came back in part is asked for in parts: not the same names over and over.
    assert sum(len(paths_of(each)) for each in saver.requests) < 9 * len(wanted)
    saver.room = MAX_NAMES
    names.take(folder(b"later"), b"/later", many(4 * MAX_NAMES))
    names.settle(nothing)
    assert max(len(paths_of(each)) for each in saver.requests[-3:]) > room

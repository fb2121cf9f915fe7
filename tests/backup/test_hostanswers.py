"""Answers of a host that are wrong in every place: each is refused, none is believed."""

import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from lpse_ops.agent.backuplooks import Looks, look_at_names, look_at_path, pack_status, walk
from lpse_ops.backup.hostanswers import (
    parse_batch_xattrs,
    parse_look,
    parse_open,
    parse_stat,
    parse_status,
    parse_walk,
)
from lpse_ops.backup.hostreader import HostAnswerError, unpack

ROOT = b"/docs"
AT_MOST = 5
END = b"E" + bytes(8)


def block(above: int = 0xFFFFFFFF, entry: int = 0, names: int = 0, entries: int = 0) -> bytes:
    return struct.pack(">cIIHII", b"D", above, entry, 0, names, entries)


def text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def status(
    mode: int = 0o100644, size: int = 1, mtime_ns: int = 0, ctime_ns: int = 0, inode: int = 1
) -> bytes:
    numbers = (mode, 1, inode, 1, 0, 0, 0, size, 0, mtime_ns, 0, ctime_ns)
    return struct.pack(">IQQQQIIQqIqI", *numbers)


def file(name: bytes = b"a", content: bytes | None = None) -> bytes:
    told = status() if content is None else content
    return text(name) + bytes(2) + told + bytes(2)


def folder(name: bytes = b"a") -> bytes:
    return file(name, status(0o040755))


WALKS = {
    "nothing": b"",
    "only the end": END,
    "no end": block(),
    "more after the end": block() + END + b"x",
    "another letter": b"X" + block()[1:] + END,
    "a folder nobody asked for": block(entry=1) + END,
    "a second folder only": block(0, 0) + END,
    "one folder twice": block() + block() + END,
    "a folder that is a file": block(names=1, entries=1) + file() + block(0, 0) + END,
    "a folder that is not there": block(names=1, entries=1) + folder() + block(0, 1) + END,
    "a folder of a later one": block() + block(1, 0) + END,
    "a folder below, twice": (
        block(names=1, entries=1) + folder() + block(0, 0) + block(0, 0) + END
    ),
    "more entries than names": block(names=0, entries=1) + file() + END,
    "fewer entries than said": block(names=2, entries=2) + file() + END,
    "four thousand million names": block(names=0xFFFFFFFF) + END,
    "names out of order": block(names=2, entries=2) + file(b"b") + file(b"a") + END,
    "a name twice": block(names=2, entries=2) + file() + file() + END,
    "a name twice, once untold": block(names=2, entries=1) + file() + text(b"a") + END,
    "a name with a slash": block(names=1, entries=1) + file(b"a/b") + END,
    "a path": block(names=1, entries=1) + file(b"/etc/shadow") + END,
    "a name with NUL": block(names=1, entries=1) + file(b"a\0") + END,
    "the folder above": block(names=1, entries=1) + file(b"..") + END,
    "the folder itself": block(names=1, entries=1) + file(b".") + END,
    "no name": block(names=1, entries=1) + file(b"") + END,
    "an untold name with a slash": block(names=1) + text(b"../x") + END,
    "an unknown kind": block(names=1, entries=1) + file(content=status(0o170644)) + END,
    "no kind": block(names=1, entries=1) + file(content=status(0o644)) + END,
    "a mode too large": block(names=1, entries=1) + file(content=status(0o1100644)) + END,
    "a size below zero": block(names=1, entries=1) + file(content=status(size=1 << 63)) + END,
    "too many nanoseconds": block(names=1, entries=1) + file(content=status(mtime_ns=10**9)) + END,
    "and in ctime": block(names=1, entries=1) + file(content=status(ctime_ns=10**9)) + END,
    "an error without meaning": (
        block(names=1, entries=1) + text(b"a") + struct.pack(">H", 5000) + END
    ),
    "a link to nothing": (
        block(names=1, entries=1) + text(b"a") + bytes(2) + status(0o120777) + bytes(6) + END
    ),
    "a link with NUL": (
        block(names=1, entries=1)
        + text(b"a")
        + bytes(2)
        + status(0o120777)
        + bytes(2)
        + text(b"a\0b")
        + bytes(2)
        + END
    ),
    "an owner's name that is a book": (
        block() + b"E" + struct.pack(">II", 1, 0) + text(b"x" * 300) + bytes(4)
    ),
    "owners without end": block() + b"E" + struct.pack(">I", 0xFFFFFFFF),
    "more owners than any host has": (
        block()
        + b"E"
        + struct.pack(">I", 65537)
        + b"".join(struct.pack(">IH", number, 0) for number in range(65537))
        + bytes(4)
    ),
    "a name that is a book": block(names=1, entries=1) + file(b"x" * 4097) + END,
    "a name that is a book, untold": block(names=1) + text(b"x" * 4097) + END,
    "more entries than it was asked for": (
        block(names=6, entries=6) + b"".join(file(b"%d" % number) for number in range(6)) + END
    ),
    "more folders than it was asked for": (
        block(names=1, entries=1)
        + folder()
        + b"".join(block(above, 0, 1, 1) + folder() for above in range(5))
        + END
    ),
    "a folder below the longest path": (
        block(names=1, entries=1)
        + folder(b"x" * 4090)
        + block(0, 0, names=1, entries=1)
        + folder()
        + END
    ),
}


@pytest.mark.parametrize("answer", WALKS.values(), ids=WALKS)
def test_a_walk_that_no_agent_tells_is_refused(answer: bytes):
    with pytest.raises(HostAnswerError):
        parse_walk(memoryview(answer), [ROOT], AT_MOST)


def test_the_cases_are_wrong_in_one_thing_only():
    answer = block(names=3, entries=2) + folder(b"a") + file(b"b") + text(b"c") + block(0, 0) + END
    above, below = parse_walk(memoryview(answer), [ROOT], AT_MOST)[0]
    assert (above.path, above.names, list(above.entries)) == (
        ROOT,
        [b"a", b"b", b"c"],
        [b"a", b"b"],
    )
    assert (below.path, below.names, below.device) == (b"/docs/a", [], 1)


LOOKS = {
    "nothing": b"",
    "only the end": END,
    "one too few": block(names=1, entries=1) + file(b"a") + END,
    "one too many": block(names=3, entries=3) + file(b"a") + file(b"b") + file(b"c") + END,
    "another": block(names=2, entries=2) + file(b"a") + file(b"c") + END,
    "another order": block(names=2, entries=2) + file(b"b") + file(b"a") + END,
    "twice the same": block(names=2, entries=2) + file(b"a") + file(b"a") + END,
    "a second folder": block(names=2, entries=2) + file(b"a") + file(b"b") + block() + END,
}


@pytest.mark.parametrize("answer", LOOKS.values(), ids=LOOKS)
def test_entries_that_nobody_asked_for_are_refused(answer: bytes):
    with pytest.raises(HostAnswerError):
        parse_look(memoryview(answer), ROOT, [b"a", b"b"])


@pytest.mark.parametrize(
    "answer",
    [b"", bytes(2), bytes(2) + status() + bytes(2), bytes(2) + status() + bytes(2) + block() + END],
    ids=["nothing", "no status", "no end", "a folder"],
)
def test_one_status_and_nothing_else(answer: bytes):
    with pytest.raises(HostAnswerError):
        parse_stat(memoryview(answer), ROOT)


def test_an_open_file_is_a_file():
    for kind in (0o040755, 0o010644):
        with pytest.raises(HostAnswerError):
            parse_open(memoryview(bytes(2) + status(kind) + bytes(2) + END), ROOT)


@pytest.mark.parametrize("answer", [b"", status()[1:], status() + b"x"])
def test_a_status_has_its_length(answer: bytes):
    with pytest.raises(HostAnswerError):
        parse_status(answer)


def test_a_status_is_what_the_kernel_said(tmp_path: Path):
    for path in (tmp_path, Path("/dev/null"), Path("/proc/self/stat")):
        found, real = parse_status(pack_status(path.lstat())), path.lstat()
        assert found[:7] == real[:7]
        assert (found.st_mtime_ns, found.st_rdev) == (real.st_mtime_ns, real.st_rdev)


@pytest.mark.parametrize(
    "answer",
    [struct.pack(">HH", 1, 0), struct.pack(">HHH", 0, 1, 5), struct.pack(">HHH", 0, 0xFFFF, 0)],
    ids=["another file's", "torn", "an error that is none"],
)
def test_attributes_of_a_batch(answer: bytes):
    with pytest.raises(HostAnswerError):
        parse_batch_xattrs(answer, [b"/docs/a"])


@pytest.mark.parametrize(
    "packed",
    [b"", b"x", zlib.compress(b"x")[:-1], zlib.compress(b"x") + b"y", zlib.compress(bytes(1001))],
    ids=["nothing", "other bytes", "torn", "more behind", "too large"],
)
def test_what_is_not_compressed_well_is_refused(packed: bytes):
    with pytest.raises(HostAnswerError):
        unpack(packed, 1000)


def test_what_fits_exactly_is_unpacked():
    assert unpack(zlib.compress(bytes(1000)), 1000) == bytes(1000)


def _mutants(answer: bytes, chance: random.Random) -> list[bytes]:
    """Answers with some bytes changed, left out or put in."""
    found = []
    for _ in range(1500):
        mutant = bytearray(answer)
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(mutant))
            way = chance.randrange(3)
            if way == 0:
                mutant[place] = chance.choice((0, 1, 0x2F, 0x7F, 0xFF, chance.randrange(256)))
            elif way == 1:
                del mutant[place : place + chance.randint(1, 8)]
            else:
                mutant[place:place] = chance.randbytes(chance.randint(1, 8))
            if not mutant:
                break
        found.append(bytes(mutant))
    return found


def test_no_answer_at_all_breaks_the_reader(tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").touch()
    (tmp_path / "link").symlink_to("a")
    os.setxattr(tmp_path / "a", "user.x", b"y")
    root = os.fsencode(tmp_path)
    names = [b"a", b"link"]
    parsers: list[tuple[Callable[[Looks], None], Callable[[memoryview], object]]] = [
        (
            lambda looks: walk(looks, [root], 100, 1 << 20, one_file_system=False),
            lambda answer: [block.path for block in parse_walk(answer, [root], 1000)[0]],
        ),
        (
            lambda looks: look_at_names(looks, root, names),
            lambda answer: parse_look(answer, root, names),
        ),
        (lambda looks: look_at_path(looks, root, follow=False), lambda a: parse_stat(a, root)),
    ]
    refused = 0
    for tell, parse in parsers:
        looks = Looks()
        tell(looks)
        for mutant in _mutants(looks.content(), random.Random(6)):
            try:
                found = parse(memoryview(mutant))
            except HostAnswerError:
                refused += 1
            else:
                if isinstance(found, list):
                    assert all(path == root or path.startswith(root + b"/") for path in found)
    assert refused > 3000

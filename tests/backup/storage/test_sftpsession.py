"""Servers that lie: whatever they say ends in a clear error, soon and in little memory."""

import itertools
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lpse_ops.backup.storage import sftpfiles
from lpse_ops.backup.storage.backend import CONFIG, FileKind
from lpse_ops.backup.storage.limit import no_pace
from lpse_ops.backup.storage.sftp import SftpBackend
from lpse_ops.backup.storage.sftplocation import SftpPlace
from lpse_ops.backup.storage.sftppackets import (
    Ask,
    BadAnswer,
    Say,
    Status,
    request,
    text,
    u32,
    u64,
)
from lpse_ops.backup.storage.sftpsession import SessionLost, SftpSession
from lpse_ops.errors import FileMissing, StorageError, StorageUnavailable

ID = "ab" * 32
Answering = Callable[[int, int, bytes], Iterator[bytes]]


class LyingChannel:
    """Speaks the protocol, and lets a test answer each request as it likes."""

    def __init__(self, answer: Answering, greeting: bytes) -> None:
        self._answer = answer
        self._said: list[bytes] = [greeting]
        self._is_greeted = False

    def send(self, content: bytes) -> None:
        while self._is_greeted and content:
            size, kind, number = struct.unpack_from(">IBI", content)
            self._said += self._answer(kind, number, content[9 : 4 + size])
            content = content[4 + size :]
        self._is_greeted = True

    def receive(self, _timeout_seconds: float) -> bytes | None:
        return self._said.pop(0) if self._said else None

    def errors(self) -> bytes:
        return b"\x1b[31mlies\n"

    def close(self) -> None:
        self._said.clear()


class CountingChannel(LyingChannel):
    """Notes how often the client says something and then waits."""

    turns = 0
    sent = 0
    _has_said = False

    def send(self, content: bytes) -> None:
        self._has_said = True
        self.sent += 1
        super().send(content)

    def receive(self, timeout_seconds: float) -> bytes | None:
        self.turns += self._has_said
        self._has_said = False
        return super().receive(timeout_seconds)


class LyingLine:
    def __init__(self, answer: Answering, greeting: bytes) -> None:
        self._made_of = (answer, greeting)

    def open_channel(self) -> LyingChannel:
        return LyingChannel(*self._made_of)

    def close(self) -> None:
        """Nothing to close."""


def say(kind: Say, number: int, *fields: bytes) -> bytes:
    return request(kind, number, *fields)  # type: ignore[arg-type] # they look the same


GREETING = say(Say.VERSION, 3)


def status(number: int, code: int) -> bytes:
    return say(Say.STATUS, number, u32(code), text(b"because"), text(b""))


def attributes(size: int) -> bytes:
    return u32(1 | 4) + u64(size) + u32(0o100400)


def honest(kind: int, number: int, _body: bytes) -> bytes:
    """What a server with one endless folder and one file of ten bytes would say."""
    if kind in (Ask.OPEN, Ask.OPENDIR):
        return say(Say.HANDLE, number, text(b"h"))
    if kind in (Ask.FSTAT, Ask.STAT):
        return say(Say.ATTRS, number, attributes(10))
    if kind == Ask.READ:
        return say(Say.DATA, number, text(b"0123456789"))
    if kind == Ask.READDIR:
        return status(number, Status.EOF)
    return status(number, Status.OK)


def honestly(kind: int, number: int, body: bytes) -> Iterator[bytes]:
    yield honest(kind, number, body)


def lying(kind: int, lie: Callable[[int], bytes], greeting: bytes = GREETING) -> SftpBackend:
    """A repository on a server that is honest but for one kind of request."""

    def answer(asked: int, number: int, body: bytes) -> Iterator[bytes]:
        yield lie(number) if asked == kind else honest(asked, number, body)

    return SftpBackend(SftpPlace("sftp:x:/x", "x", "/x"), lambda: LyingLine(answer, greeting))


def names(number: int, *entries: bytes, claimed: int | None = None) -> bytes:
    count = len(entries) if claimed is None else claimed
    fields = [text(each) + text(b"") + attributes(7) for each in entries]
    return say(Say.NAME, number, u32(count), *fields)


def test_a_small_file_and_a_folder_take_two_turns_each() -> None:
    channel = CountingChannel(honestly, GREETING)
    session = SftpSession(channel)
    channel.turns = 0
    content = sftpfiles.read_file(session, b"config", 0, None, no_pace)
    session.settle()
    assert (content, channel.turns) == (b"0123456789", 2)
    sftpfiles.list_folders(session, [b"index"], lambda _: True)
    session.settle()
    assert channel.turns == 4


def test_small_requests_go_together_and_none_is_left_behind() -> None:
    channel = CountingChannel(honestly, GREETING)
    session = SftpSession(channel)
    channel.sent = 0
    asked = [session.ask(Ask.STAT, text(b"index")) for _ in range(100)]
    assert channel.sent == 0
    session.value(asked.pop(), Say.ATTRS)
    assert channel.sent == 1
    session.forget(session.ask(Ask.CLOSE, text(b"h")))
    session.settle()
    assert channel.sent == 2


def test_much_is_sent_at_once() -> None:
    channel = CountingChannel(honestly, GREETING)
    session = SftpSession(channel)
    channel.sent = 0
    for _ in range(3):
        session.ask(Ask.WRITE, text(b"h"), u64(0), text(bytes(32 * 1024)))
    assert channel.sent == 3


def test_what_a_server_takes_at_once_is_asked_for_beside_the_first_request() -> None:
    def answer(kind: int, number: int, body: bytes) -> Iterator[bytes]:
        is_limits = kind == Ask.EXTENDED and b"limits@openssh.com" in body
        limits = (0, 100_000, 50_000, 0)
        told = say(Say.EXTENDED, number, *map(u64, limits))
        yield told if is_limits else honest(kind, number, body)

    greeting = say(Say.VERSION, 3, text(b"limits@openssh.com"), text(b"1"))
    channel = CountingChannel(answer, greeting)
    session = SftpSession(channel)
    assert channel.turns == 1
    content = sftpfiles.read_file(session, b"config", 0, None, no_pace)
    assert (content, channel.turns) == (b"0123456789", 3)
    assert (session.read_bytes, session.write_bytes) == (100_000, 50_000)
    session.settle()


def test_an_answer_that_nobody_waits_for_is_dropped_when_it_comes() -> None:
    session = SftpSession(LyingChannel(honestly, GREETING))
    forgotten = session.ask(Ask.OPENDIR, text(b"index"))
    session.forget(forgotten)
    session.settle()
    assert session.value(session.ask(Ask.FSTAT, text(b"h")), Say.ATTRS)
    arrived, waited_for = (session.ask(Ask.FSTAT, text(b"h")) for _ in range(2))
    session.answer(waited_for)
    session.forget(arrived)
    session.settle()
    # Its number is nobody's any more.
    with pytest.raises(KeyError):
        session.forget(forgotten)


def test_an_honest_one_is_believed() -> None:
    backend = lying(0, lambda _: b"")
    assert backend.load(CONFIG) == b"0123456789"
    assert list(backend.files(FileKind.INDEX)) == []
    backend.save(CONFIG, b"0123456789")


@pytest.mark.parametrize(
    "lie",
    [
        lambda number: say(Say.DATA, number + 1000, text(b"x")),
        lambda number: say(Say.DATA, number, text(b"x" * 11)),
        lambda number: say(Say.DATA, number, text(b"")),
        lambda number: say(Say.DATA, number, u32(0xFFFFFFFF), b"x"),
        lambda number: say(Say.DATA, number),
        lambda number: say(Say.HANDLE, number, text(b"h")),
        lambda number: status(number, Status.OK),
        lambda _: b"\xff\xff\xff\xff" + b"x" * 50,
        lambda _: u32(3) + b"xxx",
        lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        lambda number: say(Say.STATUS, number, u32(4), u32(1 << 31)),
        lambda number: say(Say.STATUS, number, b"x"),
    ],
)
def test_what_is_no_answer_to_a_read(lie: Callable[[int], bytes]) -> None:
    with pytest.raises(StorageError) as told:
        lying(Ask.READ, lie).load(CONFIG)
    assert told.value.hint


@pytest.mark.parametrize("size", [1 << 63, (4 << 30) + 1])
def test_a_file_of_an_absurd_size(size: int) -> None:
    backend = lying(Ask.FSTAT, lambda number: say(Say.ATTRS, number, attributes(size)))
    with pytest.raises(StorageError, match=f"a file of {size} bytes"):
        backend.load(CONFIG)


def test_a_file_that_is_shorter_than_its_size_is_what_it_is() -> None:
    answers = itertools.count()

    def lie(number: int) -> bytes:
        if next(answers):
            return status(number, Status.EOF)
        return say(Say.DATA, number, text(b"0123"))

    backend = lying(Ask.READ, lie)
    assert backend.load(CONFIG) == b"0123"
    with pytest.raises(FileMissing, match="shorter"):
        backend.load(CONFIG, 0, 10)


@pytest.mark.parametrize(
    "name",
    [
        b"../" + b"ab" * 31,
        b"..",
        b"/" + b"a" * 63,
        b"ab" * 31 + b"/x",
        b"ab" * 32 + b"\0",
        b"\xff" * 64,
        b"",
        b"AB" * 32,
    ],
)
def test_names_that_lead_elsewhere_are_not_listed(name: bytes) -> None:
    told: list[int] = []

    def lie(number: int) -> bytes:
        told.append(number)
        return names(number, name, ID.encode()) if len(told) == 1 else status(number, 1)

    assert [each.id for each in lying(Ask.READDIR, lie).files(FileKind.INDEX)] == [ID]


def test_the_same_name_again_and_again_is_one_file() -> None:
    told: list[int] = []

    def lie(number: int) -> bytes:
        told.append(number)
        return names(number, *[ID.encode()] * 50) if len(told) < 5 else status(number, 1)

    assert len(list(lying(Ask.READDIR, lie).files(FileKind.INDEX))) == 1


def test_a_listing_without_an_end_has_one() -> None:
    entries = [b"junk-%d" % number for number in range(1000)]

    def answer(kind: int, number: int, body: bytes) -> Iterator[bytes]:
        yield names(number, *entries) if kind == Ask.READDIR else honest(kind, number, body)

    session = SftpSession(LyingChannel(answer, GREETING))
    with pytest.raises(BadAnswer, match="more than 20000 names"):
        sftpfiles.list_folders(session, [b"/x/index"], lambda _: False, 20_000)


@pytest.mark.parametrize(
    "lie",
    [
        lambda number: names(number, claimed=0),
        lambda number: names(number, b"x", claimed=0xFFFFFFFF),
        lambda number: say(Say.NAME, number, u32(1), u32(0xFFFFFFF0)),
        lambda number: status(number, Status.FAILURE),
        lambda number: status(number, Status.PERMISSION_DENIED),
    ],
)
def test_half_a_listing_is_no_listing(lie: Callable[[int], bytes]) -> None:
    with pytest.raises(StorageError) as told:
        list(lying(Ask.READDIR, lie).files(FileKind.INDEX))
    assert told.value.hint


def test_a_folder_that_cannot_be_opened_is_not_empty() -> None:
    backend = lying(Ask.OPENDIR, lambda number: status(number, Status.FAILURE))
    with pytest.raises(StorageError, match="it says because"):
        list(backend.files(FileKind.PACK))


def test_a_server_that_kept_fewer_bytes_is_not_believed() -> None:
    backend = lying(Ask.FSTAT, lambda number: say(Say.ATTRS, number, attributes(9)))
    with pytest.raises(StorageError, match="9 bytes instead of 10"):
        backend.save(CONFIG, b"0123456789")


@pytest.mark.parametrize("kind", [Ask.WRITE, Ask.CLOSE, Ask.RENAME, Ask.OPEN])
def test_whatever_fails_fails_the_save(kind: Ask) -> None:
    backend = lying(kind, lambda number: status(number, Status.FAILURE))
    with pytest.raises(StorageError, match="it says because"):
        backend.save(CONFIG, b"ten others")


@pytest.mark.parametrize(
    ("greeting", "message"),
    [
        (say(Say.VERSION, 2), "version 2"),
        (status(3, 0), "version 3"),
        (b"", "no SFTP server starts there"),
        (b"\xff\xff\xff\xff\x02\0\0\0\x03", "a message of"),
        (GREETING[:3] + b"\x0b" + GREETING[4:] + b"\0\0\0\x63ab", "cut off"),
    ],
)
def test_a_greeting_that_is_none(greeting: bytes, message: str) -> None:
    with pytest.raises(StorageError, match=message) as told:
        lying(0, lambda _: b"", greeting).exists(CONFIG)
    assert not isinstance(told.value, StorageUnavailable)
    assert "\x1b" not in told.value.message


def test_silence_is_given_up() -> None:
    backend = lying(Ask.STAT, lambda _: b"\0")
    with pytest.raises(StorageUnavailable, match="no answer within 120 s"):
        backend.exists(CONFIG)


class CutChannel(LyingChannel):
    """The program ``ssh`` says on its way out what the stream is lost for."""

    def receive(self, _timeout_seconds: float) -> bytes | None:
        raise ConnectionResetError("Connection refused")

    def errors(self) -> bytes:
        return b"Connection refused\r\n"


def test_why_a_session_is_lost_is_said_once() -> None:
    with pytest.raises(SessionLost) as lost:
        SftpSession(CutChannel(honest, GREETING))
    assert str(lost.value) == "Connection refused"


def test_a_handle_of_absurd_length(tmp_path: Path) -> None:
    backend = lying(Ask.OPEN, lambda number: say(Say.HANDLE, number, text(bytes(257))))
    with pytest.raises(StorageError, match="a handle of 257 bytes"):
        backend.load(CONFIG)
    assert list(tmp_path.iterdir()) == []

"""Questions to a host about its files, and what becomes of answers that no agent gives.

The room that knows connections is not ours: whoever makes a ``SourceAgent`` joins the two.
"""

import base64
import binascii
import contextlib
import struct
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from lpse_ops.backup.hostreader import HostAnswerError, os_error, unpack
from lpse_ops.errors import SourceUnreadable

_SHORT = struct.Struct(">H")
# So much goes along with a question; more would take a round trip of its own.
MAX_REQUEST_BYTES = 120 * 1024
# A folder of a million names; what is not compressed yet, and what is no more.
_MAX_ANSWER_BYTES = 64 << 20
_MAX_UNPACKED_BYTES = 128 << 20


class Taker(Protocol):
    """Gets the bytes of an answer; an exception ends the question."""

    def write(self, piece: bytes, /) -> object: ...


class Asked(Protocol):
    """A question under way; bytes go to its taker while somebody waits in one of these."""

    def result(self) -> Mapping[str, Any]:
        """Wait for the end; ``HostUnreachable`` when the host is lost."""
        ...

    def step(self) -> Mapping[str, Any] | None:
        """Wait for something to come; the result once it is there."""
        ...


class SourceAgent(Protocol):
    """An agent on a host that answers as ``lpse_ops.agent.modules._backup_source`` does."""

    @property
    def name(self) -> str:
        """What messages call the host."""
        ...

    def ask(self, what: str, request: bytes, taker: Taker, limits: Mapping[str, int]) -> Asked:
        """Ask and come back at once; several questions may be under way."""
        ...


class Collected:
    """Takes an answer that is not larger than it may be."""

    def __init__(self, limit: int = _MAX_ANSWER_BYTES) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []

    def write(self, piece: bytes, /) -> None:
        self._limit -= len(piece)
        if self._limit < 0:
            raise HostAnswerError("an answer that is too large")
        self._pieces.append(piece)

    def content(self) -> bytes:
        return b"".join(self._pieces)


class Looking:
    """A question about looks under way."""

    def __init__(self, talk: "HostTalk", what: str, texts: Sequence[bytes], **limits: int) -> None:
        self._talk = talk
        self._path = texts[0] if what == "stat" else None
        self._collected = Collected()
        self._asked = talk.ask(what, join_texts(texts), self._collected, limits)

    def answer(self) -> memoryview:
        """What is told; of a ``stat``, ``OSError`` if that is the answer."""
        self._talk.check(self._asked.result(), self._path)
        return unpack(self._collected.content(), _MAX_UNPACKED_BYTES)


class HostTalk:
    """Asks one host."""

    def __init__(self, agent: SourceAgent) -> None:
        self._agent = agent
        self.ask = agent.ask

    @contextlib.contextmanager
    def doubting(self) -> Iterator[None]:
        """Who answers what no agent answers is not backed up any further."""
        try:
            yield
        except HostAnswerError as error:
            raise SourceUnreadable(
                f"{self._agent.name} sent {error}",
                hint="see who answers there: the host's python3 may have been tampered with",
            ) from error

    def check(self, result: Mapping[str, Any], path: bytes | None) -> None:
        """Raise what the host says went wrong: ``OSError`` with the path, or with all of it.

        Without a path the question was for many, and the answer says what is wrong with each.
        """
        if "errno" in result:
            if path is None:
                raise HostAnswerError("an error that belongs to no path")
            raise os_error(result["errno"], path)
        if result.get("failed"):
            raise SourceUnreadable(
                f"{self._agent.name}: its files cannot be read: {_shown(result.get('msg'))}",
                hint=f"see whether lpse-ops playbook run reaches {self._agent.name}",
            )


class Pieces:
    """Takes content, and gives it away as it is asked for."""

    def __init__(self) -> None:
        self._pieces: deque[memoryview] = deque()
        self.received = 0

    @property
    def is_empty(self) -> bool:
        return not self._pieces

    def write(self, piece: bytes, /) -> None:
        if piece:
            self._pieces.append(memoryview(piece))
            self.received += len(piece)

    def readinto(self, buffer: memoryview) -> int:
        """Fill as much of a buffer as there is; does not wait."""
        fill = 0
        while self._pieces and fill < len(buffer):
            piece = self._pieces.popleft()
            count = min(len(piece), len(buffer) - fill)
            buffer[fill : fill + count] = piece[:count]
            fill += count
            if count < len(piece):
                self._pieces.appendleft(piece[count:])
        return fill


def join_texts(texts: Sequence[bytes]) -> bytes:
    return b"".join(_SHORT.pack(len(text)) + text for text in texts)


def fitting(texts: Sequence[bytes], count: int) -> int:
    """How many of the texts, at most so many, go into one question; at least one."""
    size = 0
    for number, text in enumerate(texts[:count]):
        size += _SHORT.size + len(text)
        if size > MAX_REQUEST_BYTES and number:
            return number
    return min(len(texts), count)


def bytes_of(result: Mapping[str, Any], key: str) -> bytes:
    """Bytes that stand in a result as base64."""
    try:
        return base64.b64decode(result[key], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise HostAnswerError(f"no {key}") from error


def _shown(text: object) -> str:
    """A host's words on one line, and not too many."""
    return "".join(char if char.isprintable() else "?" for char in str(text)[:200])

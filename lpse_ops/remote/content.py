"""Bytes that go along with a request to an agent: with it when small, else when asked for."""

import hashlib
import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

_PIECE_BYTES = 1 << 20
# A larger file is not read before it is known whether it is wanted.
_HASHED_FIRST_BYTES = 16 << 20


@dataclass(frozen=True)
class Content:
    """``checksum`` is SHA-1 in hex, as Ansible compares files; ``open`` gives it from the start.

    Without ``checksum``, ``find_checksum`` has it if there is one, and may take its time.
    """

    size_bytes: int
    checksum: str | None
    open: Callable[[], BufferedIOBase]
    find_checksum: Callable[[], str] | None = None

    def known_checksum(self) -> str | None:
        """The checksum, found now if need be; ``OSError`` when the content cannot be read."""
        if self.checksum is None and self.find_checksum:
            return self.find_checksum()
        return self.checksum


def content_of_bytes(content: bytes) -> Content:
    checksum = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return Content(len(content), checksum, lambda: io.BytesIO(content))


def content_of_file(path: Path) -> Content:
    """A file's content; a large one is read for its checksum only when somebody asks for it."""
    size = path.stat().st_size
    once = _Once(lambda: _digest(path))
    checksum = once() if size <= _HASHED_FIRST_BYTES else None
    return Content(size, checksum, lambda: path.open("rb"), once)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, _sha1).hexdigest()


def _sha1() -> "hashlib._Hash":
    return hashlib.sha1(usedforsecurity=False)


class _Once:
    """Finds a value when first asked, for all threads that ask."""

    def __init__(self, find: Callable[[], str]) -> None:
        self._find = find
        self._lock = threading.Lock()
        self._found: str | None = None

    def __call__(self) -> str:
        with self._lock:
            if self._found is None:
                self._found = self._find()
            return self._found

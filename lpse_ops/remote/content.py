"""Bytes that go along with a request to an agent: with it when small, else when asked for."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Content:
    """``checksum`` is SHA-1 in hex, as Ansible compares files; ``open`` gives it from the start."""

    size_bytes: int
    checksum: str | None
    open: Callable[[], BinaryIO]


def content_of_bytes(content: bytes) -> Content:
    checksum = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return Content(len(content), checksum, lambda: io.BytesIO(content))


def content_of_file(path: Path) -> Content:
    """A file's content; it is read once for the checksum, and again if it is wanted."""
    digest = hashlib.sha1(usedforsecurity=False)
    size = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
    return Content(size, digest.hexdigest(), lambda: path.open("rb"))

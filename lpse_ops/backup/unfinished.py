"""Where a run that lost its host leaves what it knows, so that the next one reads only the rest.

A file holds the id of a tree that no snapshot names: the next run goes by it as by a parent.  It
is a hint and nothing else: what the repository does not hold any more is read again.
"""

import contextlib
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from lpse_ops.atomicfile import write_atomically

_TREE = re.compile(rb"[0-9a-f]{64}")
_SIZE = 64


class UnfinishedRuns:
    """In a folder of this machine; without one nothing is kept."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def find(self, *key: str | Sequence[str]) -> bytes | None:
        """The tree of the last run of that key if it was cut."""
        path = self._path(key)
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                text = file.read(_SIZE + 1)
        except OSError:
            return None
        return bytes.fromhex(text.decode()) if _TREE.fullmatch(text) else None

    def keep(self, tree: bytes, *key: str | Sequence[str]) -> None:
        """Never fails: who loses a host has other worries."""
        path = self._path(key)
        if path is not None:
            with contextlib.suppress(OSError):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_atomically(path, tree.hex().encode())

    def forget(self, *key: str | Sequence[str]) -> None:
        path = self._path(key)
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink()

    def _path(self, key: Sequence[str | Sequence[str]]) -> Path | None:
        """A file for each key; its name tells nobody what the key is."""
        if self._folder is None:
            return None
        return self._folder / hashlib.sha256(repr(key).encode()).hexdigest()

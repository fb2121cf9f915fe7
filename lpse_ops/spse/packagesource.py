"""The bytes of a package, from one open file, in order; whatever is read is hashed."""

import hashlib
import os
from collections.abc import Iterator

from lpse_ops.spse.packageentry import BadArchive

STEP_BYTES = 1 << 18


class Source:
    """Reads ``size_bytes`` from the start of a descriptor, whose own position it leaves alone."""

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        self._descriptor = descriptor
        self._hash = hashlib.sha256()
        self.size_bytes = size_bytes
        self.position = 0

    def read(self, size_bytes: int) -> bytes:
        """Return some bytes, at most so many; none at the end."""
        wanted = min(size_bytes, self.size_bytes - self.position)
        content = os.pread(self._descriptor, wanted, self.position)
        if wanted and not content:
            raise BadArchive("it became shorter while it was read")
        self.position += len(content)
        self._hash.update(content)
        return content

    def take(self, size_bytes: int) -> bytes:
        """Return exactly so many bytes."""
        content = b"".join(self.chunks(size_bytes))
        if len(content) != size_bytes:
            raise BadArchive("it is cut off")
        return content

    def chunks(self, size_bytes: int) -> Iterator[bytes]:
        """Give the next so many bytes, in parts; fewer at the end."""
        left = size_bytes
        while left and (chunk := self.read(min(left, STEP_BYTES))):
            left -= len(chunk)
            yield chunk

    def peek(self, offset: int, size_bytes: int) -> bytes:
        """Look somewhere else; neither hashed nor trusted until ``take`` gave the same."""
        return os.pread(self._descriptor, size_bytes, offset)

    def sha256(self) -> str:
        """The digest of the file (hex), all of which must have been read."""
        if self.position != self.size_bytes:
            raise BadArchive(f"{self.size_bytes - self.position} bytes of it belong to nothing")
        return self._hash.hexdigest()

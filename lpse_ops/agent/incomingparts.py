"""Several contents that come as one stream, taken one after the other.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import hashlib
import os
import threading
from typing import IO, Iterator, List, Optional

from lpse_ops.agent.context import Failed, Incoming

_PIECE_BYTES = 1 << 18
_SECONDS_TO_STOP = 10


class IncomingParts:
    """A stream cut into parts of known sizes; nothing moves before the first is copied.

    A part is copied with ``copy_next``, or left out; ``skip_rest`` goes on to the next one.
    """

    def __init__(self, incoming: Incoming, sizes: List[int]) -> None:
        self._incoming = incoming
        self._sizes = list(sizes)
        # Bytes of parts left out that nobody has read yet: none are, if no later part is wanted.
        self._behind = 0
        self._left = 0 if not sizes else self._sizes.pop(0)
        self._reader: Optional[IO[bytes]] = None
        self._thread: Optional[threading.Thread] = None
        self._problem: Optional[BaseException] = None

    def copy_next(self, file: IO[bytes], checksum: str) -> int:
        """Write the part whose turn it is; ``Failed`` if it is not the one it should be."""
        size = self._left
        digest = hashlib.sha1()
        reader = self._reader or self._start()
        for _ in self._pieces(reader, self._behind):
            pass
        self._behind = self._left = 0
        for piece in self._pieces(reader, size):
            file.write(piece)
            digest.update(piece)
        if digest.hexdigest() != checksum:
            raise Failed("the content changed on the controller while it was sent")
        return size

    def skip_rest(self) -> None:
        """Leave out what is left of this part; the next one has its turn."""
        self._behind += self._left
        self._left = self._sizes.pop(0) if self._sizes else 0

    def close(self) -> None:
        """Stop reading; what was not read is lost."""
        if self._reader:
            self._reader.close()
        if self._thread:
            self._thread.join(_SECONDS_TO_STOP)

    def _start(self) -> IO[bytes]:
        reader, writer = os.pipe()
        self._reader = open(reader, "rb")  # noqa: SIM115
        target = open(writer, "wb")  # noqa: SIM115
        self._thread = threading.Thread(target=self._pump, args=(target,), daemon=True)
        self._thread.start()
        return self._reader

    def _pump(self, target: IO[bytes]) -> None:
        try:
            with target:
                self._incoming.copy_to(target)
        except BrokenPipeError:
            # Nobody wants the rest: the last parts were left out, or writing one failed.
            pass
        except Exception as problem:
            self._problem = problem

    def _pieces(self, reader: IO[bytes], size: int) -> Iterator[bytes]:
        while size:
            piece = reader.read(min(size, _PIECE_BYTES))
            if not piece:
                raise self._problem or Failed("the contents ended too soon")
            size -= len(piece)
            yield piece

"""The content of an answer of the web: read in pieces, unpacked, and known to be whole.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import gzip
import http.client
import io
import zlib
from typing import IO, Any, Optional

from lpse_ops.agent.context import Failed

_PIECE_BYTES = 1 << 18


class Body:
    """The content as the server sent it, or what it was before gzip; read once, from the start.

    ``length`` is what the server said it would send, None if it did not.  Whatever goes wrong
    on the way is ``Failed``, also an end that comes too soon.
    """

    def __init__(self, raw: Any, length: Optional[int], *, is_packed: bool) -> None:
        self._counted = _Counted(raw)
        self._length = length
        self._file: Any = self._counted
        if is_packed:
            self._file = gzip.GzipFile(fileobj=io.BufferedReader(self._counted))

    def copy_to(self, file: Any) -> int:
        """Write everything to a file; return how many bytes that were."""
        size = 0
        while True:
            piece = self._read(_PIECE_BYTES)
            if not piece:
                break
            file.write(piece)
            size += len(piece)
        self._refuse_part()
        return size

    def read(self, limit_bytes: int) -> bytes:
        """Everything; ``Failed`` if it is more than anybody wants in memory."""
        content = bytearray()
        while len(content) <= limit_bytes:
            piece = self._read(_PIECE_BYTES)
            if not piece:
                self._refuse_part()
                return bytes(content)
            content += piece
        raise Failed(f"the answer is larger than {limit_bytes} bytes; dest saves it to a file")

    def close(self) -> None:
        self._counted.close()

    def _read(self, size: int) -> bytes:
        try:
            piece: bytes = self._file.read(size)
            return piece
        except http.client.IncompleteRead as error:
            left = error.expected
            raise _incomplete(self._counted.size + len(error.partial), left) from error
        except EOFError as error:
            raise Failed("the answer ends in the middle of its gzip content") from error
        except (http.client.HTTPException, OSError, zlib.error) as error:
            raise Failed(f"failed to read the answer: {error or type(error).__name__}") from error

    def _refuse_part(self) -> None:
        if self._length is not None and self._counted.size < self._length:
            raise _incomplete(self._counted.size, self._length - self._counted.size)


def _incomplete(size: int, left: Optional[int]) -> Failed:
    rest = "the rest" if left is None else f"remaining {left} bytes"
    return Failed(f"Incomplete read, ({size} bytes came) failed to read {rest}")


class _Counted(io.RawIOBase):
    """Reads on, and counts what came."""

    def __init__(self, raw: IO[bytes]) -> None:
        self.size = 0
        self._raw = raw

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece = self._raw.read(size)
        self.size += len(piece)
        return piece

    def readinto(self, buffer: Any) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._raw.close()
        super().close()

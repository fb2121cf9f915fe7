"""Cuts files into chunks where their content says so (FastCDC).

Any chunker is legal in the format; files up to ``MIN_BYTES`` are one chunk, as restic's are, so
that trees of such files have the same ids.
"""

from pyfastcdc import FastCDC

MIN_BYTES = 512 * 1024
AVERAGE_BYTES = 1024 * 1024
MAX_BYTES = 4 * 1024 * 1024

_CHUNKER = FastCDC(avg_size=AVERAGE_BYTES, min_size=MIN_BYTES, max_size=MAX_BYTES)


def chunk_lengths(content: memoryview) -> list[int]:
    """Lengths that add up to the content's; the last one may be cut short by its end."""
    if len(content) <= MIN_BYTES:
        return [len(content)] if len(content) else []
    return [chunk.length for chunk in _CHUNKER.cut_buf(content)]

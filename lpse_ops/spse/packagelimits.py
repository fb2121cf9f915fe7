"""How large a package of SPSE may be, and a meter that stops a bomb while it is being read."""

from dataclasses import dataclass

from lpse_ops.spse.packageentry import BadArchive

_GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """Far above what a Play application with its framework takes; guesses, no rule says them.

    ``total_bytes`` and ``ratio`` are of what comes out; up to ``unjudged_bytes`` no ratio is
    looked at, as text compresses well.  ``entries`` counts folders that are only implied, too.
    """

    archive_bytes: int = 4 * _GIB
    total_bytes: int = 8 * _GIB
    entry_bytes: int = 2 * _GIB
    entries: int = 200_000
    ratio: int = 100
    unjudged_bytes: int = 64 << 20


class Meter:
    """Counts what comes out of an archive of ``archive_bytes``."""

    def __init__(self, limits: Limits, archive_bytes: int) -> None:
        self._limits = limits
        by_ratio = max(limits.unjudged_bytes, limits.ratio * archive_bytes)
        self._left = min(limits.total_bytes, by_ratio)
        self._is_ratio = by_ratio < limits.total_bytes

    def check_declared(self, name: str, size_bytes: int) -> None:
        """Refuse an entry by what its header says, before a byte of it is read."""
        if size_bytes > self._limits.entry_bytes:
            raise BadArchive(f"is larger than {self._limits.entry_bytes} bytes", name)
        if size_bytes > self._left:
            raise self._too_much(name)

    def add(self, name: str, entry_bytes: int, more_bytes: int) -> None:
        """Count ``more_bytes`` that really came out; the entry has ``entry_bytes`` with them."""
        self._left -= more_bytes
        if entry_bytes > self._limits.entry_bytes:
            raise BadArchive(f"is larger than {self._limits.entry_bytes} bytes", name)
        if self._left < 0:
            raise self._too_much(name)

    def _too_much(self, name: str) -> BadArchive:
        if self._is_ratio:
            times = f"more than {self._limits.ratio} times the archive's size"
            return BadArchive(f"unpacks the archive to {times}: it is a bomb", name)
        return BadArchive(f"unpacks it to more than {self._limits.total_bytes} bytes", name)

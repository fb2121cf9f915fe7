"""Everything one backup leaves out, joined from the flags of ``exclude``."""

import os
from dataclasses import dataclass

from lpse_ops.backup.exclude import Excludes, IfPresent, kept_names


@dataclass(frozen=True)
class Exclusions:
    """``marks`` are --exclude-if-present and --exclude-caches; ``larger_than`` is in bytes."""

    patterns: Excludes | None = None
    marks: tuple[IfPresent, ...] = ()
    larger_than: int | None = None

    def rejects(self, path: bytes) -> bool:
        return self.patterns is not None and self.patterns.rejects(path)

    def rejects_size(self, size_bytes: int) -> bool:
        return self.larger_than is not None and size_bytes > self.larger_than

    def keep(
        self, folder: bytes, entries: list["os.DirEntry[bytes]"]
    ) -> list["os.DirEntry[bytes]"]:
        """The entries of a folder that stay; in a marked one, only the mark itself."""
        if not self.marks:
            return entries
        names = kept_names(self.marks, folder)
        return entries if names is None else [each for each in entries if each.name in names]


NO_EXCLUSIONS = Exclusions()

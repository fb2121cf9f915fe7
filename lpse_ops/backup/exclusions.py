"""Everything one backup leaves out, joined from the flags of ``exclude``."""

from dataclasses import dataclass

from lpse_ops.backup.exclude import Excludes, HasMark, IfPresent, kept_names


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

    def keep(self, folder: bytes, names: list[bytes], has_mark: HasMark) -> list[bytes]:
        """The names in a folder that stay; in a marked one, only the mark itself."""
        if not self.marks:
            return names
        kept = kept_names(self.marks, folder, has_mark)
        return names if kept is None else [name for name in names if name in kept]


NO_EXCLUSIONS = Exclusions()

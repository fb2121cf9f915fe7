"""What a restore is asked for, and what it did."""

import threading
from dataclasses import dataclass, field
from typing import Protocol


class Selection(Protocol):
    """For a path of the snapshot: is it restored, and is its inside looked at?  See ``exclude``."""

    def selected(self, path: bytes, *, is_dir: bool) -> tuple[bool, bool]: ...


class Everything:
    def selected(self, path: bytes, *, is_dir: bool) -> tuple[bool, bool]:
        return True, is_dir or bool(path)


EVERYTHING = Everything()


@dataclass(frozen=True)
class RestoreOptions:
    """``verify``: all files are read again afterwards and compared.

    ``owners`` False leaves all files to whoever restores; without root that is so anyway.
    ``threads`` 0 is one a core.  ``unnamed`` False writes as on a file system that has no files
    without a name.
    """

    selection: Selection = EVERYTHING
    verify: bool = False
    sparse: bool = False
    dry_run: bool = False
    owners: bool = True
    threads: int = 0
    unnamed: bool = True


Problem = tuple[bytes, str]


@dataclass
class RestoreReport:
    """Paths are those of the snapshot.  With errors the restore is incomplete; warnings are not."""

    files_restored: int = 0
    files_unchanged: int = 0
    links_restored: int = 0
    others_restored: int = 0
    dirs: int = 0
    skipped: int = 0
    bytes_written: int = 0
    bytes_unchanged: int = 0
    verified_files: int = 0
    verified_bytes: int = 0
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


class Ledger:
    """A report that several threads fill."""

    def __init__(self) -> None:
        self.report = RestoreReport()
        self._lock = threading.Lock()

    def add(self, **counts: int) -> None:
        """Add to the counts of these names."""
        with self._lock:
            for name, number in counts.items():
                setattr(self.report, name, getattr(self.report, name) + number)

    def file_restored(self, size_bytes: int) -> None:
        with self._lock:
            self.report.files_restored += 1
            self.report.bytes_written += size_bytes

    def fail(self, path: bytes, message: str) -> None:
        with self._lock:
            self.report.errors.append((path, message))

    def warn(self, path: bytes, message: str) -> None:
        with self._lock:
            self.report.warnings.append((path, message))

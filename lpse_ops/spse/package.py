"""A package of SPSE: an archive with a version, inspected before anything is touched.

``open_package`` keeps the file open: what was inspected is what is unpacked, whatever happens to
its name meanwhile; and what is read again must be the same bytes again.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lpse_ops.errors import PackageError, PackageRefused
from lpse_ops.spse.configurationfile import MAX_BYTES
from lpse_ops.spse.layout import Found, Layout, find_layout
from lpse_ops.spse.packageentry import BadArchive, Entry, show_name
from lpse_ops.spse.packagelimits import Limits
from lpse_ops.spse.packagelinks import check_links, is_below
from lpse_ops.spse.packagesignature import Signer, hash_of, verify_package
from lpse_ops.spse.packagesource import Source
from lpse_ops.spse.packagewalk import OpenFile, discard, find_kind, walk
from lpse_ops.spse.releaseversion import find_version, is_of_layout, is_version


@dataclass(frozen=True)
class Expected:
    """What the package should be: its digest (hex), its version, and signed by one of these."""

    sha256: str | None = None
    version: str | None = None
    signature: str | None = None
    signers: tuple[Signer, ...] = ()


@dataclass(frozen=True)
class Inspected:
    """A package in which nothing is wrong; ``entries`` are all, with those beside ``root``.

    ``version`` is None where neither its name nor anybody says it.  ``signer`` is None where no
    signature was given, ``is_expected`` whether a digest was.
    """

    name: str
    kind: str
    size_bytes: int
    sha256: str
    is_expected: bool
    signer: Signer | None
    version: str | None
    root: str
    layout: Layout
    entries: tuple[Entry, ...]

    @property
    def content(self) -> tuple[Entry, ...]:
        """What a release gets, under paths below the application's folder.

        A packed process number is another machine's: the stop script would kill a stranger.
        """
        at = len(self.root) + 1 if self.root else 0
        below = [(each.path[at:], each) for each in self.entries if is_below(each.path, self.root)]
        return tuple(
            Entry(
                path,
                each.kind,
                each.size_bytes,
                each.sha256,
                each.is_executable,
                each.target[at:] if each.kind == "hard link" else each.target,
            )
            for path, each in below
            if path not in self.layout.pid_files
        )

    @property
    def unpacked_bytes(self) -> int:
        return sum(each.size_bytes for each in self.content)

    def notes(self) -> list[str]:
        """What who installs it should know; nothing of it forbids to."""
        notes = []
        beside = [each for each in self.entries if not is_below(each.path, self.root)]
        beside = [each for each in beside if not f"{self.root}/".startswith(f"{each.path}/")]
        if beside:
            first = show_name(beside[0].path)
            notes.append(f"{len(beside)} entries beside the application stay out, first {first}")
        if len(self.entries) - len(beside) - len(self.content) > self._above_root():
            notes.append("a server.pid was packed and stays out: its number is no process here")
        if self.version is None:
            notes.append("its name tells no version: say it with --release VERSION")
        elif not is_of_layout(self.version, self.layout.name):
            notes.append(f"version {self.version} with the layout of {self.layout.name}: which is?")
        if not self.is_expected:
            notes.append("its SHA-256 was not compared: --sha256 HEX, as LKPP states it")
        if self.signer is None:
            notes.append("it is not signed, or nobody asked: --signature FILE --signers FILE")
        if not self.layout.has_migration:
            notes.append(f"{self.layout.start_script} is not known to have the verb migration")
        return notes

    def _above_root(self) -> int:
        """How many entries are folders on the way to the application's."""
        paths = {each.path for each in self.entries}
        root = PurePosixPath(self.root)
        return sum(str(each) in paths for each in (root, *root.parents))


class Package:
    """An archive that is open; see ``open_package``."""

    def __init__(self, path: Path, descriptor: int, limits: Limits) -> None:
        self.path = path
        self._descriptor = descriptor
        self._limits = limits
        self._size_bytes = os.fstat(descriptor).st_size

    def inspect(self, expected: Expected | None = None) -> Inspected:
        """Judge all of it, who it is from first; raises ``PackageRefused``."""
        expected = expected or Expected()
        signer = self._check_origin(expected)
        with self._refusals():
            if self._size_bytes > self._limits.archive_bytes:
                raise BadArchive(f"it is larger than {self._limits.archive_bytes} bytes")
            source = self._source()
            kind = find_kind(source)
            entries = walk(source, kind, self._limits)
            sha256 = source.sha256()
            found = find_layout({each.path: each.kind for each in entries})
            check_links({each.path: each for each in entries}, found.root)
            _check_configuration(entries, found)
        self._check_sha256(expected, sha256)
        return Inspected(
            name=self.path.name,
            kind=kind,
            size_bytes=self._size_bytes,
            sha256=sha256,
            is_expected=expected.sha256 is not None,
            signer=signer,
            version=_choose_version(expected.version, self.path.name),
            root=found.root,
            layout=found.layout,
            entries=entries,
        )

    def unpack(self, inspected: Inspected, open_file: OpenFile = discard) -> None:
        """Walk through it again, handing on the bytes; ``PackageRefused`` if they differ.

        What was written must be thrown away then.
        """
        with self._refusals():
            source = self._source()
            entries = walk(source, inspected.kind, self._limits, open_file)
            if entries != inspected.entries or source.sha256() != inspected.sha256:
                raise BadArchive("it changed after it was inspected")

    def _source(self) -> Source:
        return Source(self._descriptor, self._size_bytes)

    def _check_origin(self, expected: Expected) -> Signer | None:
        """Before any of it is parsed: strangers' bytes are the ones to fear."""
        if expected.sha256 is None and expected.signature is None:
            return None
        hash_name = hash_of(expected.signature) if expected.signature else "sha256"
        digests = {name: hashlib.new(name) for name in {"sha256", hash_name}}
        with self._refusals():
            for chunk in self._source().chunks(self._size_bytes):
                for digest in digests.values():
                    digest.update(chunk)
        self._check_sha256(expected, digests["sha256"].hexdigest())
        if expected.signature is None:
            return None
        signers = list(expected.signers)
        return verify_package(expected.signature, digests[hash_name].digest(), signers)

    def _check_sha256(self, expected: Expected, sha256: str) -> None:
        if expected.sha256 not in (None, sha256):
            raise PackageRefused(
                f"{self.path} is refused: its SHA-256 is {sha256}, not {expected.sha256}",
                hint=f"do not install it; compare `sha256sum {self.path}` with what LKPP states, "
                "and fetch it again",
            )

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except BadArchive as error:
            raise PackageRefused(
                f"{self.path} is refused: {error}",
                hint=f"do not install it; compare `sha256sum {self.path}` with what LKPP states, "
                "and fetch it again",
            ) from error


@contextlib.contextmanager
def open_package(path: Path, limits: Limits | None = None) -> Iterator[Package]:
    """Open an archive, which must be a regular file; ``PackageError`` if it cannot be read."""
    try:
        # A fifo must not hang us, and is refused below.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise PackageError(
            f"cannot read {path}: {error.strerror}", hint=f"check its name: ls -l {path.parent}"
        ) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise PackageError(
                f"{path} is not a file", hint="give the archive itself, as LKPP handed it over"
            )
        yield Package(path, descriptor, limits or Limits())
    finally:
        os.close(descriptor)


def _check_configuration(entries: tuple[Entry, ...], found: Found) -> None:
    """It is read into memory whole."""
    path = str(PurePosixPath(found.root, found.layout.configuration))
    if any(each.path == path and each.size_bytes > MAX_BYTES for each in entries):
        raise BadArchive(f"is larger than {MAX_BYTES} bytes", path)


def _choose_version(said: str | None, file_name: str) -> str | None:
    if said is None:
        return find_version(file_name)
    if not is_version(said):
        raise PackageError(
            f"{ascii(said)[:60]} is no version that a release can have",
            hint="write it as 4.5, 4.5.2 or 4.5u20230901: --release 4.5",
        )
    return said

"""Makes the index say again what the packs hold.

What good index files say is kept for packs that are there with the right size; of all others the
headers are read.  New index files are stored before old ones are removed.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.indexfile import PackList, parse_index
from lpse_ops.backup.indexwriter import IndexWriter
from lpse_ops.backup.pack import (
    LENGTH_BYTES,
    PackEntry,
    damaged_pack,
    encode_entry,
    pack_bytes,
    parse_entries,
    parse_header_length,
)
from lpse_ops.backup.progress import SILENT, Progress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import DamagedRepository, OpsError

# The headers of most packs are smaller: one request reads length and header.
_TAIL_BYTES = 32 * 1024


class Listed(NamedTuple):
    """What an index file says of a pack: the size and the header that it must have."""

    pack_id: bytes
    size_bytes: int
    header: bytes


@dataclass(frozen=True)
class IndexFacts:
    """Of every index file what it lists; ``damaged`` are those that cannot be read, and why."""

    files: Mapping[str, tuple[Listed, ...]]
    damaged: Mapping[str, str]


@dataclass
class IndexReport:
    """Pack ids by what was wrong with them, index ids by what became of them."""

    unlisted: list[bytes] = field(default_factory=list)
    missing: list[bytes] = field(default_factory=list)
    relisted: list[bytes] = field(default_factory=list)
    unreadable: dict[bytes, str] = field(default_factory=dict)
    damaged_files: dict[str, str] = field(default_factory=dict)
    saved: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    @property
    def is_changed(self) -> bool:
        return bool(self.removed or self.unlisted or self.relisted)


def repair_index(
    repository: Repository,
    *,
    read_all_packs: bool = False,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> IndexReport:
    """The caller holds an exclusive lock.  A pack whose header is damaged stays listed."""
    repository.ensure_writable()
    with rare_collections():
        sizes = pack_sizes(repository)
        facts = read_index_facts(repository)
        suspects = set(sizes) if read_all_packs else plan_reads(facts, sizes)
        return _Repair(repository, facts, sizes, dry_run=dry_run).run(suspects, progress)


def pack_sizes(repository: Repository) -> dict[bytes, int]:
    """Ids and sizes in bytes of the packs that are there."""
    files = repository.backend.files(FileKind.PACK)
    return {bytes.fromhex(file.id): file.size_bytes for file in files}


def read_index_facts(repository: Repository) -> IndexFacts:
    files: dict[str, tuple[Listed, ...]] = {}
    damaged: dict[str, str] = {}
    for index_id in repository.files(FileKind.INDEX):
        try:
            content = repository.load(FileKind.INDEX, index_id)
            files[index_id] = tuple(map(_listed, parse_index(content, index_id)))
        except DamagedRepository as error:  # a disk that fails proves nothing
            damaged[index_id] = error.message
    return IndexFacts(files, damaged)


def _listed(pack: PackList) -> Listed:
    pack_id, entries = pack
    in_order = sorted(entries, key=lambda entry: entry.offset)
    end = 0
    for entry in in_order:
        if entry.offset != end:
            return Listed(pack_id, -1, b"")  # a gap or an overlap: no pack is like that
        end += entry.length
    return Listed(pack_id, pack_bytes(in_order), _header_digest(in_order))


def _header_digest(entries: Iterable[PackEntry]) -> bytes:
    return hashlib.sha256(b"".join(map(encode_entry, entries))).digest()


def plan_reads(facts: IndexFacts, sizes: Mapping[bytes, int]) -> set[bytes]:
    """The packs that are there and of which no index, or not every index, tells the truth."""
    listings: dict[bytes, Listed] = {}
    doubtful: set[bytes] = set()
    for listed in (each for packs in facts.files.values() for each in packs):
        first = listings.setdefault(listed.pack_id, listed)
        if first != listed or sizes.get(listed.pack_id) != listed.size_bytes:
            doubtful.add(listed.pack_id)
    return {pack_id for pack_id in sizes if pack_id not in listings or pack_id in doubtful}


def read_header(repository: Repository, pack_id: bytes, size_bytes: int) -> list[PackEntry]:
    """The blobs of a pack by its own header, proved to fill the pack; memory is bounded."""
    name, file_id = file_name(FileKind.PACK, pack_id.hex()), pack_id.hex()
    first = min(size_bytes, _TAIL_BYTES)
    tail = repository.backend.load(name, size_bytes - first, first)
    length = parse_header_length(tail[-LENGTH_BYTES:], size_bytes, file_id)
    if length + LENGTH_BYTES > first:
        sealed = repository.backend.load(name, size_bytes - LENGTH_BYTES - length, length)
    else:
        sealed = tail[-LENGTH_BYTES - length : -LENGTH_BYTES]
    header = repository.crypter.open(sealed, f"the header of pack {file_id[:10]}")
    entries = parse_entries(header, file_id)
    if pack_bytes(entries) != size_bytes:
        raise damaged_pack(file_id, "its header does not fit its size")
    return entries


def drop_packs(repository: Repository, packs: set[bytes]) -> None:
    """Take packs out of the index: new index files first, then the obsolete ones go."""
    writer = IndexWriter(repository)
    obsolete = []
    for index_id in repository.files(FileKind.INDEX):
        listed = list(parse_index(repository.load(FileKind.INDEX, index_id), index_id))
        if any(pack_id in packs for pack_id, _ in listed):
            obsolete.append(index_id)
            for pack_id, entries in listed:
                if pack_id not in packs:
                    writer.add(pack_id, entries)
    writer.flush()
    for index_id in obsolete:
        repository.remove(FileKind.INDEX, index_id)


class _Repair:
    """One run: packs are confirmed where they are listed rightly, or written anew."""

    def __init__(
        self,
        repository: Repository,
        facts: IndexFacts,
        sizes: Mapping[bytes, int],
        *,
        dry_run: bool,
    ) -> None:
        self._repository = repository
        self._facts = facts
        self._sizes = sizes
        self._writer = None if dry_run else IndexWriter(repository)
        self._times_listed = Counter(
            each.pack_id for packs in facts.files.values() for each in packs
        )
        # Packs of index files that stay, packs written anew, and those without a good header.
        self._kept: set[bytes] = set()
        self._rewritten: set[bytes] = set()
        self._clipped: dict[bytes, dict[int, PackEntry]] = {}
        self.report = IndexReport(damaged_files=dict(facts.damaged))

    def run(self, suspects: set[bytes], progress: Progress) -> IndexReport:
        self.report.missing = sorted(self._times_listed.keys() - self._sizes.keys())
        truths = {
            each.pack_id: each.header for packs in self._facts.files.values() for each in packs
        }
        for pack_id in sorted(suspects):
            self._read(pack_id, truths.get(pack_id))
            progress.advance(self._sizes[pack_id])
        obsolete = list(self._obsolete_files())
        for index_id in obsolete:
            if index_id not in self._facts.damaged:
                self._carry_over(index_id)
        self._write_clipped()
        self._replace(obsolete)
        return self.report

    def _read(self, pack_id: bytes, listed_header: bytes | None) -> None:
        """Ask the pack itself; where index and header agree nothing has to be written."""
        listed = self._times_listed[pack_id]
        try:
            entries = read_header(self._repository, pack_id, self._sizes[pack_id])
        except OpsError as error:
            self.report.unreadable[pack_id] = error.message
            if listed:
                self._clipped[pack_id] = {}
            return
        if listed == 1 and _header_digest(entries) == listed_header:
            return
        (self.report.relisted if listed else self.report.unlisted).append(pack_id)
        self._rewritten.add(pack_id)
        self._write(pack_id, entries)

    def _obsolete_files(self) -> Iterator[str]:
        """Damaged files, and those that list a pack wrongly, once more, or that is gone."""
        yield from self._facts.damaged
        for index_id, packs in self._facts.files.items():
            ids = {each.pack_id for each in packs}
            is_right = all(self._sizes.get(each.pack_id) == each.size_bytes for each in packs)
            listed_twice = len(ids) < len(packs) or ids & self._kept or ids & self._rewritten
            if not ids or not is_right or listed_twice:
                yield index_id
            else:
                self._kept |= ids

    def _carry_over(self, index_id: str) -> None:
        """Write anew what an obsolete file says rightly, unless another file says it too."""
        content = self._repository.load(FileKind.INDEX, index_id)
        for pack_id, entries in parse_index(content, index_id):
            if pack_id in self._kept or pack_id in self._rewritten or pack_id not in self._sizes:
                continue
            if pack_id in self._clipped:
                size = self._sizes[pack_id]
                inside = [entry for entry in entries if entry.offset + entry.length <= size]
                self._clipped[pack_id].update({entry.offset: entry for entry in inside})
                continue
            self._rewritten.add(pack_id)
            self._write(pack_id, entries)

    def _write_clipped(self) -> None:
        """Without a header only the index knows where blobs lie, and repair packs asks it."""
        for pack_id, entries in self._clipped.items():
            if entries and pack_id not in self._kept:
                self._write(pack_id, [entries[offset] for offset in sorted(entries)])

    def _write(self, pack_id: bytes, entries: list[PackEntry]) -> None:
        if self._writer is not None:
            self._writer.add(pack_id, entries)

    def _replace(self, obsolete: Sequence[str]) -> None:
        self.report.removed = list(obsolete)
        if self._writer is None:
            return
        self._writer.flush()
        self.report.saved = self._writer.saved
        for index_id in obsolete:
            self._repository.remove(FileKind.INDEX, index_id)

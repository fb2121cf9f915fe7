"""Saves out of damaged packs what still opens, then takes the packs out of the repository.

A copy of each damaged pack is kept in a folder first: another tool may read more of it one day.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from lpse_ops.atomicfile import open_atomically
from lpse_ops.backup.blobindex import BlobIndex, Location
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.packproof import PackFacts, PackProver
from lpse_ops.backup.progress import SILENT, Progress
from lpse_ops.backup.repairindex import (
    Listed,
    drop_packs,
    pack_sizes,
    read_header,
    read_index_facts,
)
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.solosaver import SoloSaver
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import DamagedRepository, OpsError, RepositoryError, StorageError

# A larger pack is read blob by blob.
_WHOLE_BYTES = 192 * 1024 * 1024
_PIECE_BYTES = 16 * 1024 * 1024

Blob = tuple[BlobType, bytes]


@dataclass
class PackRepair:
    """What became of one damaged pack; ``copy`` is None if it could not be copied whole.

    ``lost`` are the blobs that could not be saved and lie in no other pack.
    """

    id: bytes
    salvaged: int = 0
    lost: list[Blob] = field(default_factory=list)
    copy: Path | None = None


def list_packs(repository: Repository) -> dict[bytes, Listed]:
    """What the index says of each pack; raises if an index file cannot be read."""
    facts = read_index_facts(repository)
    for index_id, message in facts.damaged.items():
        raise DamagedRepository(
            f"index file {index_id[:10]} is damaged: {message}",
            hint="run lpse-ops backup repair index first; keep a copy of the repository",
        )
    return {each.pack_id: each for packs in facts.files.values() for each in packs}


def find_damaged(
    repository: Repository, progress: Progress = SILENT, *, threads: int = 0
) -> dict[bytes, list[str]]:
    """Read every listed pack that is there; what is wrong with those that are damaged."""
    listed = list_packs(repository)
    sizes = {each: size for each, size in pack_sizes(repository).items() if each in listed}
    prover = PackProver(repository)

    def problems(pack_id: bytes) -> list[str]:
        proof = prover.prove(PackFacts(pack_id, sizes[pack_id]))
        found = proof.against(pack_id, listed[pack_id].header)
        progress.advance(sizes[pack_id])
        return found

    with rare_collections(), ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
        results = zip(sizes, pool.map(problems, sizes), strict=True)
        return {pack_id: found for pack_id, found in results if found}


def choose_packs(repository: Repository, prefixes: Sequence[str]) -> list[bytes]:
    """The packs that are there and begin with these digits, one for each."""
    ids = repository.files(FileKind.PACK)
    return [_choose_pack(ids, prefix) for prefix in prefixes]


def _choose_pack(ids: Sequence[str], prefix: str) -> bytes:
    found = [each for each in ids if prefix and each.startswith(prefix.lower())]
    if len(found) == 1:
        return bytes.fromhex(found[0])
    raise RepositoryError(
        f"{len(found) or 'no'} packs begin with {prefix!r}",
        hint="lpse-ops backup check --read-data names damaged packs; --all-damaged finds them",
    )


def salvage_packs(
    repository: Repository,
    packs: Collection[bytes],
    folder: Path,
    *,
    second: Repository | None = None,
) -> list[PackRepair]:
    """Put what opens into new packs, keep copies in ``folder``, remove the damaged packs.

    Packs that are not there are passed over.
    ``second`` is a copy of the repository whose own packs may be damaged at other places.  The
    caller holds an exclusive lock.  New packs are durable and listed before the old ones are
    taken out of the index, and those are removed last, if they could be copied.
    """
    if not packs:
        return []
    repository.ensure_writable()
    list_packs(repository)
    listed = _listed_entries(repository, packs)
    stored = _stored_packs(repository, packs)
    more = _stored_packs(second, packs) if second is not None else {}
    repairs = [PackRepair(each, copy=_keep_copy(pack, folder)) for each, pack in stored.items()]
    saver = SoloSaver(repository, BlobIndex())
    for repair in repairs:
        copies = [each[repair.id] for each in (stored, more) if repair.id in each]
        _salvage(copies, repair, listed[repair.id], saver)
    saver.finish()
    _pass_over_copies(repository, repairs, set(stored))
    # A disk that gives nothing at all proves no damage: only the index knows what is in the pack.
    read = {each.id for each in repairs if each.copy is not None or each.salvaged}
    drop_packs(repository, read)
    for repair in repairs:
        if repair.copy is not None:
            repository.remove(FileKind.PACK, repair.id.hex())
    return repairs


def _listed_entries(
    repository: Repository, packs: Collection[bytes]
) -> dict[bytes, list[PackEntry]]:
    found: dict[bytes, list[PackEntry]] = {pack_id: [] for pack_id in packs}
    for pack_id, entries in repository.index_packs():
        if pack_id in found:
            found[pack_id] += entries
    return found


class _StoredPack(NamedTuple):
    repository: Repository
    id: bytes
    size_bytes: int

    def load(self, offset: int, length: int) -> bytes:
        return self.repository.backend.load(file_name(FileKind.PACK, self.id.hex()), offset, length)

    def pieces(self) -> Iterator[bytes]:
        for offset in range(0, self.size_bytes, _PIECE_BYTES):
            yield self.load(offset, min(_PIECE_BYTES, self.size_bytes - offset))

    def reader(self) -> Callable[[PackEntry], Buffer]:
        """Reads blobs out of memory; one by one if the pack is too large or the disk fails."""
        try:
            if self.size_bytes <= _WHOLE_BYTES:
                whole = memoryview(self.load(0, self.size_bytes))
                return lambda entry: whole[entry.offset : entry.offset + entry.length]
        except StorageError:
            pass
        return lambda entry: self.load(entry.offset, entry.length)


def _stored_packs(repository: Repository, packs: Collection[bytes]) -> dict[bytes, _StoredPack]:
    sizes = pack_sizes(repository)
    return {each: _StoredPack(repository, each, sizes[each]) for each in packs if each in sizes}


def _keep_copy(pack: _StoredPack, folder: Path) -> Path | None:
    """Copy a pack as it is; None if the disk does not give all of it."""
    try:
        return keep_file(folder / f"pack-{pack.id.hex()}", pack.pieces())
    except StorageError:
        return None


def keep_file(path: Path, pieces: Iterable[bytes]) -> Path:
    """Keep bytes of a damaged file under a path of the local disk, durably; return the path."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open_atomically(path) as stream:
            for piece in pieces:
                stream.write(piece)
    except OSError as error:
        raise OpsError(
            f"cannot keep a copy of a damaged file as {path}: {error.strerror}",
            hint="give a folder with room: --keep-damaged DIR",
        ) from error
    return path


def _salvage(
    copies: Sequence[_StoredPack], repair: PackRepair, listed: list[PackEntry], saver: SoloSaver
) -> None:
    """Try every place that a pack's own header or the index gives for a blob."""
    promised: set[Blob] = set()
    saved: set[Blob] = set()
    for pack in copies:
        read = pack.reader()
        for entry in dict.fromkeys([*_header(pack), *listed]):
            blob = (entry.type, entry.id)
            promised.add(blob)
            if blob in saved or entry.offset + entry.length > pack.size_bytes:
                continue
            try:
                plaintext = pack.repository.open_blob(Location(pack.id, entry), read(entry))
            except OpsError:
                continue
            saver.save_copy(entry.type, entry.id, plaintext)
            saved.add(blob)
    repair.salvaged = len(saved)
    repair.lost = sorted(promised - saved)


def _header(pack: _StoredPack) -> list[PackEntry]:
    try:
        return read_header(pack.repository, pack.id, pack.size_bytes)
    except OpsError:
        return []


def _pass_over_copies(
    repository: Repository, repairs: Sequence[PackRepair], damaged: set[bytes]
) -> None:
    """Strike from what is lost the blobs that lie, or were now put, in another pack."""
    lost = {blob for repair in repairs for blob in repair.lost}
    if not lost:
        return
    sizes = pack_sizes(repository)
    elsewhere: set[Blob] = set()
    for pack_id, entries in repository.index_packs():
        if pack_id not in damaged and pack_id in sizes:
            elsewhere |= lost & {(entry.type, entry.id) for entry in entries}
    for repair in repairs:
        repair.lost = [blob for blob in repair.lost if blob not in elsewhere]

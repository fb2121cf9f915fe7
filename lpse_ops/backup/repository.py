"""A repository over a backend: what every command needs to read and to write.

Order is the caller's duty (spec/restic-format.md, section 15): snapshots are listed before
indexes are loaded; packs are durable before an index names them, indexes before a snapshot.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from lpse_ops.backup.blobindex import BlobIndex, Location
from lpse_ops.backup.compression import JSON_LEVEL, Compressor
from lpse_ops.backup.config import Config, encode_config, parse_config
from lpse_ops.backup.crypto import Buffer, Crypter, Keys, random_keys
from lpse_ops.backup.indexfile import PackList, encode_index, parse_columns, parse_index
from lpse_ops.backup.keyfile import KeyFile, encode_key_file, parse_key_file
from lpse_ops.backup.loadahead import load_ahead
from lpse_ops.backup.openkey import OpenedKey, ensure_exists, open_key
from lpse_ops.backup.pack import BlobType, header_bytes
from lpse_ops.backup.snapshot import Snapshot, encode_snapshot, parse_snapshot
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind, file_name
from lpse_ops.backup.storage.location import LOCAL, scheme_of
from lpse_ops.backup.unpacked import decode_unpacked, encode_unpacked, stored_id
from lpse_ops.errors import (
    DamagedRepository,
    RepositoryError,
    StorageError,
)

# A file that decompresses to more is not one that any tool wrote.  A snapshot may name every path
# of a list, a lock names one process.
_MAX_BYTES = {FileKind.INDEX: 128 << 20, FileKind.SNAPSHOT: 64 << 20, FileKind.LOCK: 1 << 20}
_COMMITS = (FileKind.INDEX, FileKind.SNAPSHOT)
# How many files are asked for at once where each answer takes its time.
_FAR_AT_ONCE = 8


class TreePacks(Protocol):
    """Who wants to know which packs hold trees: a cache, which keeps no others."""

    def use_tree_packs(self, packs: Mapping[str, int]) -> None: ...

    def add_tree_pack(self, pack_id: str, size_bytes: int) -> None: ...


class Repository:
    """An opened repository.  Methods may be called from several threads."""

    def __init__(self, backend: Backend, keys: Keys, config: Config, key_id: str = "") -> None:
        self.backend = backend
        self.keys = keys
        self.config = config
        self.key_id = key_id
        # Called before every write; a lost lock raises here, before anything is touched.
        self.before_write: Callable[[], None] = _nothing
        # Called before an index or a snapshot is saved or removed: others rely on what they name.
        self.before_commit: Callable[[], None] = _nothing
        self.tree_packs: TreePacks | None = None
        self._local = threading.local()

    @property
    def crypter(self) -> Crypter:
        """This thread's own."""
        if not hasattr(self._local, "crypter"):
            self._local.crypter = Crypter(self.keys)
        crypter: Crypter = self._local.crypter
        return crypter

    @property
    def compressor(self) -> Compressor:
        """This thread's own."""
        if not hasattr(self._local, "compressor"):
            self._local.compressor = Compressor()
        compressor: Compressor = self._local.compressor
        return compressor

    @property
    def json_compressor(self) -> Compressor:
        """This thread's own, for trees, indexes and the like."""
        if not hasattr(self._local, "json_compressor"):
            self._local.json_compressor = Compressor(JSON_LEVEL)
        compressor: Compressor = self._local.json_compressor
        return compressor

    # -- whole files -------------------------------------------------------------------------

    def files(self, kind: FileKind) -> list[str]:
        """Ids of all files of a kind."""
        return [file.id for file in self.backend.files(kind)]

    def load(self, kind: FileKind, file_id: str) -> bytes:
        """The JSON of an index, snapshot or lock file; its name proves its content."""
        what = f"{kind.name.lower()} {file_id[:10]}"
        stored = self.backend.load(file_name(kind, file_id))
        if stored_id(stored) != file_id:
            raise DamagedRepository(
                f"{what} is damaged: its content does not match its name",
                hint="run lpse-ops backup check; another copy of the repository may be whole",
            )
        return decode_unpacked(stored, self.crypter, self.compressor, what, _MAX_BYTES[kind])

    def save(self, kind: FileKind, content: bytes) -> str:
        """Store JSON durably under the name that its bytes give; return the id."""
        stored = encode_unpacked(content, self.crypter, self.json_compressor, _MAX_BYTES[kind])
        file_id = stored_id(stored)
        self.before_write()
        if kind in _COMMITS:
            self.before_commit()
        self.backend.save(file_name(kind, file_id), stored)
        return file_id

    def save_pack(self, pack_id: str, content: Buffer) -> None:
        self.before_write()
        self.backend.save(file_name(FileKind.PACK, pack_id), content)

    def save_tree_pack(self, pack_id: str, content: Buffer) -> None:
        """``save_pack`` of one that holds trees."""
        if self.tree_packs is not None:
            self.tree_packs.add_tree_pack(pack_id, len(content))
        self.save_pack(pack_id, content)

    def save_index(self, packs: Iterable[PackList]) -> str:
        return self.save(FileKind.INDEX, encode_index(packs))

    def save_snapshot(self, snapshot: Snapshot) -> str:
        return self.save(FileKind.SNAPSHOT, encode_snapshot(snapshot))

    def remove(self, kind: FileKind, file_id: str) -> None:
        if kind is not FileKind.LOCK:  # locks are how the guard itself does its work
            self.before_write()
            if kind in _COMMITS:
                self.before_commit()
        self.backend.remove(file_name(kind, file_id))

    def ensure_writable(self) -> None:
        """Refuse format 1: what we write is compressed, which it cannot hold."""
        if self.config.version == 1:
            raise RepositoryError(
                f"the repository at {self.backend.location} has format 1, which is read only here",
                hint="restic migrate upgrade_repo_v2 brings it to format 2, data stays as it is",
            )

    # -- snapshots, index and blobs ----------------------------------------------------------

    def snapshots(self, damaged: Callable[[str], None] | None = None) -> list[Snapshot]:
        """All snapshots, oldest first.

        With ``damaged``, those that cannot be read are told to it and left out: who restores
        wants the others.  Without, they raise: who deletes must know all.
        """
        found = []
        for snapshot_id, load in self._load_all(FileKind.SNAPSHOT):
            try:
                found.append(parse_snapshot(load(), snapshot_id))
            except DamagedRepository as error:
                if damaged is None:
                    raise
                damaged(f"snapshot {snapshot_id[:8]} is left out: {error.message}")
        return sorted(found, key=lambda snapshot: (snapshot.time, snapshot.id))

    def load_index(self) -> BlobIndex:
        index = BlobIndex()
        for index_id, load in self._load_all(FileKind.INDEX):
            index.add_columns(parse_columns(load(), index_id))
        if self.tree_packs is not None:
            self.tree_packs.use_tree_packs(_tree_packs(index))
        return index

    def index_packs(self) -> Iterator[PackList]:
        """What the index files say, one pack after another."""
        for index_id, load in self._load_all(FileKind.INDEX):
            yield from parse_index(load(), index_id)

    def _load_all(self, kind: FileKind) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """Every file of a kind with its ``load``; threads are some files ahead of it."""
        is_far = scheme_of(self.backend.location) != LOCAL
        listed = list(self.backend.files(kind))
        return load_ahead(
            [(file.id, file.size_bytes) for file in listed],
            lambda file_id: self.load(kind, file_id),
            # A disk answers a small file sooner than a thread would.
            at_once=_FAR_AT_ONCE if is_far else int(kind is FileKind.INDEX),
        )

    def load_blob(self, index: BlobIndex, blob_type: BlobType, blob_id: bytes) -> bytes:
        """A blob's plaintext, proved by its hash; a bad copy is passed over for another."""
        failure: DamagedRepository | StorageError | None = None
        for location in index.locations(blob_type, blob_id):
            try:
                return self.load_blob_at(location)
            except (DamagedRepository, StorageError) as error:
                failure = error
        if failure is not None:
            raise failure
        raise DamagedRepository(
            f"{blob_type.name.lower()} blob {blob_id.hex()[:10]} is in no pack of the repository",
            hint="run lpse-ops backup check; lpse-ops backup repair index "
            "finds packs that no index lists",
        )

    def load_blob_at(self, location: Location) -> bytes:
        name = file_name(FileKind.PACK, location.pack_id.hex())
        envelope = self.backend.load(name, location.entry.offset, location.entry.length)
        return self.open_blob(location, envelope)

    def open_blob(self, location: Location, envelope: Buffer) -> bytes:
        """Open, decompress and prove one blob's stored bytes."""
        entry = location.entry
        what = f"blob {entry.id.hex()[:10]} in pack {location.pack_id.hex()[:10]}"
        plaintext = self.crypter.open(envelope, what)
        if entry.uncompressed_length:
            plaintext = self.compressor.decompress(plaintext, entry.uncompressed_length, what)
        if hashlib.sha256(plaintext).digest() != entry.id:
            raise DamagedRepository(
                f"{what} is damaged: its content does not match its id",
                hint="run lpse-ops backup check --read-data to see what else is hit",
            )
        return plaintext

    # -- keys --------------------------------------------------------------------------------

    def key_files(self) -> list[KeyFile]:
        return [
            parse_key_file(self.backend.load(file_name(FileKind.KEY, each)), each)
            for each in self.files(FileKind.KEY)
        ]


def init_repository(
    backend: Backend, key_file_for: Callable[[Keys], KeyFile], config: Config
) -> Repository:
    """Make a new repository: the key file first, ``config`` last, so that a crash is seen."""
    _refuse_existing(backend)
    backend.prepare()
    keys = random_keys()
    key_id = save_key_file(backend, key_file_for(keys))
    backend.save(CONFIG, encode_config(config, Crypter(keys)))
    return Repository(backend, keys, config, key_id)


def open_repository(backend: Backend, password: str) -> Repository:
    """Open with a password; raises as ``open_key``."""
    ensure_exists(backend)
    return repository_of(backend, open_key(backend, password))


def open_with_keys(backend: Backend, keys: Keys) -> Repository:
    """Open with the master key itself, from a recovery sheet."""
    ensure_exists(backend)
    return repository_of(backend, OpenedKey(keys))


def repository_of(backend: Backend, key: OpenedKey, config: bytes | None = None) -> Repository:
    """``config`` is that file's content, where it was loaded before."""
    stored = backend.load(CONFIG) if config is None else config
    return Repository(backend, key.keys, parse_config(stored, Crypter(key.keys)), key.id)


def save_key_file(backend: Backend, key_file: KeyFile) -> str:
    content = encode_key_file(key_file)
    key_id = stored_id(content)
    # A broken key file would lock everybody out, restic too: read it back before it counts.
    parse_key_file(content, key_id)
    backend.save(file_name(FileKind.KEY, key_id), content)
    return key_id


def _tree_packs(index: BlobIndex) -> dict[str, int]:
    """Packs of trees alone, with their sizes in bytes as the index has them."""
    found = {}
    for pack_id, rows in index.pack_rows():
        if all(index.kinds[row] == BlobType.TREE for row in rows):
            header = header_bytes([index.entry_at(row) for row in rows])
            found[pack_id.hex()] = index.blobs_end(pack_id) + header
    return found


def _refuse_existing(backend: Backend) -> None:
    if backend.exists(CONFIG):
        raise RepositoryError(
            f"there is a repository at {backend.location} already",
            hint="use it: lpse-ops backup; or give another --repo",
        )
    for kind in (FileKind.KEY, FileKind.SNAPSHOT):
        if next(backend.files(kind), None) is not None:
            raise RepositoryError(
                f"{backend.location} holds {kind} of a repository whose config is gone",
                hint="lpse-ops backup key recover writes config anew; after an init that was "
                "cut short, remove the folder and run init again",
            )


def _nothing() -> None:
    """The default of ``before_write`` and ``before_commit``."""

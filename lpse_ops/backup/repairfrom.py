"""Makes a repository whole from a second copy of it: a clone, with the same ids, keys and names.

Nearly every file is named by the SHA-256 of its bytes, so a file of that name whose bytes fit is
the very file.  That is the best repair there is, whatever the damage.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.config import parse_config
from lpse_ops.backup.indexfile import parse_index
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repairindex import pack_sizes, read_index_facts
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import parse_snapshot
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind, file_name
from lpse_ops.backup.tree import parse_tree
from lpse_ops.backup.unpacked import stored_id
from lpse_ops.errors import DamagedRepository, OpsError, RepositoryError, StorageError


@dataclass
class Fetched:
    """``files`` are names fetched; ``failed`` those that the second copy does not have whole."""

    files: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def open_beside(backend: Backend, other: Repository) -> Repository:
    """Open the damaged repository with the keys of its second copy, ``other``.

    ``RepositoryError`` if nothing proves that it is the same one: another disk may be mounted.
    """
    if not _has_config(backend, other) and not _share_a_file(backend, other.backend):
        raise RepositoryError(
            f"{backend.location} is not damaged but another place than {other.backend.location}: "
            "they have no file in common",
            hint="is the right disk mounted? a new copy of a repository is made by "
            "lpse-ops backup sync",
        )
    return Repository(backend, other.keys, other.config, other.key_id)


def _has_config(backend: Backend, other: Repository) -> bool:
    """Whether the config file is whole and that of the same repository."""
    try:
        return _is_config(backend.load(CONFIG), other)
    except StorageError:
        return False


def _is_config(content: bytes, other: Repository) -> bool:
    try:
        return parse_config(content, other.crypter) == other.config
    except DamagedRepository:
        return False


def _share_a_file(backend: Backend, other: Backend) -> bool:
    """Names are hashes of sealed bytes: two repositories never have one in common."""
    return any(
        {file.id for file in backend.files(kind)} & {file.id for file in other.files(kind)}
        for kind in (FileKind.KEY, FileKind.SNAPSHOT, FileKind.INDEX, FileKind.PACK)
    )


class SecondCopy:
    """Fetches from ``other`` what ``repository`` lacks.  The caller holds an exclusive lock."""

    def __init__(self, repository: Repository, other: Repository) -> None:
        self._repository = repository
        self.other = other
        self.fetched = Fetched()

    def fetch_small_files(self) -> None:
        """config, keys and index files that are damaged, or without which nothing opens."""
        if not _has_config(self._repository.backend, self.other):
            self._fetch(CONFIG, self._proves_config)
        self._fetch_keys()
        self._fetch_damaged(FileKind.INDEX)

    def fetch_packs(self, damaged: Iterable[bytes]) -> None:
        """These packs, and those that an index lists and that are gone or of a wrong size."""
        sizes = pack_sizes(self._repository)
        wanted = set(damaged)
        for packs in read_index_facts(self._repository).files.values():
            wanted |= {each.pack_id for each in packs if sizes.get(each.pack_id) != each.size_bytes}
        for pack_id in sorted(wanted):
            self._fetch_named(FileKind.PACK, pack_id.hex())

    def fetch_the_rest(self) -> None:
        """Snapshots damaged or gone, after the index files and packs that they need."""
        lacking = self._lacking(FileKind.SNAPSHOT)
        damaged = self._damaged(FileKind.SNAPSHOT)
        if not self._is_whole([*lacking, *damaged]):
            for index_id in self._lacking(FileKind.INDEX):
                self._fetch_index(index_id)
        for snapshot_id in (*lacking, *damaged):
            self._fetch_named(FileKind.SNAPSHOT, snapshot_id)

    def _fetch_keys(self) -> None:
        damaged = self._damaged(FileKind.KEY)
        intact = set(self._repository.files(FileKind.KEY)) - set(damaged)
        # A key that is gone may be a password taken back: only if none is left do all return.
        lacking = [] if intact else self._lacking(FileKind.KEY)
        for key_id in (*damaged, *lacking):
            self._fetch_named(FileKind.KEY, key_id)

    def _fetch_damaged(self, kind: FileKind) -> None:
        for file_id in self._damaged(kind):
            self._fetch_named(kind, file_id)

    def _damaged(self, kind: FileKind) -> list[str]:
        """Files whose bytes do not fit their names."""
        return [each for each in self._repository.files(kind) if not self._is_intact(kind, each)]

    def _is_intact(self, kind: FileKind, file_id: str) -> bool:
        try:
            return stored_id(self._repository.backend.load(file_name(kind, file_id))) == file_id
        except StorageError:
            return False

    def _lacking(self, kind: FileKind) -> list[str]:
        here = set(self._repository.files(kind))
        return [each for each in self.other.files(kind) if each not in here]

    def _fetch_named(self, kind: FileKind, file_id: str) -> bool:
        return self._fetch(file_name(kind, file_id), lambda content: stored_id(content) == file_id)

    def _fetch(self, name: str, proves: Callable[[bytes], bool]) -> bool:
        """Copy one file whole, in one step, if its bytes are what they must be."""
        try:
            content = self.other.backend.load(name)
        except StorageError as error:
            self.fetched.failed[name] = error.message
            return False
        if not proves(content):
            self.fetched.failed[name] = "it is damaged in the second copy, too"
            return False
        self._repository.before_write()
        self._repository.backend.save(name, content)
        self.fetched.files.append(name)
        self.fetched.failed.pop(name, None)
        return True

    def _proves_config(self, content: bytes) -> bool:
        return _is_config(content, self.other)

    def _is_whole(self, snapshot_ids: Iterable[str]) -> bool:
        """Whether all that is stored here, with these snapshots of the other, can be read."""
        try:
            index = self._present_index()
            theirs = [self.other.load(FileKind.SNAPSHOT, each) for each in snapshot_ids]
            roots = [parse_snapshot(content, "").tree for content in theirs]
            ours = self._repository.snapshots(lambda _: None)
            stack = list({*roots, *(each.tree for each in ours)})
            seen = set(stack)
            while stack:
                tree_id = stack.pop()
                blob = self._repository.load_blob(index, BlobType.TREE, tree_id)
                for node in parse_tree(blob, tree_id):
                    if not all(index.has(BlobType.DATA, each) for each in node.content):
                        return False
                    if node.subtree is not None and node.subtree not in seen:
                        seen.add(node.subtree)
                        stack.append(node.subtree)
        except OpsError:
            return False
        return True

    def _present_index(self) -> BlobIndex:
        """What the index says of packs that are there."""
        sizes = pack_sizes(self._repository)
        index = BlobIndex()
        for pack_id, entries in self._repository.index_packs():
            if pack_id in sizes:
                index.add_pack(pack_id, entries)
        return index

    def _fetch_index(self, index_id: str) -> None:
        """An index file that is gone, after the packs it lists; none if one cannot be had."""
        name = file_name(FileKind.INDEX, index_id)
        try:
            content = self.other.load(FileKind.INDEX, index_id)
            packs = [pack_id for pack_id, _ in parse_index(content, index_id)]
        except OpsError as error:
            self.fetched.failed[name] = error.message
            return
        here = pack_sizes(self._repository)
        lacking = [each for each in packs if each not in here]
        # All of them, also after one failed: repair index lists packs that no index does.
        had = [self._fetch_named(FileKind.PACK, each.hex()) for each in lacking]
        if all(had):
            self._fetch_named(FileKind.INDEX, index_id)

"""Proves that the recovery sheet still opens a repository, without writing anything.

Only what the sheet says and what is stored are used: no password, no key file, and no ``config``
if it is lost.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.config import Config, parse_config
from lpse_ops.backup.crypto import Buffer, Crypter
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.recovery import RecoverySecret
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.selection import choose_snapshot
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import CONFIG, Backend
from lpse_ops.backup.storage.wrapper import BackendWrapper
from lpse_ops.backup.treewalk import Entry, load_tree, walk_tree
from lpse_ops.errors import DamagedRepository, RepositoryError

# Larger documents are for the restore drill.
_MAX_BYTES = 256 << 20
# The dumps and the manifest that we put into a snapshot ourselves.
_OURS = b"/lpse-ops"


@dataclass(frozen=True)
class KeyDrill:
    """What the sheet opened: the newest snapshot, and a document out of it, proved by hash."""

    snapshot: Snapshot
    path: bytes
    size_bytes: int


def drill_key(
    backend: Backend, secret: RecoverySecret, shuffle: Callable[[list[Node]], None]
) -> KeyDrill:
    """Open the newest snapshot and one of its documents, chosen by ``shuffle``.

    Raises ``RepositoryError`` or ``DamagedRepository`` when the sheet does not do what it is for.
    """
    repository = _open(ReadOnlyBackend(backend), secret)
    snapshot = choose_snapshot(repository.snapshots(), "latest")
    index = repository.load_index()
    entry = _choose_document(repository, index, snapshot, shuffle)
    size = sum(
        len(repository.load_blob(index, BlobType.DATA, blob_id)) for blob_id in entry.node.content
    )
    if size != entry.node.size:
        raise DamagedRepository(
            f"{entry.path.decode('utf-8', 'replace')} has {size} bytes instead of "
            f"{entry.node.size}",
            hint="lpse-ops backup check --read-data says what else is wrong",
        )
    return KeyDrill(snapshot, entry.path, size)


def _open(backend: Backend, secret: RecoverySecret) -> Repository:
    config = Config(secret.repository_id, secret.polynomial)
    if backend.exists(CONFIG):
        try:
            config = parse_config(backend.load(CONFIG), Crypter(secret.keys))
        except DamagedRepository as error:
            raise RepositoryError(
                f"the sheet does not open the repository at {backend.location}",
                hint="is it the sheet with this repository's id? if config alone is damaged, "
                "lpse-ops backup key recover writes it anew",
            ) from error
    if config.id != secret.repository_id:
        raise RepositoryError(
            f"the sheet is of repository {secret.repository_id[:10]}, this one is {config.id[:10]}",
            hint="take the sheet with this repository's id",
        )
    return Repository(backend, secret.keys, config)


def _choose_document(
    repository: Repository,
    index: BlobIndex,
    snapshot: Snapshot,
    shuffle: Callable[[list[Node]], None],
) -> Entry:
    def load(tree_id: bytes) -> list[Node]:
        nodes = load_tree(repository, index, tree_id)
        shuffle(nodes)
        return nodes

    for enter in (_is_theirs, _is_any):
        for entry in walk_tree(repository, index, snapshot.tree, enter=enter, load=load):
            if entry.node.type == "file" and 0 < entry.node.size <= _MAX_BYTES:
                return entry
    raise RepositoryError(
        f"snapshot {snapshot.short_id} holds no document that could be opened",
        hint="lpse-ops backup ls latest shows what it holds",
    )


def _is_theirs(entry: Entry) -> bool:
    return entry.path != _OURS


def _is_any(_: Entry) -> bool:
    return True


class ReadOnlyBackend(BackendWrapper):
    """Lets nobody write, whatever they try."""

    def prepare(self) -> None:
        self._refuse()

    def save(self, name: str, content: Buffer) -> None:  # noqa: ARG002 - as in Backend
        self._refuse()

    def remove(self, name: str) -> None:  # noqa: ARG002 - as in Backend
        self._refuse()

    def remove_junk(self) -> None:
        """Nothing is removed."""

    def _refuse(self) -> NoReturn:
        raise RepositoryError(
            f"the repository at {self.location} is only read here",
            hint="this is a bug in lpse-ops: a drill writes nothing",
        )

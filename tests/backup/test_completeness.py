"""What counts as a complete snapshot: by what backups write, and by what forgers may."""

import json
from dataclasses import replace

import pytest

from lpse_ops.backup import completeness
from lpse_ops.backup.backuprun import OWN_FOLDER
from lpse_ops.backup.completeness import Completeness
from lpse_ops.backup.node import Node
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.fault import Fault, FaultBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from tests.backup.damage import flip, names
from tests.backup.repositories import (
    NOON,
    RepositoryBuilder,
    dir_node,
    file_node,
    make_repository,
)

UNREADABLE = {"path": "/srv/a", "error": "Permission denied"}


@pytest.fixture
def repository() -> Repository:
    return make_repository(MemoryBackend())


def with_manifest(repository: Repository, *pieces: bytes) -> Snapshot:
    builder = RepositoryBuilder(repository)
    return with_node(builder, builder.file(b"manifest.json", *pieces))


def with_node(builder: RepositoryBuilder, node: Node) -> Snapshot:
    tree = builder.tree(dir_node(b"lpse-ops", builder.tree(node)))
    builder.save()
    return Snapshot(NOON, tree, ("/lpse-ops", "/srv"), "h")


def is_complete(repository: Repository, snapshot: Snapshot) -> bool:
    return Completeness(repository).is_complete(snapshot)


def test_the_manifest_says_what_could_not_be_read(repository: Repository):
    clean = json.dumps({"unreadable": [], "changed_while_read": ["/srv/log"]}).encode()
    assert is_complete(repository, with_manifest(repository, clean[:9], clean[9:]))
    poor = json.dumps({"unreadable": [UNREADABLE]}).encode()
    assert not is_complete(repository, with_manifest(repository, poor))


def test_a_snapshot_of_plain_paths_has_nothing_that_speaks_against_it(repository: Repository):
    plain = Snapshot(NOON, bytes(32), ("/srv",), "h")
    assert is_complete(repository, plain)
    assert is_complete(repository, replace(plain, summary={"total_files_processed": 1}))


def test_a_backup_that_met_no_file_is_not_complete(repository: Repository):
    plain = Snapshot(NOON, bytes(32), ("/srv",), summary={"total_files_processed": 0})
    assert not is_complete(repository, plain)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b'{"unreadable":null}', b"\xff", b"[" * 100_000]
)
def test_a_manifest_that_says_nothing_proves_nothing(repository: Repository, content: bytes):
    assert not is_complete(repository, with_manifest(repository, content))


def test_a_manifest_whose_tree_or_blob_is_gone_proves_nothing(repository: Repository):
    gone = Snapshot(NOON, bytes(32), ("/lpse-ops", "/srv"), "h")
    assert not is_complete(repository, gone)
    builder = RepositoryBuilder(repository)
    assert not is_complete(repository, with_node(builder, file_node(b"manifest.json", [bytes(32)])))
    assert not is_complete(repository, with_node(builder, dir_node(b"manifest.json", bytes(32))))


def test_a_manifest_that_never_ends_is_given_up(repository: Repository):
    builder = RepositoryBuilder(repository)
    piece = builder.blob(bytes(8 << 20))
    node = file_node(b"manifest.json", [piece] * 40)
    assert not is_complete(repository, with_node(builder, node))


def test_the_folder_is_the_one_that_backups_write():
    assert completeness.OWN_FOLDER.encode() == OWN_FOLDER


def test_while_storage_does_not_tell_a_snapshot_may_be_complete(repository: Repository):
    snapshot = with_manifest(repository, b'{"unreadable": []}')
    assert is_complete(repository, snapshot)
    for kind in (FileKind.INDEX, FileKind.PACK):
        failing = FaultBackend(
            repository.backend, looks=lambda _, __, name, kind=kind: _eio(name, kind)
        )
        judge = Completeness(Repository(failing, repository.keys, repository.config))
        assert not judge.is_complete(snapshot)
        assert judge.may_be_complete(snapshot)
    flip(repository.backend, names(repository.backend, FileKind.INDEX)[0], 40)
    judge = Completeness(repository)
    assert not judge.is_complete(snapshot)
    assert judge.may_be_complete(snapshot)


def _eio(name: str, kind: FileKind) -> Fault | None:
    return Fault.EIO if name.startswith(kind) else None


def test_what_is_known_to_be_poor_may_not_be_complete(repository: Repository):
    poor = with_manifest(repository, json.dumps({"unreadable": [UNREADABLE]}).encode())
    empty = Snapshot(NOON, bytes(32), ("/srv",), summary={"total_files_processed": 0})
    judge = Completeness(repository)
    assert not judge.may_be_complete(poor)
    assert not judge.may_be_complete(empty)

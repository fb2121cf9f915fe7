"""Snapshots that take the place of others."""

import json

import pytest

from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.snapshotedit import edited_snapshot, replace_snapshot
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.fault import FaultBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import DamagedRepository
from tests.backup.repositories import NOON, make_repository

STORED = {
    "time": "2026-03-04T12:00:00.123456789+08:00",
    "tree": "11" * 32,
    "paths": ["/a"],
    "hostname": "lpse",
    "tags": ["daily"],
    "from_the_future": {"x": 1},
}


@pytest.fixture
def repository() -> Repository:
    return make_repository(MemoryBackend())


def save(repository: Repository, fields: dict[str, object]) -> Snapshot:
    repository.save(FileKind.SNAPSHOT, json.dumps(fields).encode())
    return repository.snapshots()[0]


def test_only_what_is_changed_changes(repository: Repository):
    snapshot = save(repository, STORED)
    content = edited_snapshot(repository, snapshot, {"tree": "22" * 32}, tag="rewrite")
    assert json.loads(content) == {
        **STORED,
        "tree": "22" * 32,
        "tags": ["daily", "rewrite"],
        "original": snapshot.id,
    }


@pytest.mark.parametrize(("before", "tag"), [(["daily", "rewrite"], "rewrite"), (["daily"], "")])
def test_no_tag_or_one_that_is_there_adds_none(repository: Repository, before, tag):
    snapshot = save(repository, {**STORED, "tags": before})
    content = edited_snapshot(repository, snapshot, {}, tag=tag)
    assert json.loads(content)["tags"] == before


def test_what_could_not_be_read_is_not_stored(repository: Repository):
    snapshot = save(repository, STORED)
    with pytest.raises(DamagedRepository):
        edited_snapshot(repository, snapshot, {"tree": "22"}, tag="")


@pytest.mark.parametrize(("forget", "steps"), [(False, ["save"]), (True, ["save", "remove"])])
def test_the_new_one_is_stored_before_the_old_one_goes(repository: Repository, forget, steps):
    snapshot = save(repository, STORED)
    watched = FaultBackend(repository.backend)
    new_id = replace_snapshot(
        Repository(watched, repository.keys, repository.config),
        snapshot,
        edited_snapshot(repository, snapshot, {}, tag="x"),
        forget=forget,
    )
    assert [operation for operation, _ in watched.operations] == steps
    assert new_id in repository.files(FileKind.SNAPSHOT)
    assert (snapshot.id in repository.files(FileKind.SNAPSHOT)) is not forget
    assert snapshot.time.date() == NOON.date()

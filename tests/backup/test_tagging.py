"""Tags are changed by a new file and the end of the old one, whatever stops in between."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.backup.milestone import milestone_tags
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Stopped, fault_at
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.tagging import Retagged, TagChange, change_tags, refuse_milestone_tags
from lpse_ops.errors import OpsError, RepositoryError, UsageError
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.repositories import make_repository
from tests.backup.storing import open_cheap
from tests.restic_binaries import Restic

FIELDS = {
    "time": "2026-03-09T23:30:00.123456789+07:00",
    "tree": "11" * 32,
    "paths": ["/srv"],
    "hostname": "h",
    "tags": ["a"],
    "summary": {"files_new": 3, "of_a_later_restic": 2},
    "unknown": [1, {"x": None}],
}
MILESTONE = TagChange(milestone=milestone_tags("audit"))


def save(repository: Repository, **fields: Any) -> str:
    return repository.save(FileKind.SNAPSHOT, json.dumps({**FIELDS, **fields}).encode())


def retag(repository: Repository, change: TagChange) -> list[Retagged]:
    everything = repository.snapshots()
    return change_tags(repository, everything, everything, change)


def raw(repository: Repository) -> list[dict[str, Any]]:
    ids = repository.files(FileKind.SNAPSHOT)
    return [json.loads(repository.load(FileKind.SNAPSHOT, each)) for each in ids]


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (TagChange(add=("b", "a")), ("a", "b")),
        (TagChange(remove=("a",)), ()),
        (TagChange(add=("b",), remove=("a", "b")), ()),
        (TagChange(set=("x", "y")), ("x", "y")),
        (TagChange(set=()), ()),
        (MILESTONE, ("a", "keep-forever", "keep-forever:audit")),
        (TagChange(add=("b",), end_milestone=True), ("a", "b")),
    ],
)
def test_what_a_change_makes_of_tags(change: TagChange, after: tuple[str, ...]):
    assert change.apply(("a",)) == after


def test_a_new_reason_replaces_the_old_one_and_the_end_takes_both_tags():
    tags = TagChange(milestone=milestone_tags("banding")).apply(MILESTONE.apply(("a",)))
    assert tags == ("a", "keep-forever", "keep-forever:banding")
    assert TagChange(end_milestone=True).apply(tags) == ("a",)


def test_every_field_stays_but_tags_and_the_first_id_is_remembered():
    repository = make_repository(MemoryBackend())
    first = save(repository)
    [done] = retag(repository, TagChange(add=("b",)))
    assert raw(repository) == [{**FIELDS, "tags": ["a", "b"], "original": first}]
    assert (done.old.id, repository.files(FileKind.SNAPSHOT)) == (first, [done.new_id])
    retag(repository, TagChange(set=()))
    without_tags = {key: value for key, value in FIELDS.items() if key != "tags"}
    assert raw(repository) == [{**without_tags, "original": first}]


def test_a_snapshot_whose_tags_stay_is_left_alone():
    repository = make_repository(MemoryBackend())
    first = save(repository)
    assert retag(repository, TagChange(add=("a",), remove=("z",))) == []
    assert repository.files(FileKind.SNAPSHOT) == [first]


def test_set_does_not_take_a_milestone_and_then_nothing_is_changed_at_all():
    repository = make_repository(MemoryBackend())
    save(repository, hostname="other")
    save(repository, tags=["keep-forever"])
    before = repository.files(FileKind.SNAPSHOT)
    with pytest.raises(RepositoryError, match="milestone") as refused:
        retag(repository, TagChange(set=("x",)))
    assert "--remove-keep-forever" in refused.value.hint
    assert repository.files(FileKind.SNAPSHOT) == before


@pytest.mark.parametrize("tag", ["keep-forever", "keep-forever:x"])
def test_the_tags_of_a_milestone_have_flags_of_their_own(tag: str):
    with pytest.raises(UsageError) as refused:
        refuse_milestone_tags(["a", tag])
    assert "--keep-forever REASON" in refused.value.hint


def test_a_number_that_json_cannot_hold_costs_no_snapshot():
    repository = make_repository(MemoryBackend())
    content = json.dumps(FIELDS).replace("[1,", "[1e999,").encode()
    stored = repository.save(FileKind.SNAPSHOT, content)
    with pytest.raises(RepositoryError, match="cannot be read"):
        retag(repository, MILESTONE)
    assert repository.files(FileKind.SNAPSHOT) == [stored]


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("number", range(4))
def test_after_any_fault_each_snapshot_is_there_and_a_second_run_ends_it(fault: Fault, number: int):
    inner = MemoryBackend()
    repository = make_repository(inner)
    first = {save(repository), save(repository, hostname="other")}
    backend = FaultBackend(inner, fault_at(number, fault))
    with contextlib.suppress(OpsError, Stopped):
        retag(open_repository(backend, PASSWORD), MILESTONE)
    assert len(backend.operations) > number
    assert {each.original or each.id for each in repository.snapshots()} == first
    retag(repository, MILESTONE)
    assert {each.original for each in repository.snapshots()} == first
    assert len(repository.snapshots()) == 2


def test_a_tag_that_the_real_restic_sees_and_keeps(restic: Restic, tmp_path: Path):
    repo = init_cheaply(tmp_path / "repo")
    (tmp_path / "docs").mkdir()
    for day in ("01", "02", "03"):
        time = f"2026-03-{day} 10:00:00"
        restic.run("backup", "docs", "--time", time, repo=repo, password=PASSWORD, cwd=tmp_path)
    repository = open_cheap(repo)
    everything = repository.snapshots()
    [done] = change_tags(repository, everything, everything[:1], MILESTONE)
    flags = ("--keep-last", "1", "--keep-tag", "keep-forever")
    restic.run("forget", *flags, repo=repo, password=PASSWORD)
    left = restic.json("snapshots", repo=repo, password=PASSWORD)
    assert [each["id"] for each in left] == [done.new_id, everything[2].id]
    assert left[0]["tags"] == ["keep-forever", "keep-forever:audit"]
    assert left[0]["original"] == everything[0].id
    restic.run("tag", "--remove", "keep-forever", done.new_id, repo=repo, password=PASSWORD)
    assert [each.tags for each in repository.snapshots()] == [("keep-forever:audit",), ()]
    restic.run("check", repo=repo, password=PASSWORD)


def test_versions_of_one_snapshot_are_all_changed_in_one_run():
    """As rewrite leaves them; in either order one is gone when the next looks for its twin."""
    repository = make_repository(MemoryBackend())
    first = save(repository)
    for time in ("2026-03-08T10:00:00+07:00", "2026-03-10T10:00:00+07:00"):
        save(repository, original=first, time=time)
    assert len(retag(repository, TagChange(add=("b",)))) == 3
    assert [(each["tags"], each["original"]) for each in raw(repository)] == [
        (["a", "b"], first)
    ] * 3

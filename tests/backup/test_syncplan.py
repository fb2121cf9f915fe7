"""What a clone lacks, who leads, and what no policy explains: plain values."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.syncplan import (
    CloneFile,
    Listing,
    is_caught_up,
    list_files,
    newest_first,
    plan_sync,
    refuse_loss,
)
from lpse_ops.errors import RepositoryError

PACK, INDEX, SNAPSHOT, KEY = FileKind.PACK, FileKind.INDEX, FileKind.SNAPSHOT, FileKind.KEY
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def listing(
    packs: str = "", indexes: str = "", snapshots: str = "", keys: str = "", *, config: bool = True
) -> Listing:
    """Ids of one letter; a capital one has 2 bytes instead of 1."""
    kinds = zip((PACK, INDEX, SNAPSHOT, KEY), (packs, indexes, snapshots, keys), strict=True)
    return Listing(
        {kind: {each.lower(): 1 + each.isupper() for each in ids} for kind, ids in kinds}, config
    )


def test_what_is_missing_is_copied_in_the_order_of_need() -> None:
    plan = plan_sync(listing("ab", "c", "d", "e"), listing("a", config=False))
    assert plan.missing == (
        CloneFile(PACK, "b", 1),
        CloneFile(INDEX, "c", 1),
        CloneFile(SNAPSHOT, "d", 1),
        CloneFile(KEY, "e", 1),
    )
    assert plan.missing_bytes == 4
    assert plan.needs_config
    assert plan.of(INDEX) == (CloneFile(INDEX, "c", 1),)


def test_what_is_too_much_goes_the_other_way_round() -> None:
    plan = plan_sync(listing(), listing("a", "b", "c", "d"))
    assert [each.kind for each in plan.extra] == [SNAPSHOT, INDEX, PACK, KEY]
    assert (plan.missing, plan.differing, plan.needs_config) == ((), (), False)


def test_another_size_is_neither_missing_nor_too_much() -> None:
    plan = plan_sync(listing("aB"), listing("ab"))
    assert (plan.missing, plan.extra) == ((), ())
    assert plan.differing == (CloneFile(PACK, "b", 2),)


@pytest.mark.parametrize(
    ("clone", "is_ready"),
    [
        (listing("ab", "c"), True),
        (listing("abz", "cz", "z"), True),
        (listing("a", "c"), False),
        (listing("aB", "c"), False),
        (listing("ab", ""), False),
    ],
)
def test_a_clone_is_caught_up_if_it_has_what_the_leaders_index_can_name(
    clone: Listing, is_ready: bool
) -> None:
    assert is_caught_up(listing("ab", "c", "d", "e"), clone) is is_ready


def test_the_newest_leads_and_the_order_decides_between_equals() -> None:
    times = {"mon": 1.0, "tue": 2.0}
    assert newest_first({"a": ["mon"], "b": ["mon", "tue"], "c": ["tue"]}, times) == ["b", "c", "a"]
    assert newest_first({"a": [], "b": ["unreadable"]}, times) == ["a", "b"]


def test_a_listing_is_of_all_kinds_but_locks() -> None:
    backend = MemoryBackend()
    for kind in FileKind:
        backend.save(f"{kind}/{'a' * 64}" if kind is not PACK else f"data/aa/{'a' * 64}", b"xy")
    found = list_files(backend)
    assert found.sizes == {kind: {"a" * 64: 2} for kind in (SNAPSHOT, INDEX, PACK, KEY)}
    assert not found.has_config


def snapshot(name: str, day: int, **fields: object) -> Snapshot:
    made = Snapshot(NOON + day * DAY, bytes(32), ("/file",), "lpse", id=name * 64)
    return replace(made, **fields)  # type: ignore[arg-type]


KEPT = [snapshot("a", 5)]


@pytest.mark.parametrize(
    "gone",
    [
        [],
        [snapshot("b", 4), snapshot("c", 0)],
        # It was tagged, or rewritten: what replaced it names it.
        [snapshot("d", 3, tags=("keep-forever",))],
        [snapshot("e", 3, original="d" * 64, tags=("keep-forever",))],
    ],
)
def test_what_a_policy_removes_may_go(gone: list[Snapshot]) -> None:
    refuse_loss([*KEPT, snapshot("f", 3, original="d" * 64)], gone, "disk-a")


@pytest.mark.parametrize(
    ("kept", "gone", "words"),
    [
        ([], [snapshot("b", 4)], "disk-a has no snapshots at all"),
        (KEPT, [snapshot("b", 6)], "bbbbbbbb is newer than all that disk-a has"),
        (KEPT, [snapshot("b", 4, tags=("keep-forever",))], "bbbbbbbb, a milestone"),
        (KEPT, [snapshot("b", 4, hostname="other")], "no snapshot of other"),
        (KEPT, [snapshot("b", 4, paths=("/etc",))], "the paths of bbbbbbbb"),
    ],
)
def test_what_no_policy_removes_stops_everything(
    kept: list[Snapshot], gone: list[Snapshot], words: str
) -> None:
    with pytest.raises(RepositoryError, match=words) as refused:
        refuse_loss(kept, gone, "disk-a")
    assert "lpse-ops backup snapshots --destination" in refused.value.hint

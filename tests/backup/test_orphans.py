"""Packs in no index wait for a day, wherever the repository lies."""

from datetime import UTC, datetime, timedelta

import pytest

from lpse_ops.backup.orphans import RECORD, load_first_seen, plan_orphans, save_first_seen
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.fault import Fault, FaultBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from tests.backup.repositories import make_repository

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ONE, TWO = b"1" * 32, b"2" * 32


@pytest.fixture
def repository() -> Repository:
    return make_repository(MemoryBackend())


def test_a_pack_is_removed_a_day_after_it_was_first_seen():
    first = plan_orphans([ONE], {}, NOON)
    assert (first.remove, first.waiting, first.is_news) == (frozenset(), {ONE: NOON}, True)
    later = plan_orphans([ONE, TWO], dict(first.waiting), NOON + DAY - timedelta(seconds=1))
    assert (later.remove, later.waiting[ONE]) == (frozenset(), NOON)
    last = plan_orphans([ONE, TWO], dict(later.waiting), NOON + DAY)
    assert (last.remove, set(last.waiting)) == (frozenset({ONE}), {TWO})


def test_nothing_new_is_no_news():
    assert not plan_orphans([ONE], {ONE: NOON}, NOON).is_news
    assert plan_orphans([], {ONE: NOON}, NOON).is_news


def test_a_time_in_the_future_counts_as_now():
    plan = plan_orphans([ONE], {ONE: NOON + 400 * DAY}, NOON)
    assert plan.waiting == {ONE: NOON}


def test_the_record_reads_back(repository: Repository):
    assert load_first_seen(repository) == {}
    save_first_seen(repository, {ONE: NOON, TWO: NOON + DAY})
    assert load_first_seen(repository) == {ONE: NOON, TWO: NOON + DAY}
    save_first_seen(repository, {})
    assert not repository.backend.exists(RECORD)


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_damaged_record_is_none(repository: Repository, place: int):
    save_first_seen(repository, {ONE: NOON})
    content = bytearray(repository.backend.load(RECORD))
    content[place] ^= 1
    repository.backend.save(RECORD, content)
    assert load_first_seen(repository) == {}


def test_a_full_disk_costs_only_the_record(repository: Repository):
    full = FaultBackend(
        repository.backend,
        lambda _number, operation, _: Fault.ERROR if operation == "save" else None,
    )
    save_first_seen(Repository(full, repository.keys, repository.config), {ONE: NOON})
    assert load_first_seen(repository) == {}

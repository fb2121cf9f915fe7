"""The guards, and the removal under every fault."""

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.forget import (
    JUMPED,
    LAST_COMPLETE,
    LAST_LARGE,
    STALE,
    ForgetPlan,
    carry_out,
    plan_by_name,
    plan_by_policy,
    stale_after,
)
from lpse_ops.backup.milestone import milestone_tags
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.backup.retention import CalendarDuration, GroupBy, KeepPolicy
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Stopped, fault_at
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import DamagedRepository, OpsError, RepositoryError
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.repositories import make_repository
from tests.backup.storing import open_cheap, store
from tests.restic_binaries import Restic

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DAILY = KeepPolicy(daily=2)
LAST = KeepPolicy(last=1)


def series(
    days: Iterable[float], hostname: str = "h", tags: Sequence[str] = (), now: datetime = NOW
) -> list[Snapshot]:
    """Snapshots so many days before ``now``; the host and the age are the id."""
    return [
        Snapshot(
            now - timedelta(days=age),
            bytes(32),
            ("/srv",),
            hostname,
            tags=tuple(tags),
            id=f"{hostname}-{age}",
        )
        for age in days
    ]


def always(_snapshot: Snapshot) -> bool:
    return True


def by_policy(
    snapshots: list[Snapshot], policy: KeepPolicy, *incomplete: str, even_if_stale: bool = False
) -> ForgetPlan:
    return plan_by_policy(
        snapshots,
        snapshots,
        policy,
        GroupBy(),
        now=NOW,
        is_complete=lambda each: each.id not in incomplete,
        even_if_stale=even_if_stale,
    )


def by_name(
    everything: list[Snapshot], *named: str, poor: Sequence[str] = (), even_if_last: bool = False
) -> ForgetPlan:
    return plan_by_name(
        everything,
        [each for each in everything if each.id in named],
        GroupBy(),
        is_complete=lambda each: each.id not in poor,
        even_if_last=even_if_last,
    )


def removed(plan: ForgetPlan) -> list[str]:
    return [each.id for each in plan.removed]


def reasons(plan: ForgetPlan) -> dict[str, tuple[str, ...]]:
    return {each.snapshot.id: each.reasons for group in plan.groups for each in group.verdicts}


# -- a policy ----------------------------------------------------------------------------------


def test_each_group_is_judged_by_itself():
    plan = by_policy([*series([0, 1, 2], "a"), *series([0, 1, 2, 3], "b")], DAILY)
    assert removed(plan) == ["a-2", "b-2", "b-3"]
    assert [group.group.host for group in plan.groups] == ["a", "b"]


def test_only_the_chosen_are_judged():
    snapshots = [*series([0, 1, 2], "a"), *series([0, 1, 2], "b")]
    plan = plan_by_policy(snapshots, snapshots[:3], DAILY, GroupBy(), now=NOW, is_complete=always)
    assert removed(plan) == ["a-2"]


def test_an_empty_policy_is_refused_also_where_a_milestone_would_stay():
    with pytest.raises(RepositoryError, match="no policy") as refused:
        by_policy(series([0, 1], tags=["keep-forever"]), KeepPolicy())
    assert "--keep-daily 14" in refused.value.hint


def test_a_policy_that_would_empty_a_group_is_refused():
    with pytest.raises(RepositoryError, match="every snapshot of host b, paths /srv") as refused:
        by_policy([*series([0], "a", ["x"]), *series([0], "b")], KeepPolicy(tags=(("x",),)))
    assert "--keep-last 1" in refused.value.hint


def test_no_policy_removes_a_milestone():
    snapshots = series([0, 1, 2]) + series([400, 3], tags=milestone_tags("audit"))
    plan = by_policy(snapshots, LAST)
    assert removed(plan) == ["h-1", "h-2"]
    assert reasons(plan)["h-400"] == ("has tags [keep-forever]",)


def test_the_last_complete_snapshot_stays_where_the_policy_keeps_only_poor_ones():
    plan = by_policy(series([0, 1, 2, 3, 4]), DAILY, "h-0", "h-1", "h-2")
    assert reasons(plan) == {
        "h-0": ("daily snapshot",),
        "h-1": ("daily snapshot",),
        "h-2": (),
        "h-3": (LAST_COMPLETE,),
        "h-4": (),
    }


def test_one_complete_snapshot_that_is_kept_is_enough():
    assert removed(by_policy(series([0, 1, 2]), DAILY, "h-0")) == ["h-2"]


def test_where_none_is_complete_the_policy_decides_alone():
    assert removed(by_policy(series([0, 1, 2]), DAILY, "h-0", "h-1", "h-2")) == ["h-2"]


# -- the clock ---------------------------------------------------------------------------------


def test_a_clock_behind_a_snapshot_of_any_host_is_refused():
    snapshots = series([0, 1, 2], "a")
    late = series([-0.01], "b")
    with pytest.raises(RepositoryError, match="the clock says 2026-11-21 12:00:00") as refused:
        plan_by_policy(snapshots + late, snapshots, DAILY, GroupBy(), now=NOW, is_complete=always)
    assert "timedatectl" in refused.value.hint
    assert "b--0.01" in refused.value.message


def test_clocks_of_two_machines_may_differ_a_little():
    five_minutes = 5 / 1440
    assert removed(by_policy(series([-five_minutes, 1, 2]), DAILY)) == ["h-2"]
    with pytest.raises(RepositoryError, match="the clock says"):
        by_policy(series([-five_minutes * 1.1, 1, 2]), DAILY)


def test_a_group_that_gets_no_snapshots_any_more_loses_none():
    snapshots = series([3.1, 4, 5, 6])
    with pytest.raises(RepositoryError, match="more than 3 days ago") as refused:
        by_policy(snapshots, DAILY)
    assert "--even-if-stale" in refused.value.hint
    assert removed(by_policy(snapshots, DAILY, even_if_stale=True)) == ["h-5", "h-6"]


def test_a_stale_group_may_be_left_alone_while_the_others_are_thinned_out():
    """A folder or a host that is gone must not keep the schedule from giving room back."""
    gone, alive = series([40, 41, 42, 43], "gone"), series([0, 1, 2, 3], "alive")
    plan = plan_by_policy(
        [*gone, *alive],
        [*gone, *alive],
        DAILY,
        GroupBy(),
        now=NOW,
        is_complete=always,
        skip_stale=True,
    )
    assert removed(plan) == ["alive-2", "alive-3"]
    assert reasons(plan)["gone-43"] == (STALE,)
    assert STALE not in reasons(plan)["gone-40"]


def skipping(snapshots: list[Snapshot], policy: KeepPolicy, now: datetime = NOW) -> ForgetPlan:
    return plan_by_policy(
        snapshots, snapshots, policy, GroupBy(), now=now, is_complete=always, skip_stale=True
    )


def test_a_clock_that_jumped_forward_removes_nothing_by_itself():
    """To ``within`` all that was made before it jumped would be too old."""
    policy = KeepPolicy(within=CalendarDuration(years=1))
    later = NOW + timedelta(days=4000)
    for nights in (1, 8, 14):
        jumped = [
            replace(each, id=f"later-{age}")
            for age, each in enumerate(series((n + 0.1 for n in range(nights)), now=later))
        ]
        snapshots = [*jumped, *series(range(3))]
        plan = skipping(snapshots, policy, later)
        assert removed(plan) == []
        assert reasons(plan)["h-2"] == (JUMPED,)
        # A person who says so is believed.
        by_hand = plan_by_policy(
            snapshots, snapshots, policy, GroupBy(), now=later, is_complete=always
        )
        assert removed(by_hand) == ["h-0", "h-1", "h-2"]
    # A machine that was being repaired for a fortnight, and one that is backed up each quarter.
    assert removed(skipping(series([0, 1, 15, 16]), DAILY)) == ["h-15", "h-16"]
    assert removed(skipping(series([0, 91, 182, 273]), DAILY)) == ["h-182", "h-273"]


@pytest.mark.parametrize("measure", ["total_files_processed", "total_bytes_processed"])
def test_the_last_snapshot_before_a_disk_was_not_mounted_is_kept(measure: str):
    """Each night since then is complete, as far as it knows."""

    def sized(*sizes: int | None) -> list[Snapshot]:
        summaries = [{} if size is None else {measure: size} for size in sizes]
        both = zip(series(range(len(sizes))), summaries, strict=True)
        return [replace(each, summary=summary) for each, summary in both]

    plan = skipping(sized(40, 41, 42, 99, 100), DAILY)
    assert removed(plan) == ["h-2", "h-4"]
    assert reasons(plan)["h-3"] == (LAST_LARGE,)
    # It is mounted again; nothing shrank by so much; nobody counted.
    assert removed(skipping(sized(100, 40, 99), DAILY)) == ["h-2"]
    assert removed(skipping(sized(60, 60, 100), DAILY)) == ["h-2"]
    assert removed(skipping(sized(None, 1, 100), DAILY)) == ["h-2"]
    assert removed(skipping(sized(1, 1, None), DAILY)) == ["h-2"]
    # A person who says so is believed.
    assert removed(by_policy(sized(40, 99), LAST)) == ["h-1"]
    # What is kept anyway is the last large one already.
    assert reasons(skipping(sized(1, 99, 100), DAILY))["h-1"] == ("daily snapshot",)


def test_a_stale_group_that_loses_nothing_stops_nothing():
    old = series([300, 301], "old")
    assert removed(by_policy([*old, *series([0, 1, 2])], DAILY)) == ["h-2"]


@pytest.mark.parametrize(
    ("days", "limit"),
    [
        ([0], 3),
        ([0, 0.1, 0.2], 3),
        ([0, 1, 2, 3], 3),
        ([0, 7, 14, 21], 21),
        ([0, 30, 31, 32, 33], 3),
        ([0, 1, 2, 3, 4, 14, 24, 34, 44, 54], 3),
    ],
)
def test_the_usual_gap_decides_what_is_stale(days: list[float], limit: int):
    assert stale_after(series(days)) == timedelta(days=limit)


# -- names -------------------------------------------------------------------------------------


def test_the_named_go_and_no_other():
    plan = by_name([*series([0, 1, 2]), *series([0, 1], "b")], "h-1", "h-2")
    assert removed(plan) == ["h-1", "h-2"]
    assert [group.group.host for group in plan.groups] == ["h"]


def test_a_milestone_that_is_named_stays():
    snapshots = series([0, 1]) + series([2], tags=milestone_tags("audit"))
    with pytest.raises(RepositoryError, match="kept forever: audit") as refused:
        by_name(snapshots, "h-1", "h-2", even_if_last=True)
    assert "--remove-keep-forever" in refused.value.hint


def test_the_last_of_a_group_is_named_twice_over():
    with pytest.raises(
        RepositoryError, match=r"no snapshot of host h, .* would be left"
    ) as refused:
        by_name([*series([0]), *series([0], "b")], "h-0")
    assert "--even-if-last" in refused.value.hint
    assert removed(by_name(series([0]), "h-0", even_if_last=True)) == ["h-0"]


def test_the_last_complete_one_is_not_named_by_mistake():
    with pytest.raises(RepositoryError, match="h-1 is the last complete snapshot"):
        by_name(series([0, 1, 2]), "h-1", "h-2", poor=["h-0", "h-2"])
    assert removed(by_name(series([0, 1]), "h-1", poor=["h-0", "h-1"])) == ["h-1"]
    assert removed(by_name(series([0, 1]), "h-1", poor=["h-1"])) == ["h-1"]


# -- removal -----------------------------------------------------------------------------------


def saved_series(repository: Repository, days: Iterable[float]) -> None:
    for snapshot in series(days):
        repository.save_snapshot(replace(snapshot, id=""))


def forget(repository: Repository) -> None:
    carry_out(repository, by_policy(repository.snapshots(), DAILY))


def ages(repository: Repository) -> list[int]:
    return [(NOW - each.time).days for each in repository.snapshots()]


def test_what_the_policy_removes_is_gone():
    repository = make_repository(MemoryBackend())
    saved_series(repository, [0, 1, 2, 3])
    forget(repository)
    assert ages(repository) == [1, 0]


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("number", range(4))
def test_after_any_fault_what_is_kept_is_there_and_a_second_run_ends_it(fault: Fault, number: int):
    inner = MemoryBackend()
    repository = make_repository(inner)
    saved_series(repository, [0, 1, 2, 3, 4, 5])
    backend = FaultBackend(inner, fault_at(number, fault))
    with contextlib.suppress(OpsError, Stopped):
        forget(open_repository(backend, PASSWORD))
    assert len(backend.operations) > number
    assert set(ages(repository)) >= {0, 1}
    forget(repository)
    assert ages(repository) == [1, 0]


def test_a_snapshot_that_cannot_be_read_stops_everything():
    backend = MemoryBackend()
    repository = make_repository(backend)
    saved_series(repository, [0, 1, 2, 3])
    name = file_name(FileKind.SNAPSHOT, repository.files(FileKind.SNAPSHOT)[0])
    backend.contents[name] = backend.contents[name][:-1] + b"x"
    with pytest.raises(DamagedRepository):
        forget(repository)
    assert len(repository.files(FileKind.SNAPSHOT)) == 4


def test_the_real_restic_finds_the_repository_in_order(restic: Restic, tmp_path: Path):
    repo = init_cheaply(tmp_path / "repo")
    (tmp_path / "docs").mkdir()
    for day in range(4):
        (tmp_path / "docs" / "a").write_text(str(day))
        store(repo, tmp_path / "docs", time=NOW - timedelta(days=day), hostname="h")
    forget(open_cheap(repo))
    restic.run("check", "--read-data", repo=repo, password=PASSWORD)
    left = restic.run("snapshots", "--json", repo=repo, password=PASSWORD).stdout
    assert [each["time"][:10] for each in json.loads(left)] == ["2026-11-20", "2026-11-21"]


def test_what_may_be_the_last_complete_snapshot_stays_while_storage_does_not_tell():
    snapshots = series([0, 1, 2, 3])
    plan = plan_by_policy(
        snapshots,
        snapshots,
        LAST,
        GroupBy(),
        now=NOW,
        is_complete=lambda _: False,
        may_be_complete=lambda each: each.id in ("h-2", "h-3"),
    )
    assert removed(plan) == ["h-1", "h-3"]
    assert reasons(plan)["h-2"] == (LAST_COMPLETE,)


def test_what_may_be_the_last_complete_snapshot_is_not_removed_by_name():
    snapshots = series([0, 1])
    with pytest.raises(RepositoryError, match="h-1 is the last complete snapshot"):
        plan_by_name(
            snapshots,
            snapshots[1:],
            GroupBy(),
            is_complete=lambda _: False,
            may_be_complete=lambda each: each.id == "h-1",
        )

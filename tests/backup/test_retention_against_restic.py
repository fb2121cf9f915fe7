"""The policy against the real restic's ``forget --dry-run``: what is kept, what goes, and why.

Each example is one repository of many groups, so that one start of restic judges them all.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpse_ops.backup.compression import Compressor
from lpse_ops.backup.crypto import Crypter
from lpse_ops.backup.retention import (
    UNLIMITED,
    CalendarDuration,
    Group,
    GroupBy,
    KeepPolicy,
    apply_policy,
    group_snapshots,
    parse_calendar_duration,
)
from lpse_ops.backup.snapshot import Snapshot, encode_snapshot
from lpse_ops.backup.unpacked import encode_unpacked, stored_id
from tests.backup.cheap_repository import KEYS, PASSWORD, init_cheaply
from tests.restic_binaries import Restic

SLOW = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
NOW = datetime.now(UTC)
REFUSAL = b"refusing to delete last snapshot of snapshot group"
COUNTS = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
WITHIN = ("within", *(f"within_{name}" for name in COUNTS[1:]))
# restic reads an offset that is the machine's own as the machine's zone; here it has none of these.
ZONES = [timezone(timedelta(minutes=offset)) for offset in (420, 480, 540, -570, 0, 345)]

# Steps from one snapshot to the next, so that every kind of bucket meets its borders.
STEPS = st.one_of(
    st.integers(1, 7200),
    st.integers(1, 4 * 86_400),
    st.integers(80_000, 93_000),
    st.integers(1, 40 * 86_400),
    st.integers(1, 500 * 86_400),
).map(lambda seconds: timedelta(seconds=seconds))
# Ages of the newest snapshot.  One in the future is what keep-within must pass over; none is so
# near that it would be past when restic looks.
NEWEST = st.one_of(
    st.timedeltas(timedelta(seconds=1), timedelta(days=400)),
    st.sampled_from([timedelta(days=days) for days in (1, 30, 59, 365)]),
    st.timedeltas(timedelta(days=-20), timedelta(hours=-2)),
)


@st.composite
def one_group(draw: st.DrawFn) -> list[Snapshot]:
    """Snapshots of one host."""
    moment = NOW - draw(NEWEST)
    zones = draw(st.lists(st.sampled_from(ZONES), min_size=1, max_size=2))
    found = []
    for number, step in enumerate(draw(st.lists(STEPS, max_size=12))):
        tags = draw(st.lists(st.sampled_from(["a", "b", "keep-forever"]), max_size=2, unique=True))
        time = moment.replace(microsecond=0).astimezone(zones[number % len(zones)])
        paths = draw(st.sampled_from([("/a",), ("/a", "/b"), ("/b", "/a")]))
        found.append(Snapshot(time, bytes(32), paths, "", tags=tuple(tags)))
        moment -= step
    return found


@st.composite
def many_groups(draw: st.DrawFn) -> list[Snapshot]:
    """Snapshots of several hosts; restic leaves open who is first of two at the same time."""
    groups = draw(st.lists(one_group(), min_size=5, max_size=12))
    flat = [(f"h{number}", each) for number, group in enumerate(groups) for each in group]
    return [
        replace(each, hostname=host, time=each.time + timedelta(microseconds=number))
        for number, (host, each) in enumerate(flat)
    ]


def durations() -> st.SearchStrategy[CalendarDuration]:
    small = st.builds(
        CalendarDuration,
        st.sampled_from([0, 0, 1, 3]),
        st.sampled_from([0, 0, 1, 7, 14]),
        st.sampled_from([0, 0, 1, 29, 400]),
        st.sampled_from([0, 1, 24, 999]),
    )
    return st.one_of(small, st.just(CalendarDuration(years=3000)))


def policies() -> st.SearchStrategy[KeepPolicy]:
    """Policies of a few rules each."""
    counts = st.dictionaries(
        st.sampled_from(COUNTS), st.sampled_from([UNLIMITED, 1, 2, 3, 6]), max_size=3
    )
    within = st.dictionaries(st.sampled_from(WITHIN), durations(), max_size=2)
    tags = st.sampled_from(
        [(), (), (("a",),), (("a", "b"), ("keep-forever",)), (("",),), (("missing",),)]
    )
    return st.builds(
        lambda one, two, three: KeepPolicy(**one, **two, tags=three), counts, within, tags
    ).filter(lambda policy: not policy.is_empty)


def without_unlimited(policy: KeepPolicy) -> KeepPolicy:
    """restic 0.14 knows counts only."""
    many: Any = {name: 99 for name in COUNTS if getattr(policy, name) == UNLIMITED}
    return replace(policy, **many)


def flags(policy: KeepPolicy) -> Iterator[str]:
    for field in fields(policy):
        value = getattr(policy, field.name)
        flag = f"--keep-{field.name.replace('_', '-')}"
        if field.name == "tags":
            yield from (f"--keep-tag={','.join(tags)}" for tags in value)
        elif value:
            yield f"{flag}={'unlimited' if value == UNLIMITED else value}"


def write_snapshots(root: Path, snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    """The same with their ids, as files of the repository in place of those it has."""
    folder = root / "snapshots"
    shutil.rmtree(folder)
    folder.mkdir()
    crypter, compressor = Crypter(KEYS), Compressor()
    saved = []
    for snapshot in snapshots:
        content = encode_unpacked(encode_snapshot(snapshot), crypter, compressor)
        saved.append(replace(snapshot, id=stored_id(content)))
        (folder / saved[-1].id).write_bytes(content)
    return saved


def ask_restic(restic: Restic, root: Path, *args: str) -> list[Any] | None:
    """The groups it tells of, or None when it refuses to empty one."""
    argv = ("forget", "--dry-run", "--no-lock", "--json", *args)
    done = restic.run(*argv, repo=root, password=PASSWORD, env={"TZ": "UTC"}, check=False)
    if done.returncode == 1 and REFUSAL in done.stderr + done.stdout:
        return None
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return list(json.loads(done.stdout or b"[]"))


def judged_by_restic(answer: list[Any], by: GroupBy) -> dict[Group, dict[str, tuple[str, ...]]]:
    """For each group, each snapshot's reasons; none for one that goes."""
    judged = {}
    for group in answer:
        kept = [each["id"] for each in group["keep"] or ()]
        matches = [tuple(each["matches"]) for each in group["reasons"] or ()]
        found = dict(zip(kept, matches, strict=True))
        found |= {each["id"]: () for each in group["remove"] or ()}
        key = Group(
            group["host"] if by.host else "",
            tuple(sorted(group["paths"] or ())) if by.paths else (),
            tuple(sorted(group["tags"] or ())) if by.tags else (),
        )
        judged[key] = found
    return judged


def judged_by_us(
    snapshots: list[Snapshot], policy: KeepPolicy, by: GroupBy
) -> dict[Group, dict[str, tuple[str, ...]]]:
    return {
        group: {each.snapshot.id: each.reasons for each in apply_policy(members, policy, NOW)}
        for group, members in group_snapshots(snapshots, by).items()
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return init_cheaply(tmp_path_factory.mktemp("retention") / "repo")


@SLOW
@given(
    many_groups(),
    st.lists(policies(), min_size=4, max_size=4),
    st.builds(GroupBy, st.booleans(), st.booleans(), st.booleans()),
)
def test_the_newest_restic_keeps_and_removes_the_same_for_the_same_reasons(
    restic_new: Restic,
    root: Path,
    snapshots: list[Snapshot],
    some: list[KeepPolicy],
    by: GroupBy,
) -> None:
    saved = write_snapshots(root, snapshots)
    names = [field.name for field in fields(by) if getattr(by, field.name)]
    for policy in some:
        argv = [*flags(policy), f"--group-by={','.join(names)}"]
        ours = judged_by_us(saved, policy, by)
        answer = ask_restic(restic_new, root, *argv)
        if all(any(group.values()) for group in ours.values()):
            assert answer is not None, argv
            assert judged_by_restic(answer, by) == ours, argv
        else:
            assert answer is None, argv


@pytest.mark.parametrize("within", ["1m", "1m1h", "1y1m", "31d", "1d1h", "29d2h"])
def test_the_newest_restic_counts_months_and_ends_them_at_the_same_moment(
    restic_new: Restic, root: Path, within: str
) -> None:
    duration = parse_calendar_duration(within)
    newest = [datetime(2024, month, 31, 10, 0, tzinfo=ZONES[1]) for month in (1, 3, 5, 8, 12)]
    newest.append(datetime(2024, 2, 29, 0, 30, tzinfo=ZONES[0]))
    snapshots = []
    for number, latest in enumerate(newest):
        border = duration.before(latest)
        assert border is not None
        moments = (border + timedelta(microseconds=step) for step in (-1, 0, 1))
        snapshots += [
            Snapshot(moment, bytes(32), ("/a",), f"h{number}") for moment in (latest, *moments)
        ]
    saved = write_snapshots(root, snapshots)
    answer = ask_restic(restic_new, root, f"--keep-within={within}")
    ours = judged_by_us(saved, KeepPolicy(within=duration), GroupBy())
    assert answer is not None
    assert judged_by_restic(answer, GroupBy()) == ours
    assert [sum(map(bool, group.values())) for group in ours.values()] == [2] * len(newest)


def test_the_newest_restic_ends_weeks_months_and_years_at_the_same_midnight(
    restic_new: Restic, root: Path
) -> None:
    """Around New Year, when a week may belong to the other year, at 23 and at 1 o'clock."""
    snapshots = [
        Snapshot(
            datetime(year, 12, 24, hour, tzinfo=zone) + timedelta(days=day),
            bytes(32),
            ("/a",),
            f"h{year}{zone}",
        )
        for year in range(2018, 2025)
        for zone in ZONES[:4]
        for day in range(14)
        for hour in (1, 23)
    ]
    saved = write_snapshots(root, snapshots)
    for name in COUNTS[2:]:
        for count in (UNLIMITED, 2):
            rule: Any = {name: count}
            policy = KeepPolicy(**rule)
            answer = ask_restic(restic_new, root, *flags(policy))
            assert answer is not None
            assert judged_by_restic(answer, GroupBy()) == judged_by_us(saved, policy, GroupBy())


@SLOW
@given(many_groups(), st.lists(policies(), min_size=4, max_size=4))
def test_the_old_restic_knows_every_reason_but_the_oldest(
    restic_old: Restic, root: Path, snapshots: list[Snapshot], some: list[KeepPolicy]
) -> None:
    saved = write_snapshots(root, snapshots)
    by = GroupBy()
    for policy in map(without_unlimited, some):
        argv = [*flags(policy), "--group-by=host,paths"]
        answer = ask_restic(restic_old, root, *argv)
        ours = {
            group: {
                snapshot_id: tuple(one for one in reasons if not one.startswith("oldest "))
                for snapshot_id, reasons in found.items()
            }
            for group, found in judged_by_us(saved, policy, by).items()
        }
        assert answer is not None
        assert judged_by_restic(answer, by) == ours, argv

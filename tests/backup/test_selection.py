from datetime import UTC, datetime, timedelta

import pytest

from lpse_ops.backup.selection import choose_snapshot, filter_snapshots
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.errors import RepositoryError

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


def snapshot(number: int, **fields: object) -> Snapshot:
    base: dict[str, object] = {
        "time": NOON + timedelta(hours=number),
        "tree": bytes(32),
        "paths": ("/srv", "/lpse-ops"),
        "hostname": "contoh",
        "tags": ("daily",),
        "id": f"ab{number:02x}" + "0" * 60,
    }
    return Snapshot(**{**base, **fields})  # type: ignore[arg-type]


SNAPSHOTS = [
    snapshot(3),
    snapshot(9, hostname="other"),
    snapshot(1, id="cd" + "0" * 62),
    snapshot(7, tags=("daily", "monthly"), paths=("/srv",)),
]


def test_latest_is_the_newest() -> None:
    assert choose_snapshot(SNAPSHOTS, "latest").hostname == "other"


def test_latest_looks_only_at_those_that_match() -> None:
    assert choose_snapshot(SNAPSHOTS, "latest", hostname="contoh") == SNAPSHOTS[3]
    assert (
        choose_snapshot(SNAPSHOTS, "latest", paths=["/lpse-ops"], hostname="contoh") == SNAPSHOTS[0]
    )
    assert choose_snapshot(SNAPSHOTS, "latest", tags=["monthly"]) == SNAPSHOTS[3]


def test_filters_ask_for_all_paths() -> None:
    assert filter_snapshots(SNAPSHOTS) == SNAPSHOTS
    assert filter_snapshots(SNAPSHOTS, paths=["/srv", "/lpse-ops"], hostname="other") == [
        SNAPSHOTS[1]
    ]
    assert filter_snapshots(SNAPSHOTS, hostname="") == []


@pytest.mark.parametrize(
    ("tags", "chosen"),
    [
        (["a,b"], ["a,b"]),
        (["a, b"], ["a,b"]),
        (["a", "b"], ["a", "b", "a,b"]),
        (["a,b", "c"], ["a,b", "c"]),
        ([""], [""]),
        (["", "c"], ["c", ""]),
        (["a,c"], []),
    ],
)
def test_all_tags_of_a_list_are_asked_for_and_one_list_is_enough(
    tags: list[str], chosen: list[str]
) -> None:
    kinds = ["a", "b", "a,b", "c", ""]
    tagged = [snapshot(0, tags=tuple(each.split(",")) if each else ()) for each in kinds]
    assert [",".join(each.tags) for each in filter_snapshots(tagged, tags=tags)] == chosen


@pytest.mark.parametrize("wanted", ["cd", "CD00", "cd" + "0" * 62])
def test_the_first_digits_are_enough(wanted: str) -> None:
    assert choose_snapshot(SNAPSHOTS, wanted, hostname="ignored for an id") == SNAPSHOTS[2]


def test_too_few_digits_are_ambiguous_and_those_meant_are_listed() -> None:
    with pytest.raises(
        RepositoryError, match=r"3 snapshots begin with it \(ab0300, ab0900, ab0700\)"
    ) as refused:
        choose_snapshot(SNAPSHOTS, "ab")
    assert "more digits" in refused.value.hint


def test_a_long_list_of_those_meant_is_cut() -> None:
    with pytest.raises(RepositoryError, match=r"9 snapshots begin with it \(.*, \.\.\.\)"):
        choose_snapshot([snapshot(number) for number in range(9)], "ab")


@pytest.mark.parametrize("wanted", ["ef", "", "last"])
def test_what_is_not_there_is_refused(wanted: str) -> None:
    with pytest.raises(RepositoryError, match="no snapshot begins with") as refused:
        choose_snapshot(SNAPSHOTS, wanted)
    assert "lpse-ops backup snapshots" in refused.value.hint


def test_latest_of_nothing_is_refused() -> None:
    with pytest.raises(RepositoryError, match=r"no snapshot$"):
        choose_snapshot([], "latest")
    with pytest.raises(RepositoryError, match="that matches"):
        choose_snapshot(SNAPSHOTS, "latest", tags=["yearly"])

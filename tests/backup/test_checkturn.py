"""Whose turn it is to be checked, and which part of it is read."""

from datetime import timedelta

import pytest

from lpse_ops.backup.checkturn import PARTS, Turn, plan_turns
from lpse_ops.backup.statusfacts import Proof, read_history
from tests.backup.statuscases import NOW, LedgerLine, ago

NAMES = ("disk-a", "disk-b", "offsite")


def check(name: str, days: float, scope: str = "1/13", status: str = "ok") -> Proof:
    return Proof("check", name, status, ago(days=days), scope=scope)


def test_who_waits_longest_comes_first_and_who_was_never_checked_before_that() -> None:
    assert [each.destination for each in plan_turns(NAMES, [])] == list(NAMES)
    checks = [check("disk-a", 7), check("offsite", 14)]
    assert [each.destination for each in plan_turns(NAMES, checks)] == [
        "disk-b",
        "offsite",
        "disk-a",
    ]


@pytest.mark.parametrize(
    ("scope", "status", "part"),
    [
        ("1/13", "ok", 2),
        ("13/13", "ok", 1),
        ("4/13", "damaged", 5),
        ("4/13", "failed", 1),
        ("all", "ok", 1),
        ("10%", "ok", 1),
        ("", "ok", 1),
    ],
)
def test_the_next_part_is_that_after_the_last_that_was_read(
    scope: str, status: str, part: int
) -> None:
    assert plan_turns(["disk-a"], [check("disk-a", 7, scope, status)]) == [Turn("disk-a", part)]


def test_a_check_that_failed_had_its_turn_and_reads_the_same_part_again() -> None:
    checks = [check("disk-a", 9, "4/13"), check("disk-b", 8), check("disk-a", 2, "5/13", "failed")]
    assert plan_turns(NAMES[:2], checks) == [Turn("disk-b", 2), Turn("disk-a", 5)]


def test_a_check_of_the_structure_alone_takes_nobodys_turn() -> None:
    """Each week one is made of the same place, before a prune of the other."""
    checks = [check("disk-a", 7), check("disk-b", 8), check("disk-b", 1, "none")]
    assert plan_turns(NAMES[:2], checks) == [Turn("disk-b", 2), Turn("disk-a", 2)]


def test_in_the_end_every_part_of_every_place_was_read() -> None:
    """One a week, and one of the disks is plugged in every other week only."""
    lines: list[LedgerLine] = []
    for week in range(4 * PARTS):
        turns = plan_turns(NAMES, read_history(lines).checks)
        turn = next(each for each in turns if each.destination != "disk-b" or week % 2)
        facts = {"destination": turn.destination, "status": "ok", "read_data": turn.subset}
        lines.append(LedgerLine("check", NOW + timedelta(weeks=week), facts))
    for name in NAMES:
        read = {str(line.facts["read_data"]) for line in lines if line.facts["destination"] == name}
        assert len(read) == PARTS

"""Whether the copies are enough: how many, and where."""

from dataclasses import replace

import pytest

from lpse_ops.backup.notices import Told, plan_notices
from lpse_ops.backup.status import judge
from lpse_ops.backup.statusfacts import BackupFacts, History, Place, Proof, Sighting
from lpse_ops.backup.statusverdict import Kind, Severity
from tests.backup.statuscases import (
    DISK_A,
    DISK_B,
    LOCAL,
    NOW,
    OFFSITE,
    ago,
    daily_runs,
    facts_of,
)

SHARE = Place("share", "local", "Diskominfo")
RACK = Place("rack", "sftp", "Rak server", in_server_room=True)
LOST = Place("disk-c", "disk")
UNPLUGGED = Sighting(trouble="it is not plugged in")


def known(*places: Place, **sightings: Sighting) -> BackupFacts:
    """Every place got the last three runs; those named do not answer."""
    runs = daily_runs(3, **{place.name.replace("-", "_"): "written" for place in places})
    answers = {place.name: Sighting(snapshots=frozenset({runs[-1].snapshot})) for place in places}
    answers |= {name.replace("_", "-"): each for name, each in sightings.items()}
    return facts_of(
        *places, history=History(runs), sightings=answers, has_ledger=True, knows_all_places=True
    )


def told(facts: BackupFacts) -> list[tuple[Kind, str]]:
    status = judge(facts)
    assert {each.severity for each in status.troubles} <= {Severity.WARNING}
    return [(each.kind, each.detail) for each in status.troubles]


ENOUGH = [
    (known(LOCAL, OFFSITE), []),
    (known(LOCAL, SHARE), []),
    (known(DISK_A, DISK_B, disk_b=UNPLUGGED), []),
    (known(LOCAL, DISK_A, disk_a=UNPLUGGED), []),
]
TOO_FEW = [
    (known(LOCAL), [(Kind.NOT_AWAY, ""), (Kind.ONE_COPY, "")]),
    (known(OFFSITE), [(Kind.ONE_COPY, "")]),
    (known(LOCAL, RACK), [(Kind.NOT_AWAY, "")]),
    (known(DISK_A, DISK_B), [(Kind.DISK_HERE, "disk-a")]),
    (known(LOCAL, DISK_A), [(Kind.DISK_HERE, "disk-a")]),
    (known(LOCAL, LOST, disk_c=UNPLUGGED), [(Kind.DISK_SOMEWHERE, "disk-c")]),
]
IDS = ["a bucket", "a share", "one disk in the safe", "a folder and a disk in the safe"]
IDS += ["a folder", "a bucket alone", "a rack", "both disks here", "the disk here", "a lost disk"]


@pytest.mark.parametrize(("facts", "expected"), [*ENOUGH, *TOO_FEW], ids=IDS)
def test_two_copies_are_enough_if_one_of_them_is_away(
    facts: BackupFacts, expected: list[tuple[Kind, str]]
) -> None:
    assert told(facts) == expected


def test_who_knows_one_place_alone_says_nothing_of_the_others() -> None:
    assert told(replace(known(LOCAL), knows_all_places=False)) == []


def test_a_copy_that_is_damaged_is_none() -> None:
    facts = known(LOCAL, OFFSITE)
    damaged = Proof("check", "offsite", "damaged", ago(hours=1))
    facts = replace(facts, history=replace(facts.history, checks=(damaged,)))
    status = judge(facts)
    assert (status.copies.count, status.copies.off_site) == (1, 0)
    assert [each.kind for each in status.troubles] == [Kind.DAMAGED, Kind.NOT_AWAY]
    repaired = replace(facts.history, checks=(damaged, replace(damaged, status="ok")))
    assert told(replace(facts, history=repaired)) == []


def test_a_place_elsewhere_that_is_not_filled_yet_is_told_once() -> None:
    facts = known(LOCAL)
    facts = replace(facts, places=(LOCAL, OFFSITE))
    assert told(facts) == [(Kind.EMPTY, "")]


def test_too_few_copies_are_told_again_once_a_week_and_are_one_story() -> None:
    """One disk that is carried out each evening must not send two mails a day."""
    here, away = (judge(each).troubles for each in (known(DISK_A), known(DISK_A, disk_a=UNPLUGGED)))
    assert [len(here), len(away)] == [2, 1]
    for days, reminders in ((0.5, 0), (6, 0), (7, 1), (-1, 1)):
        before = {"copies:": Told(ago(days=days), int(Severity.WARNING))}
        for troubles in (here, away):
            notices = plan_notices(troubles, before, NOW)
            assert (len(notices.new), len(notices.reminders)) == (0, reminders)
            assert notices.recovered == ()

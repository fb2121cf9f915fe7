"""Who of several silent places is given up, and when."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from lpse_ops.backup.storage.patience import SharedPatience

NAMES = ["disk-a", "server", "offsite"]


@pytest.fixture
def patience() -> SharedPatience:
    return SharedPatience(NAMES, one_of_several_seconds=60, last_seconds=900)


def test_one_of_several_is_given_up_soon(patience: SharedPatience) -> None:
    assert not patience.is_over("offsite", 60)
    assert patience.is_over("offsite", 61)


def test_the_last_one_is_waited_for_long(patience: SharedPatience) -> None:
    patience.lose("disk-a")
    assert patience.is_over("server", 61)
    assert not patience.is_over("offsite", 900)
    assert patience.is_over("offsite", 901)


def test_of_those_that_are_silent_at_the_same_time_one_is_kept(patience: SharedPatience) -> None:
    with ThreadPoolExecutor(len(NAMES)) as threads:
        given_up = list(threads.map(lambda name: patience.is_over(name, 100), NAMES))
    assert sorted(given_up) == [False, True, True]


def test_those_that_are_behind_are_no_help_and_not_waited_for(patience: SharedPatience) -> None:
    patience.keep_only(["offsite"])
    assert not patience.is_over("offsite", 100)
    assert patience.is_over("server", 100)


def test_once_all_is_stored_nobody_is_waited_for_long(patience: SharedPatience) -> None:
    patience.keep_only(["offsite"])
    patience.note_stored()
    assert patience.is_over("offsite", 61)

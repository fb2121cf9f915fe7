import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lpse_ops.backup.storage.byname import ByName


def test_one_name_is_for_one_thread_at_a_time() -> None:
    names = ByName()
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with names.alone("same"):
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(200)))
    assert most == [1] * 200


def test_other_names_do_not_wait() -> None:
    names = ByName()
    # Both must be inside at the same time, or the barrier breaks.
    meeting = threading.Barrier(2, timeout=60)

    def work(name: str) -> int:
        with names.alone(name):
            return meeting.wait()

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(work, ["one", "other"])) == [0, 1]


def test_a_name_is_free_after_a_failure() -> None:
    names = ByName()
    with pytest.raises(ValueError, match="once"), names.alone("same"):
        raise ValueError("once")

    def work() -> str:
        with names.alone("same"):
            return "free"

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(work).result(timeout=60) == "free"

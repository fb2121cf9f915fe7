"""A block that takes too long, or is asked to end, ends; and all is as before."""

import signal
import time
from datetime import timedelta

import pytest

from lpse_ops.cli.drill_time import TimeIsUp, bounded, question_limit

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("limit", [timedelta(milliseconds=20), timedelta(0), -HOUR])
def test_a_block_that_takes_too_long_is_left_after_the_server_was_stopped(limit: timedelta) -> None:
    stopped: list[str] = []
    with pytest.raises(TimeIsUp), bounded(limit, lambda: stopped.append("server")):
        time.sleep(60)
    assert stopped == ["server"]
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_a_block_that_ends_in_time_changes_nothing() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
    with bounded(HOUR, pytest.fail):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 3000
    after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
    assert after == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_who_asks_us_to_end_is_heard_after_the_server_was_stopped() -> None:
    stopped: list[str] = []
    with pytest.raises(KeyboardInterrupt) as asked, bounded(HOUR, lambda: stopped.append("server")):
        signal.raise_signal(signal.SIGINT)
    assert (stopped, asked.type) == (["server"], KeyboardInterrupt)


def test_a_question_may_take_a_tenth() -> None:
    assert question_limit(10 * HOUR) == HOUR

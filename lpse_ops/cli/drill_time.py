"""A bound on the time of a drill: a dump, a query or a line may never come to its end by itself."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import FrameType
from typing import Any

_ASKED_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Of a question of the settings, for which the rest of the drill has to wait.
_SHARE_OF_A_QUESTION = 10


class TimeIsUp(KeyboardInterrupt):
    """Travels as Ctrl-C does, so that programs are ended and files closed on its way."""


def question_limit(limit: timedelta) -> timedelta:
    """How long one question to the database may take in a drill of this limit."""
    return limit / _SHARE_OF_A_QUESTION


@contextlib.contextmanager
def bounded(limit: timedelta, stop: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Raise ``TimeIsUp`` in the block when it takes longer; for the main thread alone.

    ``stop`` is called before, and before any signal that asks us to end takes its way: a server
    that does not answer any more would keep us waiting for ever.
    """

    def strike(number: int, frame: FrameType | None) -> None:
        stop()
        before = installed[number]
        if number == signal.SIGALRM:
            raise TimeIsUp
        if callable(before):
            before(number, frame)

    wanted = [signal.SIGALRM, *(each for each in _ASKED_TO_END if callable(signal.getsignal(each)))]
    installed: dict[int, Any] = {each: signal.getsignal(each) for each in wanted}
    for each in wanted:
        signal.signal(each, strike)
    signal.setitimer(signal.ITIMER_REAL, max(limit.total_seconds(), 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in installed.items():
            # Who was asked to end may have chosen by now not to hear it again.
            if signal.getsignal(number) is strike:
                signal.signal(number, handler)

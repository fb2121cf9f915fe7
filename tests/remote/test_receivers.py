"""Who gets which frame."""

import pytest

from lpse_ops.agent import frames
from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.receivers import Receivers

FIRST, SECOND = (HostUnreachable(text, hint="") for text in ("first", "second"))


class Box:
    def __init__(self):
        self.got = []

    def deliver(self, frame):
        self.got.append(frame.kind)

    def fail(self, error):
        self.got.append(error)


def frame(kind, number):
    return frames.Frame(kind, number, b"")


def test_everybody_gets_his_own_until_the_last():
    one, two, receivers = Box(), Box(), Receivers()
    receivers.register({1: one, 2: two})
    for kind in (frames.CREDIT, frames.DONE, frames.DONE):
        receivers.deliver(frame(kind, 1))
    receivers.deliver(frame(frames.DONE, 3))
    assert (one.got, two.got) == ([frames.CREDIT, frames.DONE], [])


def test_all_who_still_wait_are_told_the_first_reason():
    one, two, receivers = Box(), Box(), Receivers()
    receivers.register({1: one, 2: two})
    receivers.forget(2)
    assert receivers.lost is None
    assert receivers.lose(FIRST) is FIRST
    assert receivers.lose(SECOND) is FIRST
    assert (one.got, two.got) == ([FIRST], [])
    with pytest.raises(HostUnreachable, match="first"):
        receivers.register({3: two})

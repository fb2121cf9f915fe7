"""One stream, several contents: each is what it should be, or the task fails."""

import hashlib
import io

import pytest

from lpse_ops.agent.context import Failed, InlineIncoming
from lpse_ops.agent.incomingparts import IncomingParts

PARTS = [b"first", b"", b"x" * 600000, b"last"]
SUMS = [hashlib.sha1(part).hexdigest() for part in PARTS]


@pytest.fixture
def parts():
    opened = IncomingParts(InlineIncoming(b"".join(PARTS)), [len(part) for part in PARTS])
    yield opened
    opened.close()


def take(parts, number):
    file = io.BytesIO()
    parts.copy_next(file, SUMS[number])
    return file.getvalue()


@pytest.mark.parametrize("wanted", [[0, 1, 2, 3], [2], [3], [0, 3], [1], []])
def test_parts_that_nobody_takes_are_left_out(parts, wanted):
    taken = []
    for number in range(len(PARTS)):
        if number in wanted:
            taken.append(take(parts, number))
        parts.skip_rest()
    assert taken == [PARTS[number] for number in wanted]


def test_another_content_than_the_announced_one_fails(parts):
    with pytest.raises(Failed, match="changed on the controller"):
        parts.copy_next(io.BytesIO(), "0" * 40)


def test_a_stream_that_is_too_short_fails():
    parts = IncomingParts(InlineIncoming(b"abc"), [10])
    with pytest.raises(Failed, match="ended too soon"):
        parts.copy_next(io.BytesIO(), "0" * 40)
    parts.close()


def test_nothing_moves_before_a_part_is_taken():
    incoming = InlineIncoming(b"abc")
    moved = []
    incoming.copy_to = lambda file: moved.append(file)
    parts = IncomingParts(incoming, [3])
    parts.skip_rest()
    parts.close()
    assert not moved

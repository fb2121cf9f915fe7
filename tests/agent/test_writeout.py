"""A large file on its way to the disk: nothing is lost, and no error of the disk is."""

import os
import threading

import pytest

from lpse_ops.agent.writeout import WriteOut
from tests.remote.agents import wait_until


@pytest.fixture
def unsyncable():
    """A pipe, which takes everything and cannot be synced."""
    reader, writer = os.pipe()

    def drain():
        while os.read(reader, 1 << 16):
            pass

    thread = threading.Thread(target=drain)
    thread.start()
    with open(writer, "wb") as file:
        yield file
    thread.join()
    os.close(reader)


def test_everything_is_written(tmp_path):
    pieces = [os.urandom(size) for size in (1, 70_000, 0, 300_000, 5)]
    path = tmp_path / "file"
    with path.open("wb") as file:
        target = WriteOut(file, every_bytes=1000)
        assert [target.write(memoryview(piece)) for piece in pieces] == [1, 70_000, 0, 300_000, 5]
        target.finish()
    assert path.read_bytes() == b"".join(pieces)


def test_what_a_sync_on_the_way_met_is_raised_at_the_end(unsyncable):
    target = WriteOut(unsyncable, every_bytes=1000)
    before = threading.active_count()
    target.write(bytes(1000))
    wait_until(lambda: threading.active_count() == before)
    with pytest.raises(OSError, match="Invalid argument"):
        target.finish()


def test_little_is_left_to_the_sync_at_the_end(unsyncable):
    target = WriteOut(unsyncable, every_bytes=1000)
    target.write(bytes(999))
    target.finish()


def test_the_thread_ends_when_it_is_finished(tmp_path):
    before = threading.active_count()
    with (tmp_path / "file").open("wb") as file:
        target = WriteOut(file, every_bytes=10)
        target.write(bytes(100))
        target.finish()
    assert threading.active_count() == before

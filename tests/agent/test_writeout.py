"""A large file on its way to the disk: nothing is lost, whatever the file system says."""

import os

import pytest

from lpse_ops.agent.writeout import WriteOut


@pytest.mark.parametrize("every_bytes", [1, 1000, 100_000, 1 << 30])
def test_everything_is_written(tmp_path, every_bytes):
    pieces = [os.urandom(size) for size in (1, 70_000, 0, 300_000, 5)]
    path = tmp_path / "file"
    with path.open("wb") as file:
        target = WriteOut(file, every_bytes)
        assert [target.write(memoryview(piece)) for piece in pieces] == [1, 70_000, 0, 300_000, 5]
    assert path.read_bytes() == b"".join(pieces)


def test_a_file_that_takes_no_advice():
    reader, writer = os.pipe()
    with open(writer, "wb", buffering=0) as file:
        WriteOut(file, every_bytes=1).write(b"content")
    assert os.read(reader, 100) == b"content"
    os.close(reader)


def test_memory_is_asked_back_for_a_piece_twice(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(os, "posix_fadvise", lambda *call: told.append(call[1]))
    with (tmp_path / "file").open("wb") as file:
        target = WriteOut(file, every_bytes=10)
        for _ in range(7):
            target.write(b"0123456789")
    # At once, for it to be written, and when it has been.
    assert told == [0, 10, 20, 30, 40, 0, 50, 10, 60, 20]

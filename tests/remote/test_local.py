"""A program on this machine as a stream."""

import contextlib

from lpse_ops.remote.local import start_program


def test_the_last_words_of_a_program_are_waited_for():
    transport = start_program(["sh", "-c", "exec >&-; sleep 0.3; echo selamat tinggal >&2"])
    with contextlib.closing(transport):
        assert transport.receive(10) == b""
        assert transport.errors() == b"selamat tinggal\n"


def test_errors_are_there_while_the_program_runs():
    transport = start_program(["sh", "-c", "echo mulai >&2; echo siap; cat"])
    with contextlib.closing(transport):
        assert transport.receive(10) == b"siap\n"
        while not transport.errors():
            pass
        assert transport.errors() == b"mulai\n"

"""A program whose input and output the agent passes on untouched: how another account is reached.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import pty
import signal
import tty
from typing import Dict, List, Optional

from lpse_ops.agent.outbox import Outbox
from lpse_ops.agent.processes import kill_group, reap

_READ_BYTES = 1 << 18
_CANNOT_START = 127


class RunningProgram:
    """A started program; ``outputs`` maps its descriptors to whether it is stderr."""

    def __init__(self, number: int, pid: int, inbox: Outbox, outputs: Dict[int, bool]) -> None:
        self.id = number
        # A terminal has no end of input; only hanging up tells the program.
        self.is_on_terminal = len(outputs) == 1
        self.inbox = inbox
        self.outputs = outputs
        self._pid = pid

    def read(self, fd: int) -> Optional[bytes]:
        """What it wrote: empty when this output has ended, which is closed then."""
        try:
            received = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            # A terminal whose last program is gone says EIO.
            received = b""
        if not received:
            del self.outputs[fd]
            os.close(fd)
        return received

    def bury(self) -> Optional[int]:
        """Free everything; return the exit status, negative for a signal, if it has ended."""
        self.inbox.close()
        for fd in list(self.outputs):
            self.outputs.pop(fd)
            os.close(fd)
        status = reap(self._pid)
        if status is None:
            # It closed its outputs and stays; another account's program may be out of our reach.
            kill_group(self._pid)
        return status


def start_program(number: int, argv: List[str], *, on_terminal: bool) -> RunningProgram:
    """Start a program by its argument list, on pipes or on a terminal that changes nothing."""
    return _start_on_terminal(number, argv) if on_terminal else _start_on_pipes(number, argv)


def _start_on_pipes(number: int, argv: List[str]) -> RunningProgram:
    pipes = [os.pipe() for _ in range(3)]
    theirs = (pipes[0][0], pipes[1][1], pipes[2][1])
    pid = os.fork()
    if not pid:
        os.setsid()
        for wanted, fd in enumerate(theirs):
            os.dup2(fd, wanted)
        _become_program(argv)
    for fd in theirs:
        os.close(fd)
    outputs = {pipes[1][0]: False, pipes[2][0]: True}
    return RunningProgram(number, pid, Outbox(pipes[0][1]), outputs)


def _start_on_terminal(number: int, argv: List[str]) -> RunningProgram:
    pid, terminal = pty.fork()
    if not pid:
        # No echo, no line ends changed, no control characters: bytes pass as they are.
        tty.setraw(0)
        _become_program(argv)
    os.set_inheritable(terminal, False)
    return RunningProgram(number, pid, Outbox(os.dup(terminal)), {terminal: False})


def _become_program(argv: List[str]) -> None:
    # Python ignores it, and what is ignored stays so in the program.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - an argument list, and no shell
    except OSError as error:
        text = f"cannot run {argv[0]}: {error.strerror}\n"
        os.write(2, text.encode("utf-8", "surrogateescape"))
    os._exit(_CANNOT_START)

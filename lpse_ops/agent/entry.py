"""The agent's first steps in a process: keep the streams for frames only, say hello and serve.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import sys
from typing import Any, Dict, Tuple

from lpse_ops.agent import frames
from lpse_ops.agent.core import Agent
from lpse_ops.agent.request import AddSource


def serve(add_source: AddSource, *, magic: bytes, beat_seconds: float) -> None:
    """Serve the controller at standard input and output until it goes away, and exit."""
    read_fd, write_fd = keep_streams()
    os.write(write_fd, magic)
    Agent(read_fd, write_fd, add_source, beat_seconds).run(describe_host())
    sys.stderr.flush()
    os._exit(0)


def keep_streams() -> Tuple[int, int]:
    """Take input and output for frames; what a module prints goes to stderr, or nowhere."""
    read_fd, write_fd = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    # On a terminal, errors would land among the frames.
    if os.isatty(2):
        os.dup2(nothing, 2)
    os.dup2(2, 1)
    os.close(nothing)
    return read_fd, write_fd


def describe_host() -> Dict[str, Any]:
    """What the controller wants to know first."""
    return {
        "version": frames.VERSION,
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "executable": sys.executable,
        "platform": sys.platform,
        "uid": os.getuid(),
        "pid": os.getpid(),
    }

"""What a task may leave behind in its process, and whether that could be taken away again.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import resource
import sys


class Marks:
    """How the process is now; ``wipe_off`` makes it so again, or says that it cannot."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._folder = _folder()
        self._descriptors = _count_descriptors()
        self._programs = _ended_programs()
        self._umask = os.umask(0o077)
        os.umask(self._umask)

    def wipe_off(self) -> bool:
        """False if a program was started, or anything else is not as it was."""
        os.umask(self._umask)
        if _has_children() or _ended_programs() != self._programs:
            return False
        if _has_threads() or _count_descriptors() != self._descriptors:
            return False
        if os.environ != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        return bool(self._folder) and _folder() == self._folder


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def _count_descriptors() -> int:
    """-1 where nobody can tell, which is like nothing else."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return -1


def _ended_programs() -> "tuple[float, ...]":
    """What all children that were waited for have used; changes with every one of them."""
    return tuple(resource.getrusage(resource.RUSAGE_CHILDREN))


def _has_children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def _has_threads() -> bool:
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1

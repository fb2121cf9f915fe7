"""apt-get as tasks run it: it asks nothing, waits for others, and may keep services from starting.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import os
import re
import time
from typing import Callable, Dict, Iterator, List, Mapping, Optional

from lpse_ops.agent.commands import SYSTEM_FOLDERS, Finished, english
from lpse_ops.agent.context import Failed
from lpse_ops.agent.debpackages import run_tool
from lpse_ops.agent.replacing import write_atomically

POLICY = "/usr/sbin/policy-rc.d"
# Where a policy that is there already waits; it is found again after a power loss.
_SAVED = ".before-lpse-ops"
_PAUSE_SECONDS = 0.5
_SIGNS = ("Could not get lock", "is another process using it")
_HOLDER = re.compile(r"Could not get lock \S+\. It is held by process \d+ \([^)\n]*\)")


class AptGet:
    """Runs apt-get's command lines one after the other.

    ``lock_timeout`` is how many seconds another apt or dpkg is waited for.  A ``policy`` is the
    exit status of the program that packages ask before they start a service.
    """

    def __init__(
        self,
        *,
        lock_timeout: int,
        policy: Optional[int] = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        policy_path: str = POLICY,
    ) -> None:
        self._lock_timeout = lock_timeout
        self._policy = policy
        self._sleep = sleep
        self._clock = clock
        self._policy_path = policy_path

    def run(self, argv: List[str]) -> Finished:
        """Run a command line, again for as long as somebody else holds a lock."""
        deadline = self._clock() + self._lock_timeout
        with service_policy(self._policy, self._policy_path):
            while True:
                finished = run_tool(argv, environment=silent(os.environ))
                if not is_locked(finished) or self._clock() >= deadline:
                    return name_holder(finished)
                self._sleep(_PAUSE_SECONDS)


def silent(environment: Mapping[str, str]) -> Dict[str, str]:
    """The environment in which nothing asks a question, and dpkg finds what it needs."""
    path = [each for each in environment.get("PATH", os.defpath).split(os.pathsep) if each]
    path += [folder for folder in SYSTEM_FOLDERS if folder not in path]
    changed = {"DEBIAN_FRONTEND": "noninteractive", "DEBIAN_PRIORITY": "critical"}
    return dict(english(environment), PATH=os.pathsep.join(path), **changed)


def is_locked(finished: Finished) -> bool:
    """Whether a command failed because somebody else is at work."""
    return finished.rc != 0 and any(sign in finished.stderr for sign in _SIGNS)


def name_holder(finished: Finished) -> Finished:
    """The same with the process that holds the lock among the errors.

    An apt-get that waits by itself names it only while it waits.
    """
    found = _HOLDER.search(finished.stdout)
    if not found or not is_locked(finished) or _HOLDER.search(finished.stderr):
        return finished
    return finished._replace(stderr=f"E: {found.group()}\n{finished.stderr}")


@contextlib.contextmanager
def service_policy(status: Optional[int], path: str = POLICY) -> Iterator[None]:
    """Let ``invoke-rc.d`` be told ``status`` whatever it asks; None changes nothing.

    What was there before is there again afterwards.
    """
    if status is None:
        yield
        return
    saved = path + _SAVED
    existed = os.path.lexists(path)
    try:
        if existed:
            os.rename(path, saved)
        write_atomically(path, f"#!/bin/sh\nexit {status}\n".encode(), mode=0o755)
    except OSError as error:
        raise Failed(f"Failed to create or chmod {path}: {error}") from error
    try:
        yield
    finally:
        if existed:
            os.rename(saved, path)
        else:
            os.unlink(path)

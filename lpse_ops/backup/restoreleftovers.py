"""What a restore that was killed left behind: names that say who made them.

Only where a file system has no files without a name, and for links and devices, does anything
have a temporary name at all; nothing of it is needed once its maker is gone.
"""

import contextlib
import hashlib
import os
import re
import secrets
from itertools import count

from lpse_ops.backup.lockfile import ProcessIdentity, read_identity, read_start_ticks

_PREFIX = b".lpse-ops-restore-"
# Machine, boot, PID namespace, PID, its start, a random part, a number.
_NAME = re.compile(
    rb"\.lpse-ops-restore-([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{8})-(\d{1,10})-(\d{1,20})"
    rb"-[0-9a-f]{8}-\d+"
)


class TemporaryNames:
    """Names that nothing in the target has and nobody can guess, and that tell their maker."""

    def __init__(self) -> None:
        here = read_identity()
        self._prefix = b"%b%b-%d-%d-%b" % (
            _PREFIX,
            b"-".join(_place(here)),
            here.pid,
            here.start_ticks,
            secrets.token_hex(4).encode(),
        )
        self._numbers = count()

    def new(self) -> bytes:
        return b"%b-%d" % (self._prefix, next(self._numbers))


def remove_leftovers(folder: int) -> int:
    """Remove what restores that are gone left in an open folder; return how many."""
    removed = 0
    with contextlib.suppress(OSError):
        for name in map(os.fsencode, os.listdir(folder)):
            if name.startswith(_PREFIX) and is_leftover(name, read_identity()):
                with contextlib.suppress(OSError):
                    os.unlink(name, dir_fd=folder)
                    removed += 1
    return removed


def is_leftover(name: bytes, here: ProcessIdentity) -> bool:
    """Whether a name is that of a restore which surely no longer runs; ``here`` is who asks."""
    match = _NAME.fullmatch(name)
    machine, boot, namespace = _place(here)
    # On a shared disk another machine may be at work, or a container that we cannot look into.
    if match is None or match[1] != machine or not here.boot_id or not here.pid_namespace:
        return False
    if match[2] != boot:
        return True
    return match[3] == namespace and read_start_ticks(int(match[4])) != int(match[5])


def _place(process: ProcessIdentity) -> tuple[bytes, bytes, bytes]:
    facts = (process.machine_id, process.boot_id, process.pid_namespace)
    machine, boot, namespace = (
        hashlib.sha256(fact.encode("utf-8", "replace")).hexdigest()[:8].encode() for fact in facts
    )
    return machine, boot, namespace

"""What a lock file says, and what follows from it.

spec/restic-format.md, section 13.  Beside restic's fields ours name the machine, the boot and the
start of the process, so that a lock left by a crash is known to be dead rather than guessed.
"""

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.gotime import format_datetime, parse_datetime
from lpse_ops.errors import DamagedRepository

STALE_AFTER = timedelta(minutes=30)
REFRESH_EVERY = timedelta(minutes=5)
# A lock not refreshed for so long may have been taken for stale by now.
REFRESH_WITHIN = timedelta(minutes=22, seconds=30)

_PROC = Path("/proc")
_MACHINE_ID = Path("/etc/machine-id")


@dataclass(frozen=True)
class ProcessIdentity:
    """Names one process on one machine beyond doubt; all empty when the kernel does not tell.

    ``machine_id`` begins with the host name: clones of one virtual machine share the rest.
    """

    machine_id: str = ""
    boot_id: str = ""
    pid_namespace: str = ""
    pid: int = 0
    start_ticks: int = 0


@dataclass(frozen=True)
class Lock:
    time: datetime
    exclusive: bool
    hostname: str
    username: str
    pid: int
    uid: int = 0
    gid: int = 0
    owner: ProcessIdentity = ProcessIdentity()
    id: str = ""


def encode_lock(lock: Lock) -> bytes:
    """restic's JSON, with ``lpse_ops`` as a field that restic ignores."""
    fields: dict[str, Any] = {
        "time": format_datetime(lock.time),
        "exclusive": lock.exclusive,
        "hostname": lock.hostname,
        "username": lock.username,
        "pid": lock.pid,
    }
    fields |= {key: value for key, value in (("uid", lock.uid), ("gid", lock.gid)) if value}
    fields["lpse_ops"] = {
        "machine_id": lock.owner.machine_id,
        "boot_id": lock.owner.boot_id,
        "pid_namespace": lock.owner.pid_namespace,
        "start_ticks": lock.owner.start_ticks,
    }
    return json.dumps(fields, separators=(",", ":")).encode("utf-8")


def parse_lock(content: bytes, lock_id: str) -> Lock:
    try:
        raw = json.loads(content)
        extra = raw.get("lpse_ops") or {}
        pid = int(raw.get("pid", 0))
        return Lock(
            time=parse_datetime(raw["time"]),
            exclusive=bool(raw["exclusive"]),
            hostname=str(raw.get("hostname", "")),
            username=str(raw.get("username", "")),
            pid=pid,
            uid=int(raw.get("uid", 0)),
            gid=int(raw.get("gid", 0)),
            owner=ProcessIdentity(
                machine_id=str(extra.get("machine_id", "")),
                boot_id=str(extra.get("boot_id", "")),
                pid_namespace=str(extra.get("pid_namespace", "")),
                pid=pid,
                start_ticks=int(extra.get("start_ticks", 0)),
            ),
            id=lock_id,
        )
    except MALFORMED as error:
        raise DamagedRepository(
            f"lock {lock_id[:10]} cannot be read",
            hint="if no other backup runs: lpse-ops backup unlock --remove-all",
        ) from error


def is_running(pid: int) -> bool:
    """Whether there is such a process, ours or another user's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def is_surely_dead(
    lock: Lock,
    here: ProcessIdentity,
    start_ticks_now: int | None,
    runs: Callable[[int], bool] = is_running,
) -> bool:
    """Whether our own machine knows that the lock's process is gone.

    ``start_ticks_now`` is when the process that has the lock's PID now started; None if none has.
    """
    theirs = lock.owner
    if not theirs.boot_id or not theirs.machine_id or theirs.machine_id != here.machine_id:
        return False
    # Without /proc we know nothing of ourselves, and so nothing of others.
    if not here.boot_id or not here.pid_namespace:
        return False
    if theirs.boot_id != here.boot_id:
        return True
    if not theirs.start_ticks or theirs.pid_namespace != here.pid_namespace:
        return False
    if start_ticks_now is None:
        # Mounted with hidepid, /proc does not show the processes of other users.
        return not runs(theirs.pid)
    return start_ticks_now != theirs.start_ticks


def is_stale(lock: Lock, now: datetime, hostname: str, *, alive: bool) -> bool:
    """restic's own rule, which ``unlock`` follows: too old, or a dead process of this host."""
    return now - lock.time > STALE_AFTER or (lock.hostname == hostname and not alive)


def read_identity(pid: int | None = None, proc: Path = _PROC) -> ProcessIdentity:
    """Identity of a process of this machine, our own by default."""
    number = os.getpid() if pid is None else pid
    return ProcessIdentity(
        machine_id=f"{socket.gethostname()}/{_read_line(_MACHINE_ID)}",
        boot_id=_read_line(proc / "sys/kernel/random/boot_id"),
        pid_namespace=_read_link(proc / "self/ns/pid"),
        pid=number,
        start_ticks=read_start_ticks(number, proc) or 0,
    )


def read_start_ticks(pid: int, proc: Path = _PROC) -> int | None:
    """When a process started, in clock ticks since boot; None if there is no such process."""
    # Field 22 of proc(5); the second one, a name in parentheses, may hold anything.
    after_name = _read_line(proc / f"{pid}/stat").rpartition(")")[2].split()
    return int(after_name[19]) if len(after_name) > 19 else None


def _read_line(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _read_link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""

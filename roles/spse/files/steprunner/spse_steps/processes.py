"""Whose a process is, and how it is ended without ending another by mistake.

A number in a file proves nothing: the process must belong to the application's account, and work
in one of its folders.
"""

import os
import re
import signal
import time
from typing import Callable, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from spse_steps.durable import read_beneath

MARK = "LPSE_OPS_STEP"
_NAP_SECONDS = 0.05
_LISTENS = "0A"
_NUMBER = re.compile(rb"\s*([1-9]\d{0,8})\s*")


class Process(NamedTuple):
    """``started``: in clock ticks since boot; with the pid it names a process for ever."""

    pid: int
    uid: int
    group: int
    started: int


def read_process(pid: int) -> Optional[Process]:
    """A living process; None if there is none, or it has ended and waits to be reaped."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            # The name before the last bracket may be anything.
            fields = stream.read().rpartition(b")")[2].split()
        with open(f"/proc/{pid}/status", "rb") as stream:
            uid = re.search(rb"^Uid:\s+\d+\s+(\d+)", stream.read(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return None
    if uid is None or fields[0] in (b"Z", b"X"):
        return None
    return Process(pid, int(uid.group(1)), int(fields[2]), int(fields[19]))


def all_processes() -> Iterator[Process]:
    for name in os.listdir("/proc"):
        process = read_process(int(name)) if name.isdigit() else None
        if process is not None:
            yield process


def find_marked(mark: str, uids: Iterable[int]) -> List[Process]:
    """Processes of these accounts that a command of ours with this mark started."""
    wanted = f"{MARK}={mark}".encode()
    allowed = set(uids)
    found = []
    for process in all_processes():
        if process.uid not in allowed or process.pid == os.getpid():
            continue
        if wanted in _read(f"/proc/{process.pid}/environ").split(b"\0"):
            found.append(process)
    return found


def find_named(release: str, pid_file: str, uid: int, folders: Sequence[str]) -> Optional[Process]:
    """The process whose number stands in a release's pid file, if it is the application's."""
    try:
        content = read_beneath(release, os.path.join(release, pid_file), 64)
    except OSError:
        return None
    number = _NUMBER.fullmatch(content)
    process = read_process(int(number.group(1))) if number else None
    if process is None or process.uid != uid or process.pid <= 1:
        return None
    return process if _is_of(process, folders) else None


def works_in(process: Process, folder: str) -> bool:
    """Whether its working folder is this one, or one below; ``folder`` is without links."""
    try:
        place = os.readlink(f"/proc/{process.pid}/cwd")
    except OSError:
        return False
    return place == folder or place.startswith(folder + "/")


def _is_of(process: Process, folders: Sequence[str]) -> bool:
    words = _read(f"/proc/{process.pid}/cmdline").decode("utf-8", "replace").split("\0")
    for folder in folders:
        if works_in(process, folder) or any(folder + "/" in word for word in words):
            return True
    return False


def find_listeners(port: int, uid: int) -> List[Process]:
    """Processes of an account that listen on a TCP port."""
    sockets = {f"socket:[{inode}]" for owner, inode in _listening(port) if owner == uid}
    if not sockets:
        return []
    return [each for each in all_processes() if each.uid == uid and sockets & _files(each.pid)]


def owners_of_port(port: int) -> List[int]:
    """The accounts that listen on a TCP port."""
    return sorted({owner for owner, _inode in _listening(port)})


def _listening(port: int) -> Iterator[Tuple[int, str]]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in _read(table).decode("ascii", "replace").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                yield int(fields[7]), fields[9]


def _files(pid: int) -> Set[str]:
    found: Set[str] = set()
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            found.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    except OSError:
        return found
    return found


def group_of(process: Process) -> List[Process]:
    """The process and those of its group that belong to the same account; never our own group."""
    if process.group in (0, 1, os.getpgrp()):
        return [process]
    others = [each for each in all_processes() if each.group == process.group]
    return [each for each in others if each.uid == process.uid] or [process]


def end_processes(
    processes: Sequence[Process],
    patience_seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> List[Process]:
    """Ask them to end, wait, then make them; return those that are still there."""
    left = list(processes)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            _send(process, number)
        deadline = clock() + patience_seconds
        left = [each for each in left if is_alive(each)]
        while left and clock() < deadline:
            sleep(_NAP_SECONDS)
            left = [each for each in left if is_alive(each)]
    return left


def is_alive(process: Process) -> bool:
    now = read_process(process.pid)
    return now is not None and now.started == process.started


def resident_bytes(pid: int) -> int:
    """Memory of a process, 0 if it is gone."""
    found = re.search(rb"^VmRSS:\s+(\d+) kB", _read(f"/proc/{pid}/status"), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


def started_at(process: Process) -> float:
    """When it began, as time.time() says it, by today's clock."""
    uptime = float(_read("/proc/uptime").split()[0])
    return time.time() - uptime + process.started / os.sysconf("SC_CLK_TCK")


def available_bytes() -> int:
    """Memory that programs could still have without swapping."""
    found = re.search(rb"^MemAvailable:\s+(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


def _send(process: Process, number: int) -> None:
    # Its number may belong to another process by now.
    if is_alive(process):
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(1 << 20)
    except OSError:
        return b""

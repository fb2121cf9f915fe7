"""Runs a program as a whole process and measures it from outside, every tool in the same way."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_SECONDS = 0.02
MIB = 1 << 20


@dataclass(frozen=True)
class Measured:
    """``max_rss_bytes`` is that of the largest single process of the tree."""

    seconds: float
    cpu_seconds: float
    max_rss_bytes: int


def measure(argv: Sequence[str], environment: Mapping[str, str], log: Path) -> Measured:
    """Wall time from start to end; nothing else of ours runs meanwhile."""
    begin = time.perf_counter()
    process = _start(argv, environment, log)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    _finish(process, status, argv, log)
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def measure_memory(argv: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """The highest sum of PSS over the whole process tree, sampled every 20 ms.

    PSS counts a page that several processes share once.  Sampling costs time, so such a run is
    never a timed one.
    """
    process = _start(argv, environment, log)
    peak = 0
    while True:
        pid, status, _ = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        peak = max(peak, sum(map(_read_pss, _process_tree(process.pid))))
        time.sleep(_SAMPLE_SECONDS)
    _finish(process, status, argv, log)
    return peak


def _start(
    argv: Sequence[str], environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
        )


def _finish(process: subprocess.Popen[bytes], status: int, argv: Sequence[str], log: Path) -> None:
    # Reaped by wait4: Popen must not wait for that number again.
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        last = log.read_text(errors="replace")[-2000:]
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}:\n{last}")


def _process_tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*"):
        # Threads and processes come and go.
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                yield from _process_tree(int(child))


def _read_pss(pid: int) -> int:
    """0 for a process that has just ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line[:4] == "Pss:")


def warm(folder: Path) -> None:
    """Read every file once, so that every run finds the same page cache."""
    buffer = bytearray(MIB)
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(parent, name), "rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

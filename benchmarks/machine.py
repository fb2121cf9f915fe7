"""What a figure is worth nothing without: the machine, the versions, the load."""

import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

_FLAGS = ("sha_ni", "aes", "vaes", "avx2", "avx512f")
_LIBRARIES = ("cryptography", "zstandard", "pyfastcdc")
_WRITTEN_BYTES = 256 << 20


def read_facts(scratch: Path) -> dict[str, Any]:
    cpu = _cpu_fields()
    flags = cpu.get("flags", "").split()
    return {
        "cpu": cpu.get("model name", platform.machine()),
        "cores": len(os.sched_getaffinity(0)),
        "cpu flags": " ".join(f"{'+' if flag in flags else '-'}{flag}" for flag in _FLAGS),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') >> 20} MiB",
        "kernel": platform.release(),
        # One that the distribution built is up to a third quicker than one built by hand.
        "python": f"{platform.python_version()} below {sys.base_prefix}",
        **{name: version(name) for name in _LIBRARIES},
        "disk, written and fsynced": f"{_measure_disk(scratch):.0f} MB/s",
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _cpu_fields() -> dict[str, str]:
    """The fields of the first processor."""
    first = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _measure_disk(scratch: Path) -> float:
    path = scratch / "disk-speed"
    block = os.urandom(1 << 20)
    begin = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for _ in range(_WRITTEN_BYTES >> 20):
            file.write(block)
        os.fsync(file.fileno())
    seconds = time.perf_counter() - begin
    path.unlink()
    return _WRITTEN_BYTES / seconds / 1e6

"""Real agents for tests: a ``python3`` of this machine, with a probe besides the modules."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from lpse_ops.remote.connect import HostLinks
from lpse_ops.remote.sources import module_sources
from lpse_ops.remote.target import Target

PROBE = Path(__file__).with_name("probe_module.py")


def sources(name: str) -> Mapping[str, bytes]:
    """As ``module_sources``, ``probe``, and ``tidyprobe``, which says that it leaves nothing."""
    if name not in ("probe", "tidyprobe"):
        return module_sources(name)
    more = b"TIDY = True\n" if name == "tidyprobe" else b""
    return {f"lpse_ops.agent.modules.{name}": PROBE.read_bytes() + more}


def open_links(
    *, python: str = sys.executable, beat_seconds: float = 10, **keys: object
) -> HostLinks:
    target = Target("server", connection="local", python=python, **keys)
    return HostLinks(target, sources=sources, beat_seconds=beat_seconds)


def wait_until(happens: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def find_pythons() -> list[str]:
    """Ours, and the oldest that an agent may meet if there is one here."""
    oldest = shutil.which("python3.6")
    if oldest and not subprocess.run([oldest, "-c", ""], capture_output=True).returncode:
        return [sys.executable, oldest]
    return [sys.executable]

"""``python -m benchmarks.inventories``: ``inventory validate`` on a fleet of 2 000 hosts.

Beside it ``ansible-inventory --list`` of ansible-core reads the same files, and finds nothing
wrong in any.  Fails if ours takes more than three seconds of CPU.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fleetinventory import write_fleet
from benchmarks.measure import MIB, Measured, measure

ALLOWED_CPU_SECONDS = 3.0
FORMATS = ("yaml", "ini")
_BESIDE_PYTHON = Path(sys.executable).parent


def commands(inventory: Path) -> dict[str, Sequence[str]]:
    """What is run, by the name of the tool."""
    ours = str(_BESIDE_PYTHON / "lpse-ops")
    theirs = str(_BESIDE_PYTHON / "ansible-inventory")
    return {
        "lpse-ops": (ours, "inventory", "validate", "--strict", "-i", str(inventory)),
        "ansible-inventory": (theirs, "--list", "-i", str(inventory)),
    }


def _measure(inventory: Path, log: Path, runs: int) -> dict[str, list[Measured]]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(log.parent), "LC_ALL": "C.UTF-8"}
    argv = commands(inventory)
    # In turn, so that what else the machine does meets both.
    rounds = [[measure(argv[tool], environment, log) for tool in argv] for _ in range(runs)]
    return dict(zip(argv, map(list, zip(*rounds, strict=True)), strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inventories", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each (5)")
    parser.add_argument("--hosts", type=int, default=2000, help="hosts of the inventory (2000)")
    options = parser.parse_args()
    slow = []
    for kind in FORMATS:
        with tempfile.TemporaryDirectory() as name:
            folder = write_fleet(Path(name) / "inventory", options.hosts, as_ini=kind == "ini")
            for tool, measured in _measure(folder, Path(name) / "log", options.runs).items():
                seconds = statistics.median(each.seconds for each in measured)
                cpu = statistics.median(each.cpu_seconds for each in measured)
                peak = statistics.median(each.max_rss_bytes for each in measured)
                print(
                    f"{kind}, {options.hosts} hosts, {tool}: {seconds:.2f} s,"
                    f" {cpu:.2f} s of CPU, {peak / MIB:.0f} MiB",
                    flush=True,
                )
                if tool == "lpse-ops" and cpu > ALLOWED_CPU_SECONDS:
                    slow.append(f"NOT REACHED: {kind}: {cpu:.2f} > {ALLOWED_CPU_SECONDS} s of CPU")
    print("\n".join(slow), end="\n" if slow else "")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())

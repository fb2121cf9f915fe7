"""A play on given hosts, as somebody types it; and what its recap says."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).parent / "lpse-ops"


def run_play(
    folder: Path, hosts: Mapping[str, Mapping[str, Any]], play: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Write playbook and inventory into the folder, and run them there."""
    playbook = folder / "play.yml"
    playbook.write_text(play)
    inventory = folder / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    return subprocess.run(
        [PROGRAM, "playbook", "run", "-i", inventory, playbook, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def recap(output: str, host: str) -> dict[str, int]:
    line = next(each for each in output.splitlines() if each.startswith(f"{host} "))
    words = line.partition(":")[2].split()
    return {key: int(value) for key, value in (word.split("=") for word in words)}

"""Runs ``lpse-ops`` as a user does: a process of its own, outputs and exit code looked at."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Removed when it is collected, at the latest when Python ends.
_STATE = tempfile.TemporaryDirectory(prefix="lpse-ops-state-")
PROGRAM = [sys.executable, "-P", "-c", "from lpse_ops.cli.main import main; main()"]


@dataclass(frozen=True)
class Ended:
    code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        return json.loads(self.stdout)


def lpse_ops(
    *args: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    before: Sequence[str] = (),
) -> Ended:
    """Run to the end, by way of the program ``before``; of the surroundings it sees ``env``."""
    done = subprocess.run(
        [*before, *PROGRAM, *map(str, args)],
        capture_output=True,
        cwd=cwd or "/",
        env=clean_environment() | dict(env or {}),
        input=stdin.encode(),
        timeout=120,
    )
    return Ended(
        done.returncode,
        done.stdout.decode("utf-8", "replace"),
        done.stderr.decode("utf-8", "replace"),
    )


def clean_environment() -> dict[str, str]:
    """This process's own, without settings of ours; the ledger and caches go with the process."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LPSE_OPS_")}
    return kept | {"LPSE_OPS_STATE": _STATE.name}

"""The real ``ansible-vault``, as a stranger has it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("ansible-vault")


def ansible_vault(
    *args: str | Path, stdin: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it without settings of the surroundings; the caller looks at the outcome."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.run(
        [PROGRAM, *args],
        env=clean | dict(env or {}),
        # No ansible.cfg of a folder where we happen to be.
        cwd="/",
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        # No terminal to ask at.
        start_new_session=True,
    )

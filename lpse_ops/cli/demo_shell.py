"""Runs the demo's commands as a person would in its folder; each is shown as a line to copy."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError

# They would win over the settings in the folder.
_NOT_INHERITED = (
    "LPSE_OPS_SETTINGS",
    "LPSE_OPS_REPO",
    "LPSE_OPS_PASSWORD_FILE",
    "LPSE_OPS_PASSWORD",
)
_PROGRAM = "lpse-ops"
# Works wherever the program was installed to.
_CALL = "from lpse_ops.cli.main import main; main()"


class DemoShell:
    """What commands print goes to standard error: standard output is for the demo's result."""

    def __init__(self, app: App, folder: Path) -> None:
        self._app = app
        self._folder = folder
        self._environment = {
            name: value
            for name, value in app.environment.items()
            if name not in _NOT_INHERITED and not name.startswith("PG")
        }

    def say(self, text: str) -> None:
        self._app.console.print(text)

    def enter(self) -> None:
        """Show what to type first for the lines that follow to work."""
        path_line = find_path_line(self._environment.get("PATH"))
        if path_line:
            self.say(f"$ {path_line}")
        self.say(f"$ cd {shlex.quote(str(self._folder))}")

    def run(self, *words: str) -> float:
        """Run ``lpse-ops`` and return the seconds it took; a status other than 0 is an error."""
        self.say(f"$ {shlex.join([_PROGRAM, *words])}")
        begin = time.monotonic()
        self._call(words, subprocess.DEVNULL if self._app.quiet else self._app.stderr)
        return time.monotonic() - begin

    def ask(self, *words: str) -> Any:
        """Return what a command says as JSON, without showing it."""
        return json.loads(self._call([*words, "--format", "json"], subprocess.PIPE))

    def _call(self, words: Sequence[str], stdout: int | TextIO) -> bytes:
        done = subprocess.run(
            [sys.executable, "-c", _CALL, *words],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=self._app.stderr,
        )
        if done.returncode:
            line = shlex.join([_PROGRAM, *words])
            raise OpsError(
                f"`{line}` ended with status {done.returncode}, and the demo with it",
                hint=f"see the lines above, and what there is in {self._folder}",
            )
        return done.stdout or b""


def find_path_line(environment_path: str | None) -> str | None:
    """What to type first for ``lpse-ops`` to be this one; None if it is already."""
    here = Path(sys.executable).with_name(_PROGRAM)
    found = shutil.which(_PROGRAM, path=environment_path)
    if not here.exists() or (found and os.path.samefile(found, here)):
        return None
    return f"PATH={shlex.quote(str(here.parent))}:$PATH"

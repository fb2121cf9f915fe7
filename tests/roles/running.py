"""Roles on a machine of the lab, by our engine and by ansible-playbook: how each run ended."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.lab import Host

ROOT = Path(__file__).parents[2]
OURS = "lpse-ops"
THEIRS = "ansible-playbook"
ENGINES = (OURS, THEIRS)

_BIN = Path(sys.executable).parent
_PROGRAMS: dict[str, list[str | Path]] = {
    OURS: [_BIN / "lpse-ops", "playbook", "run"],
    THEIRS: [_BIN / "ansible-playbook"],
}
_TASK = re.compile(r"(?:TASK|RUNNING HANDLER) \[(.*)\]")
_COUNT = re.compile(r"(\w+)=(\d+)")


@dataclass(frozen=True)
class Ran:
    """How a run ended; ``text`` is all that it said, ``recap`` the counts of the host."""

    status: int
    text: str
    recap: Mapping[str, int]
    seconds: float

    @property
    def changed(self) -> list[str]:
        """The tasks and handlers that changed something, as ``role : task``."""
        return self._told("changed: [")

    @property
    def failed(self) -> list[str]:
        return self._told("fatal: [") + self._told("failed: [")

    def _told(self, start: str) -> list[str]:
        found: list[str] = []
        task = ""
        for line in self.text.splitlines():
            if match := _TASK.match(line):
                task = match[1]
            elif line.startswith(start) and task not in found:
                found.append(task)
        return found


@dataclass(frozen=True)
class RoleRunner:
    """Plays of roles on a host; ``folder`` takes inventories and playbooks."""

    host: Host
    folder: Path
    user: str = "debian"

    def run(
        self,
        *roles: str | Mapping[str, Any],
        engine: str = OURS,
        arguments: Sequence[str] = (),
        variables: Mapping[str, Any] | None = None,
        tasks: Sequence[Mapping[str, Any]] = (),
        host_variables: Mapping[str, Any] | None = None,
    ) -> Ran:
        """Run the roles as root by sudo, then the tasks, in one play; never raises for a failure.

        ``variables`` are those of the play.
        """
        play = {
            "name": "Roles",
            "hosts": "all",
            "become": True,
            "vars": dict(variables or {}),
            "roles": list(roles),
            "tasks": list(tasks),
        }
        playbook = self.folder / "play.yml"
        playbook.write_text(json.dumps([play]))
        return self.run_playbook(
            playbook, engine=engine, arguments=arguments, host_variables=host_variables
        )

    def prove(self, role: str, variables: Mapping[str, Any] | None = None) -> Ran:
        """Look, do it, look again: a look says that there is nothing to do once it was done.

        Returns the run that did it.
        """
        looked = self.run(role, variables=variables, arguments=["--check", "--diff"])
        assert looked.status == 0, looked.text
        ran = self.run(role, variables=variables)
        assert ran.status == 0, ran.text
        for arguments in ([], ["--check"]):
            again = self.run(role, variables=variables, arguments=arguments)
            assert (again.status, again.changed) == (0, []), again.text
        return ran

    def run_playbook(
        self,
        playbook: Path,
        *,
        engine: str = OURS,
        arguments: Sequence[str] = (),
        host_variables: Mapping[str, Any] | None = None,
    ) -> Ran:
        inventory = self._write_inventory(host_variables or {})
        began = time.monotonic()
        done = subprocess.run(
            [*_PROGRAMS[engine], "-i", inventory, *arguments, playbook],
            cwd=self.folder,
            env={**os.environ, **self._environment(engine)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        seconds = time.monotonic() - began
        text = done.stdout + done.stderr
        return Ran(done.returncode, text, parse_recap(text, self.host.name), seconds)

    def again(self, host: Host) -> "RoleRunner":
        """The same for another machine."""
        folder = self.folder / host.name
        folder.mkdir(exist_ok=True)
        return RoleRunner(host, folder, self.user)

    def _write_inventory(self, more: Mapping[str, Any]) -> Path:
        variables = {
            **self.host.ansible_variables(self.user),
            "ansible_python_interpreter": "/usr/bin/python3",
            **more,
        }
        path = self.folder / "inventory.yml"
        hosts = {self.host.name: variables}
        # As the shipped inventory has it.
        path.write_text(json.dumps({"all": {"children": {"spse": {"hosts": hosts}}}}))
        return path

    def _environment(self, engine: str) -> dict[str, str]:
        environment = {"ANSIBLE_ROLES_PATH": str(ROOT / "roles"), "ANSIBLE_NOCOLOR": "1"}
        if engine == OURS:
            return environment
        return {
            **environment,
            "ANSIBLE_PIPELINING": "1",
            # Its connection ends soon after it: nothing outlives the test for long.
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=5s",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
        }


def parse_recap(text: str, host: str) -> dict[str, int]:
    """The counts behind the host's name in the last lines; empty if it did not come so far."""
    for line in reversed(text.splitlines()):
        if line.startswith(host) and "unreachable=" in line:
            return {name: int(count) for name, count in _COUNT.findall(line)}
    return {}

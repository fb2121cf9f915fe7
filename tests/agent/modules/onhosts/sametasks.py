"""The same steps on two equal hosts: by ansible-core's modules on one, by ours on the other.

Each step is done in check mode, for real, and again; after the first and the last of these both
hosts are asked what they look like.
"""

import difflib
import io
import json
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible
import pytest

from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.request import RunOptions
from tests.agent import ansiblemodules
from tests.agent.peercollections import find_collections
from tests.agent.realmodules import normalised
from tests.lab.lab import Host

PHASES = ("check", "look", "run", "again", "end")
# For what fails, or finds nothing to do: it would say the same each time.
ONCE = ("run", "end")
_FOLDER = "/opt/judge"


@dataclass(frozen=True)
class Step:
    """One task; ``look`` is a command line that prints what the task is about.

    A module of a collection has its whole name: ``ansible.posix.sysctl``.
    """

    name: str
    module: str
    args: dict[str, Any]
    look: str = "true"
    phases: Sequence[str] = PHASES

    def task(self, phase: str) -> tuple[str, dict[str, Any], bool]:
        if phase in ("look", "end"):
            # What programs complain of depends on the locale of each connection.
            line = f"exec 2>/dev/null; {self.look}"
            return "command", {"_raw_params": line, "_uses_shell": True}, False
        return self.module, self.args, phase == "check"

    def our_task(self, phase: str) -> tuple[str, dict[str, Any], bool]:
        module, args, check = self.task(phase)
        return module.rpartition(".")[2], args, check


def send_judge(host: Host) -> None:
    """Put ansible-core's modules on a host, and the program that runs them."""
    package = Path(ansible.__file__).parent
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        # Empty: the package's own wants more of the package.
        archive.addfile(tarfile.TarInfo("ansible/__init__.py"))
        for name in ("release.py", "module_utils", "modules"):
            archive.add(package / name, f"ansible/{name}", filter=_without_caches)
        for part in ("plugins/modules", "plugins/module_utils"):
            for folder in sorted(find_collections().glob(f"ansible_collections/*/*/{part}")):
                name = str(folder.relative_to(find_collections()))
                archive.add(folder, name, filter=_without_caches)
        archive.add(ansiblemodules.__file__, "ansiblemodules.py")
    command = f"mkdir {_FOLDER} && tar -x -C {_FOLDER}"
    subprocess.run(host.ssh_argv(command), input=content.getvalue(), check=True)


def do_theirs(steps: Sequence[Step], host: Host) -> dict[str, Any]:
    """All steps by ansible-core's modules."""
    tasks = [(*step.task(phase), True) for step in steps for phase in step.phases]
    return _by_step(steps, run_theirs(tasks, host))


def run_theirs(tasks: Sequence[tuple[str, dict[str, Any], bool, bool]], host: Host) -> Any:
    """Each task (module, arguments, check mode, diff) once by ansible-core's modules."""
    argv = host.ssh_argv(f"python3 {_FOLDER}/ansiblemodules.py")
    done = subprocess.run(argv, input=json.dumps(tasks), stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def do_ours(steps: Sequence[Step], link: AgentLink, *, diff: bool = False) -> dict[str, Any]:
    """All steps by our agent."""
    answers = []
    for step in steps:
        for phase in step.phases:
            module, args, check = step.our_task(phase)
            options = RunOptions(check_mode=check, diff_mode=diff)
            answers.append(link.run(module, args, options=options))
    return _by_step(steps, answers)


def assert_same(theirs: Any, ours: Any) -> None:
    texts = [
        json.dumps(side, indent=1, sort_keys=True).replace("\\n", "\n").splitlines()
        for side in (theirs, ours)
    ]
    difference = list(difflib.unified_diff(*texts, "theirs", "ours", lineterm="", n=3))
    if difference:
        pytest.fail("\n".join(difference), pytrace=False)


def _by_step(steps: Sequence[Step], answers: Sequence[Any]) -> dict[str, Any]:
    each = iter(answers)
    return {step.name: {phase: _comparable(next(each)) for phase in step.phases} for step in steps}


def _comparable(answer: dict[str, Any]) -> dict[str, Any]:
    kept = {"changed": False, "failed": False, **normalised(answer)}
    # Times and processes differ from host to host; which properties a unit has does not.
    if isinstance(kept.get("status"), dict):
        kept["status"] = sorted(kept["status"])
    for key in ("ssh_public_key", "ssh_fingerprint"):
        if kept.get(key):
            kept[key] = kept[key].split()[0 if key == "ssh_public_key" else -1]
    return kept


def _without_caches(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in entry.name else entry

"""The real Ansible programs as judges of what an inventory says."""

import contextlib
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

BESIDE_PYTHON = Path(sys.executable).parent
_ANSWER = re.compile(r"@@(\w+)@@(.*)@@")


def ask_ansible(program: str, *arguments: str, folder: Path, may_leave_out: bool = False) -> str:
    """Run a program of ansible-core in a folder; what it prints on standard output.

    It must read all of the inventory, unless it ``may_leave_out`` files.
    """
    environment = {
        "PATH": f"{BESIDE_PYTHON}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(folder / ".ansible"),
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "0" if may_leave_out else "1",
    }
    done = subprocess.run(
        [str(BESIDE_PYTHON / program), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask_inventory(folder: Path, *arguments: str, may_leave_out: bool = False) -> Any:
    text = ask_ansible("ansible-inventory", *arguments, folder=folder, may_leave_out=may_leave_out)
    return json.loads(text)


def ask_playbook(
    folder: Path, plays: Sequence[Mapping[str, Any]], *arguments: str
) -> dict[str, Any]:
    """Run plays whose tasks are made by ``answer``; the answers by their names."""
    playbook = folder / "judge.json"
    playbook.write_text(json.dumps(plays))
    try:
        text = ask_ansible("ansible-playbook", *arguments, str(playbook), folder=folder)
    finally:
        playbook.unlink()
    lines = re.findall(r'"msg": (".*")', text)
    found = [_ANSWER.fullmatch(json.loads(line)) for line in lines]
    return {match[1]: json.loads(match[2]) for match in found if match}


def answer(name: str, expression: str) -> dict[str, Any]:
    """A task that tells what an expression is."""
    return {"debug": {"msg": f"@@{name}@@{{{{ {expression} | to_json }}}}@@"}, "run_once": True}


def write_site(folder: Path, files: Mapping[str, str]) -> Path:
    """Write the files of a site; programs begin with ``#!``."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        if content.startswith("#!"):
            path.chmod(0o755)
    return folder


@contextlib.contextmanager
def no_file_may_be_opened() -> Iterator[None]:
    """As for a process that has as many files open as it may: also root meets this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

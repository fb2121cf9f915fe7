"""The same steps on two equal clusters: by the collection's modules on one, by ours on the other.

Each step is done in check mode, for real, and again; before and after the last two both clusters
are asked what they look like, each by the modules under test.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.agent import ansiblemodules
from tests.agent.modules.onhosts import sametasks
from tests.agent.peercollections import find_collections
from tests.agent.realmodules import normalised
from tests.agent.thishost import run_task
from tests.postgres.servers import Server

PHASES = ("check", "look", "run", "again", "end")
_COLLECTION = "community.postgresql."
_NOT_COMPARED = {"execution_time_ms", "warnings"}


@dataclass(frozen=True)
class Step:
    """One task; texts in ``args`` may hold FOLDER.

    ``look`` is a query in the database ``look_in`` that shows what the task is about.
    """

    name: str
    module: str
    args: dict[str, Any]
    look: str = "SELECT 1"
    look_in: str = "postgres"
    phases: Sequence[str] = PHASES
    apart: frozenset[str] = frozenset()

    def task(self, phase: str) -> tuple[str, dict[str, Any], bool]:
        if phase in ("look", "end"):
            return "postgresql_query", {"login_db": self.look_in, "query": self.look}, False
        return self.module, self.args, phase == "check"


@dataclass(frozen=True)
class Side:
    """One of the two clusters, and a folder of its own."""

    server: Server
    folder: Path

    @property
    def socket(self) -> str:
        return self.server.socket_folder

    def args_of(self, args: dict[str, Any]) -> dict[str, Any]:
        text = json.dumps(args).replace("FOLDER", str(self.folder))
        login = {"login_unix_socket": self.socket, "login_port": self.server.tcp_port}
        return {**login, **json.loads(text)}

    def comparable(self, result: dict[str, Any], apart: frozenset[str]) -> dict[str, Any]:
        text = json.dumps({"changed": False, "failed": False, **normalised(result)})
        places = ((str(self.folder), "FOLDER"), (self.socket, "SOCKET"))
        for place, name in (*places, (str(self.server.tcp_port), "PORT")):
            text = text.replace(place, name)
        # Where Ansible puts options into a command line.
        text = text.replace("  ", " ")
        kept = json.loads(text)
        return {key: kept[key] for key in kept if key not in apart | _NOT_COMPARED}


def do_theirs(steps: Sequence[Step], side: Side) -> dict[str, Any]:
    """All steps by the collection's modules, with psycopg."""
    tasks = [
        (_COLLECTION + module, side.args_of(args), check, True)
        for module, args, check in _tasks(steps)
    ]
    folder = str(find_collections())
    done = subprocess.run(
        [sys.executable, ansiblemodules.__file__],
        input=json.dumps(tasks),
        env={"PYTHONPATH": folder, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the modules did not run:\n{done.stderr[-3000:]}")
    return _by_step(steps, json.loads(done.stdout), side)


def do_ours(steps: Sequence[Step], side: Side) -> dict[str, Any]:
    """All steps by ours."""
    answers = [
        json.loads(json.dumps(run_task(module, side.args_of(args), side.folder, check_mode=check)))
        for module, args, check in _tasks(steps)
    ]
    return _by_step(steps, answers, side)


def assert_same(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    """Fail with what is not equal; where their module crashed, ours must fail in its own words."""
    if "end" in ours:
        assert not ours["end"]["failed"], ours["end"]["msg"]
    crashed = {phase for phase, result in theirs.items() if "crashed" in result}
    for phase in crashed:
        assert ours[phase]["failed"]
        assert ours[phase]["msg"]
    sametasks.assert_same(
        *({key: side[key] for key in side if key not in crashed} for side in (theirs, ours))
    )


def _tasks(steps: Sequence[Step]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    for step in steps:
        for phase in step.phases:
            yield step.task(phase)


def _by_step(steps: Sequence[Step], answers: Sequence[Any], side: Side) -> dict[str, Any]:
    each = iter(answers)
    return {
        step.name: {phase: side.comparable(next(each), step.apart) for phase in step.phases}
        for step in steps
    }

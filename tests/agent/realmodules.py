"""The same tasks by ansible-core's modules and by ours, on one and the same tree."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from lpse_ops.agent.context import Context
from tests.agent.thishost import run_module

# Where and when something ran; what controllers add; and what only one of the two says.
_NOT_COMPARED = {"invocation", "deprecations", "exception", "start", "end", "delta", "atime"}


class Task(NamedTuple):
    """A task for a module of ansible-core and for ours of the same name."""

    module: str
    args: dict[str, Any]
    check_mode: bool = False


class Both(NamedTuple):
    """What the two answered."""

    theirs: Any
    ours: Any


def run_both(tasks: Mapping[str, Task]) -> dict[str, Both]:
    """Run each task by both, ansible-core first; the results are normalised."""
    real = run_real(list(tasks.values()))
    return _pair(tasks, real, [run_ours(task) for task in tasks.values()])


def wait_both(tasks: Mapping[str, Task]) -> dict[str, Both]:
    """The same for tasks that only wait: ours all at once, beside ansible-core's."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        ours = pool.map(run_ours, tasks.values())
        return _pair(tasks, run_real(list(tasks.values())), list(ours))


def _pair(tasks: Mapping[str, Task], theirs: list[Any], ours: list[Any]) -> dict[str, Both]:
    answers = zip(tasks, theirs, ours, strict=True)
    return {name: Both(normalised(real), normalised(own)) for name, real, own in answers}


def run_real(tasks: Sequence[Task]) -> list[Any]:
    """All tasks by ansible-core's modules, in one process."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("ansiblemodules.py"))],
        input=json.dumps([(task.module, task.args, task.check_mode, True) for task in tasks]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the modules did not run:\n{done.stderr[-3000:]}")
    return list(json.loads(done.stdout))


def run_ours(task: Task) -> dict[str, Any]:
    context = Context(check_mode=task.check_mode, diff_mode=True)
    return run_module(task.module, task.args, context)


def normalised(result: Any) -> Any:
    """The same without what differs from run to run, at any depth; warnings are their text."""
    if isinstance(result, dict):
        if result.get("__ansible_type") == "WarningSummary":
            return result["event"]["msg"]
        kept = {key: normalised(value) for key, value in result.items()}
        return {key: value for key, value in kept.items() if key not in _NOT_COMPARED}
    if isinstance(result, list | tuple):
        return [normalised(each) for each in result]
    return result


def flags(result: dict[str, Any]) -> dict[str, Any]:
    """A result with the two keys that everybody may rely on."""
    return {"changed": False, "failed": False, **result}

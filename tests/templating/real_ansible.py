"""The real ansible-playbook as judge: many templates and conditions in one run."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lpse_ops.marked import Map, Origin, Seq, Text

FAILED = "<failed>"
_PLACE = Origin("play.yml", 1, 1)
# So many values are set by one task: a task costs far more than a template.
_TOGETHER = 40


class Unsafe(str):
    """A string of the variables that is no template, whatever it looks like."""

    __slots__ = ()


class Judge:
    """One play for everything that is asked; ``answers`` runs it."""

    def __init__(self, folder: Path, variables: Mapping[str, Any]) -> None:
        self._folder = folder
        self._variables = variables
        self._tasks: list[dict[str, Any]] = []

    def ask_values(self, templates: Sequence[str]) -> None:
        """Templates that give a value: many in one task, so all fail if one does."""
        for start in range(0, len(templates), _TOGETHER):
            part = templates[start : start + _TOGETHER]
            values = {f"value_{index}": each for index, each in enumerate(part, start)}
            self._tasks.append({"set_fact": values})

    def ask_each(self, templates: Sequence[str]) -> None:
        """Templates that may fail."""
        self._tasks += [{"set_fact": {"value": each}} for each in templates]

    def ask_conditions(self, conditions: Sequence[Any]) -> None:
        self._tasks += [{"set_fact": {"value": 1}, "when": each} for each in conditions]

    def answers(self) -> list[dict[str, Any]]:
        """Run the play; what each task registered, in the order of the asking."""
        names = [f"case_{index}" for index in range(len(self._tasks))]
        tasks = [
            {**task, "register": name, "ignore_errors": True}
            for task, name in zip(self._tasks, names, strict=True)
        ]
        answer = self._folder / "answer.json"
        together = ", ".join(f"{name!r}: {name}" for name in names)
        collect = {"dest": str(answer), "content": f"{{{{ {{{together}}} | to_json }}}}"}
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": dict(self._variables),
            "tasks": [*tasks, {"copy": collect}],
        }
        self._run([play], answer)
        found = json.loads(answer.read_text(encoding="utf-8"))
        return [found[name] for name in names]

    def _run(self, plays: list[Any], answer: Path) -> None:
        (self._folder / "play.yml").write_text(render_yaml(plays), encoding="utf-8")
        (self._folder / "ansible.cfg").write_text("")
        program = Path(sys.executable).parent / "ansible-playbook"
        python = f"ansible_python_interpreter={sys.executable}"
        done = subprocess.run(
            [program, "-i", "localhost,", "-e", python, "play.yml"],
            cwd=self._folder,
            env={**os.environ, "ANSIBLE_CONFIG": str(self._folder / "ansible.cfg")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.exists(), done.stdout[-3000:] + done.stderr[-3000:]


def values_of(results: Sequence[dict[str, Any]], count: int) -> list[Any]:
    """The values of ``ask_values``."""
    merged: dict[str, Any] = {}
    for each in results:
        assert not each.get("failed"), each["msg"]
        merged.update(each["ansible_facts"])
    return [merged[f"value_{index}"] for index in range(count)]


def value_of(result: dict[str, Any]) -> Any:
    return FAILED if result.get("failed") else result["ansible_facts"].get("value", FAILED)


def outcome_of(result: dict[str, Any]) -> Any:
    """Whether the task ran."""
    return FAILED if result.get("failed") else not result.get("skipped")


def render_yaml(value: Any) -> str:
    """JSON is YAML; a string that is no template gets the tag ``!unsafe``."""
    if isinstance(value, Unsafe):
        return f"!unsafe {json.dumps(str(value))}"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)}: {render_yaml(each)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(render_yaml(each) for each in value)}]"
    return json.dumps(value)


def mark(value: Any) -> Any:
    """The same as our own reader of YAML gives it."""
    if isinstance(value, Unsafe):
        return str(value)
    if isinstance(value, str):
        return Text(value, _PLACE)
    if isinstance(value, dict):
        pairs = {Text(key, _PLACE): mark(each) for key, each in value.items()}
        return Map(pairs, origin=_PLACE)
    if isinstance(value, list):
        return Seq((mark(each) for each in value), origin=_PLACE)
    return value

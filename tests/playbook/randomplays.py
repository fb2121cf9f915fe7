"""Plays made by chance, whose tasks need each other in every way there is.

Each task that runs leaves its number in ``log``, so that what ran, in which order and how often can
be compared.
"""

import json
from random import Random
from typing import Any

Task = dict[str, Any]
_VARIABLES = ("one", "two", "three")


class Writer:
    """Writes one play; the same seed gives the same play."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._number = 0

    def files(self) -> dict[str, str]:
        """``site.yml`` and what it includes."""
        play = {
            "hosts": "all",
            "gather_facts": False,
            "vars": {
                "known": "plain",
                "over_one": "{{ one.rc | default('none') }}",
                "over_file": "{{ (place ~ '/made') is exists }}",
            },
            "pre_tasks": self._tasks(2, depth=0),
            "roles": ["worker", "worker"],
            "tasks": self._tasks(10, depth=2),
            "post_tasks": self._tasks(3, depth=1),
            "handlers": [self._handler(name) for name in ("first", "second", "third")],
        }
        return {
            "site.yml": json.dumps([play]),
            "included.yml": json.dumps(self._tasks(3, depth=0)),
            "roles/worker/tasks/main.yml": json.dumps(self._tasks(2, depth=0)),
        }

    def _tasks(self, count: int, *, depth: int) -> list[Task]:
        return [self._node(depth) for _ in range(self._random.randint(1, count))]

    def _node(self, depth: int) -> Task:
        if depth and self._random.random() < 0.25:
            block: Task = {"block": self._tasks(4, depth=depth - 1)}
            if self._chance(0.6):
                block["rescue"] = self._tasks(2, depth=depth - 1)
            if self._chance(0.5):
                block["always"] = self._tasks(2, depth=depth - 1)
            if self._chance(0.2):
                block["when"] = self._condition()
            return block
        return self._task()

    def _handler(self, name: str) -> Task:
        task = self._worker()
        if self._chance(0.3):
            task["notify"] = self._random.choice(["second", "third"])
        return {"name": name, **task}

    def _task(self) -> Task:
        make = self._random.choices(
            [self._worker, self._failing, self._other, self._controllers], [12, 1, 5, 3]
        )[0]
        task = make()
        for chance, keyword, choose in (
            (0.3, "register", self._variable),
            (0.25, "when", self._condition),
            (0.2, "notify", lambda: self._random.choice(["first", "second", ["first", "third"]])),
            (0.2, "changed_when", lambda: self._random.choice([False, True, "one is defined"])),
            (0.1, "failed_when", lambda: self._random.choice([False, "two is failed", "1 == 1"])),
            (0.4, "ignore_errors", lambda: True),
            (0.05, "run_once", lambda: True),
            (0.05, "no_log", lambda: True),
            (0.05, "name", lambda: "task {{ one.rc | default('?') }}"),
            (0.05, "environment", lambda: {"WORD": "{{ two.rc | default(0) }}"}),
        ):
            if self._chance(chance) and "meta" not in task and "include_tasks" not in task:
                task.setdefault(keyword, choose())
        if self._chance(0.1) and "shell" in task:
            task["loop"] = self._random.choice([[1, 2], "{{ [known] * 3 }}", []])
        return task

    def _worker(self) -> Task:
        return {"shell": f"echo {self._next()} {self._text()} >> {{{{ place }}}}/log"}

    def _failing(self) -> Task:
        return {"shell": f"echo {self._next()} >> {{{{ place }}}}/log; exit 3"}

    def _other(self) -> Task:
        path = f"{{{{ place }}}}/{self._random.choice(['made', 'other'])}"
        return self._random.choice(
            [
                {"copy": {"content": f"{self._next()} {self._text()}\n", "dest": path}},
                {"copy": {"src": "{{ place }}/log", "dest": path}},
                {"lineinfile": {"path": path, "line": f"line {self._next()}", "create": True}},
                {"stat": {"path": path}},
                {"file": {"path": path, "state": "absent"}},
                {"command": "test -e {{ place }}/made", "register": self._variable()},
            ]
        )

    def _controllers(self) -> Task:
        return self._random.choice(
            [
                {"debug": {"msg": self._text()}},
                {"debug": {"var": "three"}},
                {"set_fact": {"two": {"rc": self._number}}},
                {"assert": {"that": [self._condition()]}},
                {"meta": "flush_handlers"},
                {"include_tasks": "included.yml"},
            ]
        )

    def _text(self) -> str:
        return self._random.choice(
            [
                "text",
                "{{ known }}",
                "{{ over_one }}",
                "{{ over_file }}",
                "{{ two.rc | default('no') }}",
                "{{ hostvars[inventory_hostname].three.rc | default('no') }}",
                "{{ lookup('vars', 'one', default='no') is mapping }}",
                "{{ lookup('file', place ~ '/log') | length }}",
                "{{ vars['two'].rc | default('no') }}",
                "{{ ansible_failed_result.rc | default('well') }}",
            ]
        )

    def _condition(self) -> Any:
        return self._random.choice(
            [
                True,
                "one is not failed",
                "two.rc | default(0) == 0",
                "(place ~ '/made') is exists",
                "known == 'plain'",
                ["one is defined", "one.changed | default(true)"],
                "over_one != 'none'",
            ]
        )

    def _variable(self) -> str:
        return self._random.choice(_VARIABLES)

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _next(self) -> int:
        self._number += 1
        return self._number

"""A task on one host with its loop; the host is a list of answers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.errors import HostUnreachable
from lpse_ops.playbook.attempt import Attempts
from lpse_ops.playbook.line import Line, Prepared, Sent
from lpse_ops.playbook.loops import Items
from lpse_ops.playbook.model import Task, every_task
from lpse_ops.playbook.results import CENSORED, Result, TaskResult
from lpse_ops.playbook.taskrun import TaskRun
from lpse_ops.playbook.templatings import Templatings
from lpse_ops.playbook.variables import Variables
from lpse_ops.templating.engine import Templating
from tests.playbook.loading import load

LOST = HostUnreachable("web1: gone", hint="see whether it is up")


@dataclass
class Answers:
    """An ``Invoke`` that sends nothing ahead: one answer after the other, and what was asked."""

    answers: Iterator[Any]
    asked: list[tuple[str, Result]] = field(default_factory=list)

    def __call__(self, task: Task, args: Result, _variables: Variables) -> Result:
        self.asked.append((task.action, args))
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def can_begin(self, _task: Task) -> bool:
        return False

    def prepare(
        self, _task: Task, _args: Result, _variables: Variables, _line: Line
    ) -> Prepared | Result:
        raise AssertionError("nothing is sent ahead here")

    def submit(self, _prepared: Prepared, _line: Line) -> Sent:
        raise AssertionError("nothing is sent ahead here")


@dataclass
class Told:
    """A ``Watch`` that writes everything down."""

    items: list[tuple[str, Result]] = field(default_factory=list)
    retries: list[tuple[Result, int]] = field(default_factory=list)

    def item(self, _task: TaskResult, label: str, result: Result) -> None:
        self.items.append((label, result))

    def retry(self, _task: TaskResult, result: Result, left: int) -> None:
        self.retries.append((result, left))


@dataclass
class Bench:
    outcome: TaskResult
    told: Told
    asked: list[tuple[str, Result]]
    naps: list[float]

    @property
    def results(self) -> list[Result]:
        results: list[Result] = self.outcome.result["results"]
        return results


def run(folder: Path, task: str, *answers: Any, **variables: Any) -> Bench:
    indented = task.strip().replace("\n", "\n      ")
    play = load(folder, f"- hosts: all\n  tasks:\n    - {indented}\n").plays[0]
    (loaded,) = every_task(play.tasks)
    invoke, told, naps = Answers(iter(answers)), Told(), []
    templatings = Templatings(Templating(), folder)
    attempts = Attempts(templatings, invoke, naps.append)
    runner = TaskRun(templatings, attempts, told, sleep=naps.append)
    outcome = runner.run(loaded, "web1", Variables([variables]))
    return Bench(outcome, told, invoke.asked, naps)


OK: Result = {"rc": 0, "changed": True}
BAD: Result = {"rc": 1}


def test_loop_variables_say_where_in_the_loop_we_are():
    layers = list(Items(["a", "b"], "letter", "n", extended=True).layers())
    assert layers[0] == {
        "letter": "a",
        "ansible_loop_var": "letter",
        "n": 0,
        "ansible_index_var": "n",
        "ansible_loop": {
            "index": 1,
            "index0": 0,
            "first": True,
            "last": False,
            "length": 2,
            "revindex": 2,
            "revindex0": 1,
            "allitems": ["a", "b"],
            "nextitem": "b",
        },
    }
    last = layers[1]["ansible_loop"]
    assert (last["previtem"], last["last"], "nextitem" in last) == ("a", True, False)
    (lone,) = Items(["a"], extended=True, all_items=False).layers()
    assert "allitems" not in lone["ansible_loop"]


def test_each_item_has_its_own_result_and_arguments(tmp_path: Path):
    ran = run(tmp_path, "command: echo {{ item }}\nloop: '{{ words }}'", OK, BAD, words=["a", "b"])
    assert [args["_raw_params"] for _, args in ran.asked] == ["echo a", "echo b"]
    assert [(each["item"], each["failed"]) for each in ran.results] == [("a", False), ("b", True)]
    assert ran.outcome.result["msg"] == "One or more items failed"
    assert [label for label, _ in ran.told.items] == ["a", "b"]


@pytest.mark.parametrize(
    ("control", "labels", "naps"),
    [
        ("{label: '{{ item | upper }}'}", ["A", "B", "C"], []),
        (
            "{label: '{{ nowhere }}'}",
            ["<Failed to template loop_control.label: 'nowhere' is undefined>"] * 3,
            [],
        ),
        ("{pause: 0.5}", ["a", "b", "c"], [0.5, 0.5]),
        ("{break_when: item == 'b'}", ["a", "b"], []),
        ("{break_when: [rc == 0, item == 'b']}", ["a", "b"], []),
        ("{loop_var: w, break_when: w == 'a'}", ["a"], []),
    ],
)
def test_loop_control(tmp_path: Path, control: str, labels: list[str], naps: list[float]):
    task = f"command: x\nloop: [a, b, c]\nloop_control: {control}"
    ran = run(tmp_path, task, OK, OK, OK)
    assert [len(ran.results), ran.naps] == [len(labels), naps]
    said = [label for label, _ in ran.told.items]
    assert all(each.startswith(label) for each, label in zip(said, labels, strict=True))


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("command: x\nloop: '{{ 5 }}'", "The `loop` value must resolve to a 'list', not 'int'."),
        ("command: x\nloop: '{{ nowhere }}'", "'nowhere' is undefined"),
        ("command: x\nno_log: '{{ 5 }}'", "Error processing keyword 'no_log': The value 5 could"),
        ("command: x\nloop: [1]\nloop_control: {pause: '{{ [] }}'}", "Error processing keyword"),
        ("action: '{{ m }}'", "Cannot resolve 'nonesuch' to an action or module."),
    ],
)
def test_what_is_wrong_with_a_task_as_a_whole_is_its_result(tmp_path: Path, task: str, words: str):
    ran = run(tmp_path, task, m="nonesuch")
    assert ran.outcome.result["msg"].startswith(f"Task failed: {words}")
    assert ran.asked == []


def test_a_loop_that_is_skipped_needs_no_items(tmp_path: Path):
    ran = run(tmp_path, "command: x\nloop: '{{ nowhere }}'\nwhen: false")
    assert (ran.outcome.status, ran.outcome.result["false_condition"]) == ("skipped", False)


def test_an_item_that_loses_its_host_is_the_last(tmp_path: Path):
    ran = run(tmp_path, "command: x\nloop: [a, b, c]", OK, LOST)
    assert (ran.outcome.status, len(ran.results)) == ("unreachable", 2)


def test_what_one_item_sets_the_next_ones_see(tmp_path: Path):
    answers = ({"ansible_facts": {"n": 1}}, {"ansible_facts": {"n": 2}})
    ran = run(tmp_path, "set_fact: {n: '{{ n | default(0) + item }}'}\nloop: [1, 1]", *answers)
    assert [args for _, args in ran.asked] == [{"n": 1}, {"n": 2}]


def test_names_of_modules_are_templates_of_each_item(tmp_path: Path):
    ran = run(
        tmp_path,
        "action: '{{ item }} {{ more }}'\nloop: [ping, command, nonesuch]\nwhen: item != 'x'",
        OK,
        OK,
        more={"data": "y"},
    )
    # What is one template gives the arguments of a module, and is the text of a command.
    assert ran.asked[0] == ("ping", {"data": "y"})
    assert ran.asked[1][0] == "command"
    assert "Cannot resolve 'nonesuch'" in ran.results[2]["msg"]


def test_a_skipped_task_does_not_need_the_name_of_its_module(tmp_path: Path):
    assert run(tmp_path, "action: '{{ nowhere }}'\nwhen: false").outcome.status == "skipped"


def test_what_no_log_hides_is_hidden_in_retries_and_items_too(tmp_path: Path):
    task = "command: x\nno_log: true\nuntil: false\nretries: 1\ndelay: 0\nloop: [secret]"
    ran = run(tmp_path, task, OK, OK)
    assert ran.told.retries[0][0]["censored"] == CENSORED
    assert "secret" not in str(ran.told.items + ran.told.retries)
    assert ran.outcome.no_log


@pytest.mark.parametrize(
    ("keywords", "answer", "ignored"),
    [
        ("ignore_errors: true", BAD, True),
        ("ignore_errors: true", OK, False),
        ("ignore_errors: true", LOST, False),
        ("ignore_unreachable: true", LOST, True),
        ("ignore_unreachable: true", BAD, False),
    ],
)
def test_failures_that_are_ignored(tmp_path: Path, keywords: str, answer: Any, ignored: bool):
    assert run(tmp_path, f"command: x\n{keywords}", answer).outcome.is_ignored is ignored


@pytest.mark.parametrize(
    ("keywords", "answer", "names"),
    [
        ("notify: restart", OK, ["restart"]),
        ("notify: [a, '{{ b }}']", OK, ["a", "B"]),
        ("notify: '{{ many }}'", OK, ["x", "y"]),
        ("notify: restart", BAD, []),
        ("notify: restart\nchanged_when: false", OK, []),
        ("loop: [1, 2]\nnotify: restart", OK, ["restart"]),
    ],
)
def test_handlers_are_notified_of_what_changed(
    tmp_path: Path, keywords: str, answer: Result, names: list[str]
):
    ran = run(tmp_path, f"command: x\n{keywords}", answer, BAD | OK, b="B", many=["x", "y"])
    assert ran.outcome.notified == names


def test_an_include_takes_the_loop_along(tmp_path: Path):
    answer = {"_include_args": {"file": "a.yml"}}
    ran = run(
        tmp_path,
        "include_tasks: a.yml\nloop: [x]\nloop_control: {index_var: n, extended: true}",
        answer,
    )
    (include,) = ran.outcome.includes
    assert (include.name, include.args) == ("a.yml", {"file": "a.yml"})
    assert (include.variables["item"], include.variables["n"]) == ("x", 0)
    assert include.variables["ansible_loop"]["length"] == 1
    assert "_include_args" not in ran.results[0]


def test_a_name_that_cannot_be_evaluated_is_shown_as_written(tmp_path: Path):
    assert run(tmp_path, "name: see {{ nowhere }}\ncommand: x", OK).outcome.name.startswith("see {")
    assert run(tmp_path, "name: see {{ a }}\ncommand: x", OK, a="it").outcome.name == "see it"

"""What a try of a task counts as; the host is a list of answers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.errors import HostUnreachable, InterpreterMissing, PlaybookError, TemplateError
from lpse_ops.marked import Origin
from lpse_ops.playbook.actions.context import ActionFailed, ActionSkipped
from lpse_ops.playbook.attempt import Attempts
from lpse_ops.playbook.line import Line, Prepared, Sent
from lpse_ops.playbook.model import Task, every_task
from lpse_ops.playbook.problems import PlacedError
from lpse_ops.playbook.results import NO_TRACEBACK, Result
from lpse_ops.playbook.templatings import Templatings
from lpse_ops.playbook.variables import Variables
from lpse_ops.templating.engine import Templating
from tests.playbook.loading import load

UNDEFINED = "Task failed: 'nowhere' is undefined"
LOST = HostUnreachable("web1: gone", hint="see whether it is up")


@dataclass
class Answers:
    """An ``Invoke`` that gives one answer after the other, and keeps what it was asked for."""

    answers: Iterator[Any]
    asked: list[Result] = field(default_factory=list)

    def __call__(self, _task: Task, args: Result, _variables: Variables) -> Result:
        return self._next(args)

    def _next(self, args: Result) -> Result:
        self.asked.append(args)
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def can_begin(self, task: Task) -> bool:
        return task.action == "command"

    def prepare(self, _task: Task, args: Result, _variables: Variables, _line: Line) -> Result:
        return self._next(args)

    def submit(self, _prepared: Prepared, _line: Line) -> Sent:
        raise AssertionError("nothing is prepared here")


@dataclass
class Bench:
    attempts: Attempts
    task: Task
    asked: list[Result]
    naps: list[float]
    retries: list[tuple[Result, int]]
    variables: Variables

    def run(self) -> Result:
        def told(result: Result, left: int) -> None:
            self.retries.append((dict(result), left))

        return self.attempts.run(self.task, self.variables, told)


def bench(folder: Path, task: str, *answers: Any, **variables: Any) -> Bench:
    indented = task.strip().replace("\n", "\n      ")
    play = load(folder, f"- hosts: all\n  tasks:\n    - {indented}\n").plays[0]
    (loaded,) = every_task(play.tasks)
    invoke, naps = Answers(iter(answers)), []
    templatings = Templatings(Templating(), folder)
    attempts = Attempts(templatings, invoke, naps.append)
    return Bench(attempts, loaded, invoke.asked, naps, [], Variables([variables]))


OK: Result = {"rc": 0, "changed": True}
BAD: Result = {"rc": 1, "changed": True}


@pytest.mark.parametrize(
    ("keywords", "answer", "expected"),
    [
        ("", BAD, {"failed": True, "changed": True, "exception": NO_TRACEBACK}),
        ("changed_when: false", OK, {"changed": False, "failed": False}),
        ("changed_when: [r.rc == 0, r.rc == 1]", OK, {"changed": False}),
        ("failed_when: []", BAD, {"failed": True}),
        (
            "failed_when: r.rc == 0",
            OK,
            {"failed": True, "failed_when_result": True, "exception": NO_TRACEBACK},
        ),
        (
            "failed_when: r.rc > 1",
            BAD,
            {
                "failed": False,
                "failed_when_result": False,
                "failed_when_suppressed_exception": NO_TRACEBACK,
            },
        ),
        ("failed_when: r.changed\nchanged_when: false", OK, {"failed": False}),
        ("failed_when: learned == 5", {"ansible_facts": {"learned": 5}}, {"failed": True}),
        # What was skipped is not judged.
        ("failed_when: true", {"skipped": True}, {"failed": False, "skipped": True}),
    ],
)
def test_results_are_judged(tmp_path: Path, keywords: str, answer: Result, expected: Result):
    result = bench(tmp_path, f"command: x\nregister: r\n{keywords}", answer).run()
    assert {name: result.get(name) for name in expected} == expected


@pytest.mark.parametrize("keyword", ["changed_when", "failed_when"])
def test_a_condition_that_cannot_be_evaluated_fails_the_task_and_says_which(
    tmp_path: Path, keyword: str
):
    result = bench(tmp_path, f"command: x\n{keyword}: nowhere", {"stdout": "kept", **OK}).run()
    assert result["failed"]
    assert result["stdout"] == "kept"
    words = "Error while evaluating conditional: 'nowhere' is undefined"
    assert result[f"{keyword}_result"] == words
    assert result["msg"] == f"Task failed: {words}"
    assert result["changed"]


def test_what_fails_on_the_controller_is_a_result(tmp_path: Path):
    failed = ActionFailed("no such file", places=["a", "b"])
    result = bench(tmp_path, "command: x", failed).run()
    assert result == {
        "_arguments": {"_raw_params": "x"},
        "failed": True,
        "changed": False,
        "msg": "no such file",
        "places": ["a", "b"],
        "exception": NO_TRACEBACK,
    }


def test_a_host_that_is_lost_is_not_judged_nor_asked_again(tmp_path: Path):
    tried = bench(tmp_path, "command: x\nuntil: false\nfailed_when: false", LOST)
    result = tried.run()
    assert (result["unreachable"], result["msg"]) == (True, "web1: gone")
    assert "failed_when_result" not in result
    assert len(tried.asked) == 1


def test_a_condition_that_does_not_hold_is_in_the_result_of_a_skipped_task(tmp_path: Path):
    skipped = bench(tmp_path, "command: x\nwhen: [one, two, three]", one=True, two=False)
    assert skipped.run() == {
        "changed": False,
        "skipped": True,
        "skip_reason": "Conditional result was False",
        "false_condition": "two",
    }
    assert skipped.asked == []
    assert skipped.attempts.is_skipped(skipped.task, skipped.variables)


def test_a_condition_that_is_broken_fails_the_task_and_does_not_skip_it(tmp_path: Path):
    broken = bench(tmp_path, "command: x\nwhen: nowhere")
    result = broken.run()
    words = "Task failed: Error while evaluating conditional: 'nowhere' is undefined"
    assert result["msg"] == words
    assert result["_origin"].line == 4
    assert (result["failed"], result["changed"], broken.asked) == (True, False, [])
    assert not broken.attempts.is_skipped(broken.task, broken.variables)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        # The lines around a place are shown by themselves.
        (PlacedError(Origin("tasks.yml", 3, 7), "no file x", hint="make it"), "no file x"),
        (TemplateError("t.yml:3:7: no", hint="", origin=Origin("t.yml", 3, 7)), "no"),
        (PlaybookError("no", hint="look"), "no"),
    ],
)
def test_what_cannot_be_tried_says_what_is_wrong_once(
    tmp_path: Path, error: PlaybookError, message: str
):
    result = bench(tmp_path, "command: x", error).run()
    assert (result["msg"], result["hint"]) == (f"Task failed: {message}", error.hint)
    assert (result["failed"], result["exception"]) == (True, NO_TRACEBACK)
    assert result.get("_origin") == getattr(error, "origin", None)


def test_a_host_without_the_interpreter_that_is_named_is_there_and_fails(tmp_path: Path):
    missing = InterpreterMissing("no /no/python there", hint="name another")
    result = bench(tmp_path, "command: x\nignore_errors: true", missing).run()
    assert (result["failed"], result["msg"]) == (True, "no /no/python there")
    assert "unreachable" not in result


def test_a_condition_that_is_no_truth_says_so(tmp_path: Path):
    result = bench(tmp_path, "command: x\nwhen: 2 + 3").run()
    assert result["msg"].startswith("Task failed: the condition gives a 'int'")


@pytest.mark.parametrize(
    ("keywords", "answers", "tries", "naps", "expected"),
    [
        # Once, and three times again.
        ("until: r.rc == 0", [BAD] * 4, 4, [5.0] * 3, {"failed": True, "attempts": 3}),
        ("retries: 2\ndelay: 0.5", [BAD, OK], 2, [0.5], {"failed": False, "attempts": 2}),
        ("until: r is changed", [BAD], 1, [], {"failed": True, "attempts": 1}),
        ("until: r.rc == 1\nretries: 1", [OK] * 2, 2, [5.0], {"failed": True, "attempts": 1}),
        ("until: r.rc == 1\nretries: 0", [OK], 1, [], {"failed": False, "attempts": None}),
        ("until: r.rc == 1\nretries: -3", [OK], 1, [], {"failed": False, "attempts": None}),
        ("until: false\nretries: 1\ndelay: -2", [OK] * 2, 2, [1.0], {"failed": True}),
        ("until: false\nchanged_when: r.attempts == 2", [OK] * 4, 4, [5.0] * 3, {"changed": False}),
        ("until: r.failed\nfailed_when: r.attempts == 3", [OK] * 3, 3, [5.0] * 2, {"attempts": 3}),
        ("until: []\nretries: 2", [BAD, OK], 2, [5.0], {"failed": False, "attempts": 2}),
    ],
)
def test_tries(
    tmp_path: Path,
    keywords: str,
    answers: list[Result],
    tries: int,
    naps: list[float],
    expected: Result,
):
    tried = bench(tmp_path, f"command: x\nregister: r\n{keywords}", *answers)
    result = tried.run()
    assert (len(tried.asked), tried.naps) == (tries, naps)
    assert {name: result.get(name) for name in expected} == expected


def test_each_new_try_is_told_with_the_number_of_those_left(tmp_path: Path):
    tried = bench(tmp_path, "command: x\nuntil: false\nretries: 2", *[OK] * 3)
    tried.run()
    assert [(result["attempts"], left) for result, left in tried.retries] == [(1, 2), (2, 1)]
    assert all(result["retries"] == 3 for result, _ in tried.retries)


def test_until_that_is_broken_fails_the_task_at_once(tmp_path: Path):
    tried = bench(tmp_path, "command: x\nuntil: nowhere", OK)
    words = "Task failed: Error while evaluating conditional: 'nowhere' is undefined"
    assert tried.run()["msg"] == words
    assert len(tried.asked) == 1


@pytest.mark.parametrize(
    ("keyword", "words"),
    [
        ("retries: \"{{ 'x' }}\"", "keyword 'retries': The value 'x' could not be converted"),
        ('retries: "{{ nowhere }}"', "Error processing keyword 'retries': 'nowhere' is undefined"),
        ("until: true\ndelay: \"{{ 'x' }}\"", "keyword 'delay': The value 'x' could not be"),
    ],
)
def test_keywords_that_make_no_sense_fail_the_task(tmp_path: Path, keyword: str, words: str):
    assert words in bench(tmp_path, f"command: x\n{keyword}").run()["msg"]


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("copy: {src: '{{ a }}', dest: '{{ b | default(omit) }}'}", {"src": "A"}),
        ("copy: '{{ both }}'", {"src": "x", "dest": "y"}),
        ("copy: {dest: z}\nargs: '{{ both }}'", {"src": "x", "dest": "z"}),
        ("copy: '{{ both }} dest=z'", {"src": "x", "dest": "z"}),
        ("set_fact: {'{{ a }}': 1}", {"A": 1}),
        ("debug: {var: a}", {"var": "a"}),
        (
            "copy: {dest: z}\nmodule_defaults: {copy: {src: '{{ a }}', dest: q, mode: '1'}}",
            {"src": "A", "dest": "z", "mode": "1"},
        ),
        (
            "copy: {dest: z}\nmodule_defaults: [{file: {path: q}}, {copy: {src: b}}]",
            {"src": "b", "dest": "z"},
        ),
    ],
)
def test_arguments(tmp_path: Path, task: str, expected: Result):
    tried = bench(tmp_path, task, OK, a="A", both={"src": "x", "dest": "y"})
    tried.run()
    assert tried.asked == [expected]


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (
            "copy: '{{ 5 }}'\nignore_errors: true",
            "Finalization of task args for 'ansible.builtin.copy' failed: "
            "Task args must resolve to a 'dict' not 'int'.",
        ),
        (
            "ping: some text\nignore_errors: true",
            "Action 'ansible.builtin.ping' does not support raw params.",
        ),
        ("copy: {src: '{{ nowhere }}'}", "'nowhere' is undefined"),
    ],
)
def test_arguments_that_make_no_sense_fail_the_task(tmp_path: Path, task: str, words: str):
    tried = bench(tmp_path, task)
    assert tried.run()["msg"] == f"Task failed: {words}"
    assert tried.asked == []


@pytest.mark.parametrize(
    ("task", "can_begin"),
    [
        ("command: x", True),
        ("copy: {content: a, dest: b}", False),
        ("command: x\nuntil: false", False),
        ("command: x\nretries: 1", False),
        ("command: x\nasync: 1", False),
    ],
)
def test_what_has_to_wait_is_not_sent_ahead(tmp_path: Path, task: str, can_begin: bool):
    tried = bench(tmp_path, task)
    assert tried.attempts.can_begin(tried.task) is can_begin


@pytest.mark.parametrize(
    ("task", "answer", "expected"),
    [
        ("command: x\nwhen: false", None, {"skipped": True}),
        ("command: '{{ nowhere }}'", None, {"failed": True, "msg": UNDEFINED}),
        ("command: x", LOST, {"unreachable": True, "msg": "web1: gone"}),
        ("command: x", TemplateError("no", hint="yes"), {"failed": True, "msg": "Task failed: no"}),
        ("command: x", ActionFailed("no file"), {"failed": True, "msg": "no file"}),
        ("command: x\nfailed_when: false", ActionFailed("no file"), {"failed": False}),
        ("command: x\nchanged_when: false", OK, {"changed": False, "rc": 0}),
    ],
)
def test_what_needs_not_be_sent_has_its_result_at_once(
    tmp_path: Path, task: str, answer: Any, expected: Result
):
    tried = bench(tmp_path, task, answer)
    begun = tried.attempts.prepare(tried.task, tried.variables, Line())
    assert begun.sent is None
    result = tried.attempts.end(tried.task, begun)
    assert {name: result.get(name) for name in expected} == expected


def test_nobody_asks_the_conditions_of_what_its_action_skips(tmp_path):
    task = """command: x
register: r
until: r.status == 200
failed_when: r.status != 200
"""
    tried = bench(tmp_path, task, ActionSkipped("not in check mode"))
    result = tried.run()
    expected = {"skipped": True, "msg": "not in check mode", "changed": False, "failed": False}
    assert expected.items() <= result.items()
    assert (len(tried.asked), tried.naps) == (1, [])

"""``--step``: which answers run a task."""

import pytest

from lpse_ops.playbook.stepper import Stepper
from tests.playbook.running import run_play


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        (["y", "n", "yes"], [True, False, True]),
        (["", "x", "N"], [False, False, False]),
        (["n", "c"], [False, True, True]),
        (["CONTINUE"], [True, True, True]),
    ],
)
def test_answers(answers: list[str], wanted: list[bool]):
    left = iter(answers)
    stepper = Stepper(lambda _question: next(left))
    assert [stepper.wants(name) for name in ("a", "b", "c")] == wanted


def test_questions():
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return ""

    Stepper(ask).wants("role : a task")
    Stepper(ask).wants("a task", "h1")
    assert asked == [
        "Perform task: TASK: role : a task (N)o/(y)es/(c)ontinue: ",
        "Perform task: TASK: a task on h1 (N)o/(y)es/(c)ontinue: ",
    ]


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_what_is_not_wanted_is_left_out(tmp_path, strategy: str):
    play = f"""
- hosts: all
  gather_facts: false
  strategy: {strategy}
  tasks:
    - command: echo one
    - name: two
      command: echo two
    - meta: flush_handlers
    - command: echo three
"""
    answers = iter(["n", "y", "n"])
    ran = run_play(tmp_path / "play", play, step=Stepper(lambda _question: next(answers)))
    assert "TASK [two]" in ran.text
    assert "ok=1 " in ran.text
    assert list(answers) == []

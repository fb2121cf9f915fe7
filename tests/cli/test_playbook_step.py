"""The questions of ``--step``."""

import io
from pathlib import Path

import pytest

from lpse_ops.cli.playbook_step import step_questions
from lpse_ops.errors import UsageError
from tests.cli.test_playbook_run import LOCAL, run, write


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_question_and_its_answer():
    said = io.StringIO()
    ask = step_questions(Terminal("y\n"), said, columns=20)
    assert ask("Run it? ") == "y"
    assert said.getvalue() == "Run it? \nRun it? " + "*" * 13 + "\n"


def test_what_a_host_says_in_a_name_does_nothing_to_the_terminal_and_no_secret_is_shown():
    said = io.StringIO()
    ask = step_questions(Terminal("y\n"), said, mask=lambda text: text.replace("sandi", "****"))
    ask("Run \x1b]0;x\x07 with sandi? ")
    assert said.getvalue().startswith("Run \\x1b]0;x\\x07 with ****? ")
    assert "sandi" not in said.getvalue()
    assert said.getvalue().replace("\n", "").isprintable()


def test_at_the_end_of_all_answers_it_is_no():
    assert step_questions(Terminal(), io.StringIO())("Run it? ") == ""


def test_without_a_terminal_nothing_is_begun(tmp_path: Path):
    play = "- hosts: localhost\n  gather_facts: false\n  tasks: [{command: touch made}]\n"
    ran = run(tmp_path, *LOCAL, write(tmp_path, play), "--step")
    assert ran.returncode == 5
    assert "no terminal to ask on" in ran.stderr
    assert "--start-at-task" in ran.stderr
    assert not (tmp_path / "made").exists()


def test_nobody_to_ask_is_a_usage_error():
    with pytest.raises(UsageError):
        step_questions(io.StringIO())

"""The questions of ``playbook run --step``, asked on a terminal."""

import sys
from collections.abc import Callable
from typing import TextIO

from lpse_ops.cli.output import printable
from lpse_ops.errors import UsageError


def step_questions(
    stdin: TextIO = sys.stdin,
    stdout: TextIO = sys.stdout,
    *,
    columns: int = 79,
    mask: Callable[[str], str] = str,
) -> Callable[[str], str]:
    """How to ask; ``UsageError`` if nobody is there to answer.

    Names of tasks may hold what a host says, and what ``mask`` takes out.
    """
    if not stdin.isatty():
        raise UsageError(
            "--step asks before each task, and there is no terminal to ask on",
            hint="run it in a terminal, or choose tasks with --tags or --start-at-task NAME",
        )

    def ask(question: str) -> str:
        question = printable(mask(question))
        stdout.write(question)
        stdout.flush()
        answer = stdin.readline().strip()
        banner = question.strip()
        stdout.write(f"\n{banner} {'*' * max(3, columns - len(banner))}\n")
        return answer

    return ask

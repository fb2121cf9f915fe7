"""``pause`` at a terminal: what a person types, and what happens when nobody does."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
PLAY = """\
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - pause: {arguments}
      timeout: {timeout}
      register: paused
    - debug: {{msg: "heard {{{{ paused.user_input | upper }}}}"}}
"""


def run(folder: Path, arguments: str, typed: bytes = b"", timeout: int = 30) -> tuple[int, str]:
    """The exit status, and all that was on the terminal."""
    (folder / "play.yml").write_text(PLAY.format(arguments=arguments, timeout=timeout))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [BIN / "lpse-ops", "playbook", "run", "-i", "localhost,", "play.yml"],
        cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while received := _read(ours):
        shown += received
        if typed and b"waiting" in shown and shown.endswith(b":\r\n"):
            os.write(ours, typed)
            typed = b""
    os.close(ours)
    return process.wait(), shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # Nobody has its other end open any more.
        return b""


@pytest.mark.parametrize(("echo", "is_shown"), [("true", True), ("false", False)])
def test_a_line_is_heard_and_shown_unless_it_is_to_be_hidden(
    tmp_path: Path, echo: str, is_shown: bool
):
    status, shown = run(tmp_path, f"{{prompt: waiting, echo: {echo}}}", b"halo\n")
    assert status == 0, shown
    assert "heard HALO" in shown
    assert ("halo" in shown) is is_shown
    assert ("(output is hidden)" in shown) is not is_shown


def test_a_task_whose_time_is_over_waits_for_nobody(tmp_path: Path):
    status, shown = run(tmp_path, "{prompt: waiting}", timeout=1)
    assert status == 2
    assert "Timed out after 1 second(s)." in shown


def test_a_prompt_does_nothing_to_the_terminal(tmp_path: Path):
    status, shown = run(tmp_path, '{prompt: "waiting \\e]0;title\\a"}', b"halo\n")
    assert status == 0, shown
    assert "waiting ?]0;title?:" in shown
    assert "\x1b]" not in shown

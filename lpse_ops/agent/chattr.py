"""The flags of a file that chattr(1) sets: immutable, append only and so on.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

from lpse_ops.agent.commands import find_program, run_command


class ChattrProblem(Exception):
    """The flags cannot be set; the text says why."""


def read_attributes(path: str) -> str:
    """The flags that lsattr shows, without its dashes; empty where there are none to see."""
    program = find_program("lsattr")
    if program is None:
        return ""
    finished = run_command([program, "-d", path])
    words = finished.stdout.split()
    return words[0].replace("-", "") if finished.rc == 0 and words else ""


def change_attributes(path: str, change: str) -> None:
    """Set (``=``), add (``+``) or take away (``-``) flags."""
    program = find_program("chattr")
    if program is None:
        raise ChattrProblem("chattr is not installed on the host")
    finished = run_command([program, change, path])
    if finished.rc != 0 or finished.stderr:
        output = finished.stdout + finished.stderr
        raise ChattrProblem(f"Error while setting attributes: {output}")

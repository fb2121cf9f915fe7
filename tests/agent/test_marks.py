"""What a task leaves behind in its process: seen, and taken away where that can be done."""

import os
import subprocess
import sys

import pytest

# Each in a process of its own: it is the whole process that is looked at.
SCRIPT = """
import os, subprocess, sys, threading, time
from lpse_ops.agent.marks import Marks
before = dict(os.environ)
marks = Marks()
def see():
    umask = os.umask(0); os.umask(umask)
    return dict(os.environ), umask, os.getcwd()
first = see()
exec(sys.argv[1])
print(marks.wipe_off(), see() == first, marks.wipe_off())
"""


def wipe_off_after(mess: str) -> list[str]:
    argv = [sys.executable, "-c", SCRIPT, mess]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=os.environ)
    return done.stdout.split()


@pytest.mark.parametrize(
    "mess",
    [
        "pass",
        "os.umask(0o007)",
        "os.environ['COLOUR'] = 'merah'; os.environ.pop('PATH')",
        "open('/dev/null').close()",
    ],
)
def test_what_can_be_taken_away(mess: str):
    assert wipe_off_after(mess) == ["True", "True", "True"]


@pytest.mark.parametrize(
    "mess",
    [
        "os.chdir('/proc')",
        "left = open('/dev/null')",
        "subprocess.call(['true'])",
        "left = subprocess.Popen(['sleep', '0.2'])",
        "subprocess.call(['sh', '-c', 'sleep 0.2 &'])",
        "threading.Thread(target=time.sleep, args=[0.2]).start()",
    ],
)
def test_what_stays(mess: str):
    assert wipe_off_after(mess)[0] == "False"


def test_a_folder_that_is_gone(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    mess = f"os.chdir({str(folder)!r}); os.rmdir({str(folder)!r}); marks = Marks(); see = str"
    script = SCRIPT.replace("see() == first", "0")
    argv = [sys.executable, "-c", script, mess]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "False"

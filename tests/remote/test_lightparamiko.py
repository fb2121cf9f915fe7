"""Each in a process of its own: what was imported once stays imported."""

import subprocess
import sys

import pytest

LIGHT = "from lpse_ops.remote.lightparamiko import import_paramiko; import_paramiko()"
CONFIG = "Match exec true\\n  Port 2222"


def run(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_straight_connection_does_without_invoke_and_fabric() -> None:
    heavy = "[name for name in ('invoke', 'fabric') if name in sys.modules]"
    said = run(f"{LIGHT}; import sys, lpse_ops.remote.ssh, paramiko; print({heavy})")
    assert said == "[]"


@pytest.mark.parametrize("first", [LIGHT, f"{LIGHT}; import fabric"])
def test_match_exec_works_all_the_same(first: str) -> None:
    said = run(
        f"{first}; from paramiko.config import SSHConfig;"
        f"print(SSHConfig.from_text('{CONFIG}').lookup('host')['port'])"
    )
    assert said == "2222"


@pytest.mark.parametrize("first", ["import fabric", "import paramiko", LIGHT])
def test_whatever_was_imported_before_stays(first: str) -> None:
    said = run(f"{first}; {LIGHT}; import fabric, invoke; print(invoke.run, fabric.Connection)")
    assert "fabric.connection.Connection" in said


@pytest.mark.parametrize("beside", ["light", "sftp", "ssh"])
def test_threads_that_import_it_at_the_same_time_get_all_of_it(beside: str) -> None:
    """Of two destinations, or of a destination and the server that is backed up."""
    light = f"{LIGHT}; import lpse_ops.remote.sftp"
    other = light if beside == "light" else f"import lpse_ops.remote.{beside}"
    threads = (
        "import threading; start = threading.Barrier(2)\n"
        f"def first(): start.wait(); {light}; print('done')\n"
        f"def second(): start.wait(); {other}; print('done')\n"
        "for each in first, second: threading.Thread(target=each).start()\n"
    )
    assert run(threads).count("done") == 2


def test_an_import_that_fails_leaves_nothing_behind() -> None:
    said = run(
        "import sys; sys.modules['paramiko.transport'] = None\n"
        f"try:\n  {LIGHT}\nexcept ImportError:\n  print('invoke' in sys.modules)"
    )
    assert said == "False"

import os
import secrets
import subprocess
import sys

import pytest

from tests.lab.needs import say_what_machines_need

pytestmark = pytest.mark.xdist_group("lab")


@pytest.fixture
def environment() -> dict[str, str]:
    if reason := say_what_machines_need():
        pytest.skip(reason)
    return os.environ | {"LPSE_OPS_LAB": f"hand-{secrets.token_hex(4)}"}


def test_hosts_stay_from_command_to_command_until_down(environment):
    def call(*words: str) -> "subprocess.CompletedProcess[str]":
        argv = [sys.executable, "-m", "tests.lab", *words]
        return subprocess.run(argv, env=environment, capture_output=True, text=True)

    up = call("up", "h1")
    try:
        assert up.stdout.startswith("h1 10.99."), up.stderr
        assert call("ssh", "h1", "hostname").stdout == "h1\n"
        assert call("wire", "h1", "delay_ms=1").returncode == 0
        assert call("run", "h1", "sh", "-c", "exit 7").returncode == 7
        assert call("off", "h1").returncode == 0
        assert call("list").stdout == f"{up.stdout.strip()} off\n"
        assert call("kill", "h2").stderr == "there is no host h2\n"
    finally:
        down = call("down")
    assert (down.returncode, down.stderr) == (0, "")
    assert call("list").stderr == "no lab is up: python -m tests.lab up h1\n"

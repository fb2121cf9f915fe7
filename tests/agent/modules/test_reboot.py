from pathlib import Path
from typing import Any

import pytest

from lpse_ops.agent.arguments import check
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.modules.reboot import ARGUMENTS, find_in, plan_reboot
from tests.agent.thishost import run_module

BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    for name in ("shutdown", "halt"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/log\n')
        (tmp_path / name).chmod(0o755)
    return tmp_path


def words(folder: Path, **args: Any) -> list[str]:
    return plan_reboot(check(ARGUMENTS, None, {"search_paths": [str(folder)], **args}))


@pytest.mark.parametrize(
    ("seconds", "when"), [(0, "0"), (59, "0"), (60, "+1"), (150, "+2"), (-0.5, "0")]
)
def test_the_delay_is_in_whole_minutes(programs, seconds, when):
    expected = [f"{programs}/shutdown", "-r", when, "now then"]
    assert words(programs, pre_reboot_delay=seconds, msg="now then") == expected


def test_a_command_of_ones_own(programs):
    assert words(programs, reboot_command="halt --now 'a b'") == [
        f"{programs}/halt",
        "--now",
        "a b",
    ]
    assert words(programs, reboot_command="/sbin/x y") == ["/sbin/x", "y"]


def test_a_program_in_none_of_the_folders(programs):
    with pytest.raises(Failed, match='Unable to find command "reboot" in search paths: /nope'):
        find_in("reboot", ["/nope", str(programs)])


def test_reboot_and_what_was_before(programs):
    answer = run_module("reboot", {"search_paths": [str(programs)]}, Context())
    assert answer["boot_time"] == BOOT_ID
    assert (programs / "log").read_text() == "shutdown -r 0 Reboot initiated by Ansible\n"


def test_nothing_is_rebooted_in_check_mode(programs):
    context = Context(check_mode=True)
    answer = run_module("reboot", {"search_paths": [str(programs)]}, context)
    assert answer == {"changed": True, "elapsed": 0, "rebooted": True}
    assert not (programs / "log").exists()


def test_a_host_that_has_not_rebooted_yet():
    answer = run_module("reboot", {"_step": "status", "_boot_time": BOOT_ID}, Context())
    assert answer == {"changed": False, "boot_time": BOOT_ID, "is_up": False}


@pytest.mark.parametrize(("command", "is_up"), [("echo up", True), ("exit 3", False)])
def test_a_host_that_has_rebooted_is_tested(command, is_up):
    args = {"_step": "status", "_boot_time": "other", "test_command": command}
    assert run_module("reboot", args, Context())["is_up"] is is_up


def test_a_boot_time_that_cannot_be_told():
    answer = run_module("reboot", {"boot_time_command": "echo no >&2; exit 2"}, Context())
    assert answer["failed"]
    assert "rc: 2" in answer["msg"]
    assert "no" in answer["msg"]

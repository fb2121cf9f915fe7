"""The host's part of the ``reboot`` module, one ``_step`` at a time; the controller waits between.

``status`` returns the ``boot_time`` now and, when ``_boot_time`` was another, how the test command
ended.  ``reboot`` starts the reboot; the connection may break before its answer is there.
"""

import os
import shlex
from typing import Any, Dict, List

from lpse_ops.agent.commands import Finished, run_command
from lpse_ops.agent.context import Context, Failed

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "pre_reboot_delay": {"type": "float", "default": 0},
    "post_reboot_delay": {"type": "float", "default": 0},
    "reboot_timeout": {"type": "int", "default": 600},
    "connect_timeout": {"type": "int"},
    "test_command": {"type": "str", "default": "whoami"},
    "msg": {"type": "str", "default": "Reboot initiated by Ansible"},
    "search_paths": {
        "type": "list",
        "elements": "str",
        "default": ["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"],
    },
    "boot_time_command": {"type": "str", "default": "cat /proc/sys/kernel/random/boot_id"},
    "reboot_command": {"type": "str"},
    "_step": {"type": "str", "default": "reboot", "choices": ["reboot", "status"]},
    "_boot_time": {"type": "str"},
}
CHECK_MODE = "full"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Do one step; in check mode nothing is rebooted."""
    if context.check_mode:
        return {"changed": True, "elapsed": 0, "rebooted": True}
    boot_time = read_boot_time(args["boot_time_command"])
    if args["_step"] == "status":
        return _test(args, boot_time)
    command = plan_reboot(args)
    finished = run_command(command)
    if finished.rc:
        raise Failed("Reboot command failed", rebooted=False, **_outputs(finished))
    return {"changed": True, "boot_time": boot_time, "rc": finished.rc}


def plan_reboot(args: Dict[str, Any]) -> List[str]:
    """Return the command that reboots: the user's own, or shutdown with delay and message."""
    if args["reboot_command"]:
        words = shlex.split(args["reboot_command"])
        return [find_in(words[0], args["search_paths"]), *words[1:]]
    minutes = int(max(0, args["pre_reboot_delay"])) // 60
    program = find_in("shutdown", args["search_paths"])
    return [program, "-r", f"+{minutes}" if minutes else "0", args["msg"]]


def find_in(name: str, folders: List[str]) -> str:
    """Path of a program in one of the folders; PATH does not count."""
    if os.path.isabs(name):
        return name
    for folder in folders:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    text = 'Unable to find command "{}" in search paths: {}'
    raise Failed(text.format(name, ", ".join(folders)), rebooted=False)


def read_boot_time(command: str) -> str:
    """Return what tells one boot from the next."""
    finished = run_command(command, shell=True)
    if finished.rc:
        text = "failed to get host boot time info, rc: {rc}, stdout: {stdout}, stderr: {stderr}"
        raise Failed(text.format(**_outputs(finished)), rebooted=False)
    return finished.stdout.strip()


def _test(args: Dict[str, Any], boot_time: str) -> Dict[str, Any]:
    if args["_boot_time"] in (None, boot_time):
        return {"boot_time": boot_time, "is_up": False}
    finished = run_command(args["test_command"], shell=True)
    answer = {"boot_time": boot_time, "is_up": finished.rc == 0, "failed": False}
    return dict(answer, **_outputs(finished))


def _outputs(finished: Finished) -> Dict[str, Any]:
    stdout, stderr = finished.stdout.strip(), finished.stderr.strip()
    return {"rc": finished.rc, "stdout": stdout, "stderr": stderr}

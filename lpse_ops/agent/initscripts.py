"""Services of hosts without systemd: scripts in /etc/init.d and links in /etc/rc?.d."""

import glob
import os
import time
from typing import Any, Dict, List, Optional

from lpse_ops.agent.commands import Finished, find_program, run_command
from lpse_ops.agent.context import Context, Failed

# What an init script answers to "status" when its service does not run, see LSB 5, 22.2.
_NOT_RUNNING = (1, 2, 3, 4)


def ensure_service(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Do what the ``service`` module is asked for; in check mode only say what would change."""
    name = args["name"]
    script = os.path.join("/etc/init.d", name)
    if not os.path.exists(script):
        raise Failed(f"Could not find the requested service {name}: host")
    result: Dict[str, Any] = {"name": name, "changed": False}
    if args["enabled"] is not None:
        result["enabled"] = args["enabled"]
        if args["enabled"] != is_enabled(name):
            result["changed"] = True
            if not context.check_mode:
                _enable(name, enabled=args["enabled"])
    if args["state"] is not None:
        verbs = plan_verbs(args["state"], running=_is_running(script, args["pattern"]))
        result["state"] = "stopped" if args["state"] == "stopped" else "started"
        result["changed"] = result["changed"] or bool(verbs)
        if not context.check_mode:
            for verb in verbs:
                _do(script, verb, args)
    return result


def plan_verbs(state: str, *, running: bool) -> List[str]:
    """Return the words for the init script that bring its service to ``state``."""
    if state == "stopped":
        return ["stop"] if running else []
    if state == "restarted":
        return ["stop", "start"] if running else ["start"]
    if not running:
        return ["start"]
    return ["reload"] if state == "reloaded" else []


def is_enabled(name: str, root: str = "/etc") -> bool:
    """Whether a runlevel starts the service."""
    return bool(glob.glob(os.path.join(root, "rc?.d", "S??" + glob.escape(name))))


def read_running(finished: Finished) -> bool:
    """Read the answer of a script to ``status``; words count where the status is no help."""
    said = (finished.stdout + finished.stderr).lower()
    if finished.rc in _NOT_RUNNING or "not running" in said or "is stopped" in said:
        return False
    return finished.rc == 0


def _is_running(script: str, pattern: Optional[str]) -> bool:
    if pattern:
        return pattern in run_command(["ps", "auxww"]).stdout
    return read_running(run_command([script, "status"]))


def _enable(name: str, *, enabled: bool) -> None:
    program = find_program("update-rc.d")
    if program:
        commands = [[program, name, "defaults"]] if enabled else []
        commands.append([program, name, "enable" if enabled else "disable"])
    else:
        commands = [[find_program("chkconfig") or "chkconfig", name, "on" if enabled else "off"]]
    for argv in commands:
        try:
            finished = run_command(argv)
        except OSError as error:
            raise Failed(f"cannot run {argv[0]}: {error.strerror}") from error
        if finished.rc:
            raise Failed(finished.stderr or finished.stdout, rc=finished.rc, name=name)


def _do(script: str, verb: str, args: Dict[str, Any]) -> None:
    words = (args["arguments"] or "").split()
    finished = run_command([script, verb, *words])
    if finished.rc:
        text = "Failed to {} service: {}"
        raise Failed(text.format(verb, args["name"]), rc=finished.rc, stderr=finished.stderr)
    if verb == "stop" and args["state"] == "restarted":
        time.sleep(args["sleep"] or 0)

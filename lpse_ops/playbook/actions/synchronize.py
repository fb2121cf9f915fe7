"""The controller's part of ``synchronize``: where rsync runs, and how it reaches the other side.

It runs here, or on the host of ``delegate_to``, and reaches the task's host by ssh with that
host's own connection arguments.  A delegate that is the task's host itself needs no ssh.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpse_ops.agent.arguments import ArgumentProblem, check
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.modules import synchronize as module
from lpse_ops.marked import plain
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.playbook.actions.sending import checked, flag, public
from lpse_ops.playbook.targets import LOCALHOST
from lpse_ops.remote.target import Become, Target

ARGUMENTS = public(module.ARGUMENTS)
_SSH_PORT = 22


@dataclass(frozen=True)
class Sides:
    """Arguments for the module, and whether it runs in this very process, as who we are."""

    args: Mapping[str, Any]
    is_here: bool


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Run rsync where it belongs."""
    wanted = dict(checked(ARGUMENTS, args))
    program = action.variables.get("ansible_rsync_path")
    if program:
        wanted["_local_rsync_path"] = str(program)
    sides = plan_sides(_with_own_paths(wanted, action), action.host_target(), action)
    if sides.is_here:
        return _run_here(sides.args, action)
    return action.run_module("synchronize", sides.args)


def plan_sides(args: Mapping[str, Any], target: Target, action: ActionContext) -> Sides:
    """Where rsync runs and what its two sides are called there."""
    delegate = action.delegated_to
    if delegate == action.host or (needs_no_ssh(target) and delegate in {"", *LOCALHOST}):
        return Sides(args, is_here=False)
    if target.password is not None and not args.get("private_key"):
        raise ActionFailed(
            f"rsync cannot log in to {action.host} with a password; set private_key, or "
            "ansible_ssh_private_key_file in the inventory"
        )
    there = "src" if args.get("mode") == "pull" else "dest"
    reached: dict[str, Any] = {**args, there: remote_path(args, str(args[there]), target)}
    if "_rsh" not in reached and not is_daemon(str(args[there])):
        reached["_rsh"] = ssh_words(args, target)
        if target.become and not args.get("rsync_path"):
            reached["rsync_path"] = become_rsync(target.become)
    return Sides(reached, is_here=not delegate or delegate in LOCALHOST)


def needs_no_ssh(target: Target) -> bool:
    """Whether the task's host has our files; another port of ours is somebody else's door."""
    is_own_door = target.address in LOCALHOST and target.port in (None, _SSH_PORT)
    return target.connection == "local" or is_own_door


def is_daemon(path: str) -> bool:
    """Whether a side names an rsync daemon, which is reached without ssh."""
    return "rsync://" in path or "::" in path


def remote_path(args: Mapping[str, Any], path: str, target: Target) -> str:
    """The path on the task's host as rsync takes it."""
    if is_daemon(path):
        return path
    host = f"[{target.address}]" if ":" in target.address else target.address
    user = f"{target.user}@" if target.user and flag(args, "set_remote_user", default=True) else ""
    return f"{user}{host}:{path}"


def ssh_words(args: Mapping[str, Any], target: Target) -> list[str]:
    """The command line of ssh to the task's host; no password is ever asked for."""
    words = ["ssh", "-o", "BatchMode=yes"]
    if not flag(args, "ssh_connection_multiplexing", default=False):
        words += ["-S", "none"]
    key = args.get("private_key") or target.private_key_file
    if key:
        words += ["-i", str(Path(str(key)).expanduser())]
    port = args.get("dest_port") or target.port
    if port:
        words += ["-o", f"Port={port}"]
    # Unlike Ansible's, our default is what holds for all connections to the host.
    if not flag(args, "verify_host", default=target.host_key_checking):
        words += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    return [*words, *target.ssh_common_args]


def become_rsync(become: Become) -> str:
    """What runs as the other account on the task's host; nobody can answer a password there."""
    if become.method != "sudo":
        raise ActionFailed(
            f"synchronize cannot become by {become.method}; use sudo, or set rsync_path"
        )
    return f"{become.exe or 'sudo'} -n -u {become.user} rsync"


def _with_own_paths(args: dict[str, Any], action: ActionContext) -> dict[str, Any]:
    """The path of this machine made absolute: files of the role, then beside the playbook."""
    if action.delegated_to and action.delegated_to not in LOCALHOST:
        return args
    here = "dest" if args.get("mode") == "pull" else "src"
    path = str(args[here])
    if path.startswith(("/", "~")) or is_daemon(path):
        return args
    end = "/" if path.endswith("/") else ""
    try:
        found = action.find_file("files", path.rstrip("/") or ".")
    except ActionFailed:
        found = Path(str(action.variables.get("playbook_dir", "."))) / path.rstrip("/")
    return {**args, here: f"{found}{end}"}


def _run_here(args: Mapping[str, Any], action: ActionContext) -> Result:
    try:
        whole = check(module.ARGUMENTS, None, plain(args))
        context = Context(check_mode=action.check_mode, diff_mode=action.diff_mode)
        return module.run(whole, context)
    except ArgumentProblem as problem:
        raise ActionFailed(problem.msg) from problem
    except Failed as failed:
        raise ActionFailed(failed.result.pop("msg"), **failed.result) from failed

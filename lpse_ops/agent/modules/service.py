"""The ``service`` module: a service's state now and at boot, by the init system that there is."""

import os
from typing import Any, Dict

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.initscripts import ensure_service
from lpse_ops.agent.modules import systemd_service

# Where systemd is, Ansible hands the task to its module: these are taken there, and only there.
_OF_SYSTEMD = ("daemon_reload", "daemon_reexec", "force", "masked", "no_block", "scope")

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    **{name: systemd_service.ARGUMENTS[name] for name in _OF_SYSTEMD},
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["started", "stopped", "reloaded", "restarted"]},
    "sleep": {"type": "int"},
    "pattern": {"type": "str"},
    "enabled": {"type": "bool"},
    "runlevel": {"type": "str", "default": "default"},
    "arguments": {"type": "str", "default": "", "aliases": ["args"]},
    "use": {"type": "str", "default": "auto"},
}
RULES = systemd_service.RULES
CHECK_MODE = "full"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Let systemd do it where it runs, otherwise the scripts in /etc/init.d."""
    if choose(args["use"], runs_systemd=os.path.isdir("/run/systemd/system")) == "systemd":
        return systemd_service.run(_for_systemd(args), context)
    unknown = [name for name in _OF_SYSTEMD if args[name] != ARGUMENTS[name].get("default")]
    if unknown:
        text = "Unsupported parameters for (service) module: {}. They are for systemd, which is not"
        raise Failed((text + " what manages services here").format(", ".join(unknown)))
    if args["name"] is None:
        raise Failed("missing required arguments: name")
    return ensure_service(args, context)


def choose(use: str, *, runs_systemd: bool) -> str:
    """Name who manages the service: what ``use`` says, or else who is there."""
    asked = use.rpartition(".")[2]
    if asked in ("systemd", "systemd_service"):
        return "systemd"
    if asked in ("sysvinit", "service"):
        return "sysvinit"
    return "systemd" if runs_systemd else "sysvinit"


def _for_systemd(args: Dict[str, Any]) -> Dict[str, Any]:
    return {name: args[name] for name in systemd_service.ARGUMENTS}

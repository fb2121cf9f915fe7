"""The ``service`` module: a service's state now and at boot, by the init system that there is."""

import os
from typing import Any, Dict

from lpse_ops.agent.context import Context
from lpse_ops.agent.initscripts import ensure_service
from lpse_ops.agent.modules import systemd_service

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["started", "stopped", "reloaded", "restarted"]},
    "sleep": {"type": "int"},
    "pattern": {"type": "str"},
    "enabled": {"type": "bool"},
    "runlevel": {"type": "str", "default": "default"},
    "arguments": {"type": "str", "default": "", "aliases": ["args"]},
    "use": {"type": "str", "default": "auto"},
}
RULES: Dict[str, Any] = {"required_one_of": [["state", "enabled"]]}
CHECK_MODE = "full"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Let systemd do it where it runs, otherwise the scripts in /etc/init.d."""
    if choose(args["use"], runs_systemd=os.path.isdir("/run/systemd/system")) == "systemd":
        return systemd_service.run(_for_systemd(args), context)
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
    shared = {name: args[name] for name in ("name", "state", "enabled")}
    return dict(
        {name: spec.get("default") for name, spec in systemd_service.ARGUMENTS.items()}, **shared
    )

"""The ``systemd`` module: the older name of ``systemd_service``."""

from typing import Any, Dict

from lpse_ops.agent.context import Context
from lpse_ops.agent.modules import systemd_service

ARGUMENTS = systemd_service.ARGUMENTS
RULES = systemd_service.RULES
CHECK_MODE = systemd_service.CHECK_MODE


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    return systemd_service.run(args, context)

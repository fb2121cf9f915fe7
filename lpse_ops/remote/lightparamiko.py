"""Imports paramiko in half the time: without invoke, which it looks for.

Nothing of that is needed before an ssh configuration has ``Match exec``; then it is imported.
"""

import importlib
import sys
from types import ModuleType
from typing import Any


class _Invoke(ModuleType):
    """Stands in for the module until somebody wants something of it."""

    def __init__(self) -> None:
        super().__init__("invoke")

    def __getattr__(self, name: str) -> Any:
        self.step_aside()
        return getattr(importlib.import_module("invoke"), name)

    def step_aside(self) -> None:
        if sys.modules.get("invoke") is self:
            del sys.modules["invoke"]


def import_paramiko() -> None:
    """Import it, unless that is done; other modules may import it as usual afterwards.

    By way of ``ssh``, as everybody here: of two threads that enter paramiko at different places at
    the same time, one gets half a module.
    """
    stand_in = _Invoke()
    if "paramiko" not in sys.modules:
        sys.modules.setdefault("invoke", stand_in)
    try:
        importlib.import_module("lpse_ops.remote.ssh")
    finally:
        stand_in.step_aside()

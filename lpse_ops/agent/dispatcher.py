"""One task from its name and raw arguments to its result; the only place that catches everything.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import importlib
import os
import re
import sys
import traceback
from types import ModuleType
from typing import Any, Dict

from lpse_ops.agent.arguments import ArgumentProblem, check, secret_values, with_environment
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.redaction import redact

_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")


class NoSuchModule(Exception):
    """The agent has no module of this name, or it cannot be loaded; the text says why."""


def load_module(name: str) -> ModuleType:
    """Import a module by its short name, and prepare it; its file must be here already."""
    if not _NAME.match(name):
        raise NoSuchModule(f"{name!r} is no name of a module")
    full_name = "lpse_ops.agent.modules." + name
    is_new = full_name not in sys.modules
    try:
        module = importlib.import_module(full_name)
        if is_new:
            prepare(module)
    except Exception as error:
        raise NoSuchModule(f"the module {name} cannot be loaded: {error!r}") from error
    return module


def prepare(module: ModuleType) -> None:
    """Call a module's ``PREPARE``: what would take long in the process of each task.

    It is called in the agent, when the module is loaded, and in a process that waits for a task;
    none of its tasks may notice.
    """
    getattr(module, "PREPARE", bool)()


def perform(module: ModuleType, args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Run a module with unchecked arguments; whatever happens, the answer is a result."""
    try:
        result = _checked_run(module, args, context)
    except Failed as error:
        result = error.result
    except (Exception, SystemExit) as error:
        result = {
            "failed": True,
            # Ansible's words for it, which playbooks see in a registered result.
            "msg": "Task failed: Module failed: " + (str(error) or type(error).__name__),
            "exception": traceback.format_exc(),
        }
    result.setdefault("changed", False)
    try:
        redacted: Dict[str, Any] = redact(result, secret_values(module.ARGUMENTS, args))
        return redacted
    except RecursionError:
        return {"failed": True, "changed": False, "msg": "the result is nested too deeply"}


def is_failed(result: Dict[str, Any]) -> bool:
    """Whether a result means a failed task, by its own word or by its exit status."""
    if "failed" in result:
        return bool(result["failed"])
    return result.get("rc", 0) not in (0, None)


def _checked_run(module: Any, args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    name = module.__name__.rpartition(".")[2]
    try:
        args = with_environment(module.ARGUMENTS, args, os.environ)
        checked = check(module.ARGUMENTS, getattr(module, "RULES", None), args)
    except ArgumentProblem as error:
        unsupported = f"Unsupported parameters for ({name}) module:"
        raise Failed(error.msg.replace("Unsupported parameters:", unsupported, 1)) from error
    if context.check_mode and getattr(module, "CHECK_MODE", "skip") == "skip":
        return {
            "skipped": True,
            "msg": f"remote module ({name}) does not support check mode",
        }
    return dict(module.run(checked, context))

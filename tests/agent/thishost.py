"""Modules run in this process, with their real checks, as the agent's dispatcher would."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lpse_ops.agent.arguments import ArgumentProblem, check
from lpse_ops.agent.context import Context, Failed


def run_module(name: str, args: Mapping[str, Any], context: Context) -> dict[str, Any]:
    module = importlib.import_module(f"lpse_ops.agent.modules.{name}")
    try:
        checked = check(module.ARGUMENTS, getattr(module, "RULES", None), args)
        return {"changed": False, **module.run(checked, context)}
    except ArgumentProblem as problem:
        return {"failed": True, "msg": problem.msg}
    except Failed as failed:
        return failed.result
    finally:
        context.close()


def run_task(
    name: str,
    args: dict[str, Any],
    folder: Path,
    *,
    check_mode: bool = False,
    diff_mode: bool = True,
) -> dict[str, Any]:
    """A task without a controller's part."""
    return run_module(name, args, Context(check_mode=check_mode, diff_mode=diff_mode))

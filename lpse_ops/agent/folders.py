"""Folders made with those above them, and attributes given to everything below one.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
from typing import Any, Dict

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import apply_file_arguments
from lpse_ops.agent.timestamps import Times, apply_times


def make_folders(path: str, args: Dict[str, Any], context: Context, diff: Dict[str, Any]) -> None:
    """Make a directory and those above it, each with the wanted owner and mode."""
    current = "/" if os.path.isabs(path) else ""
    for name in path.strip("/").split("/"):
        current = os.path.join(current, name)
        if os.path.exists(current):
            continue
        try:
            os.mkdir(current)
        except FileExistsError as error:
            if not os.path.isdir(current):
                raise Failed(f"There was an issue creating {current}", path=current) from error
        except OSError as error:
            message = "There was an issue creating {} as requested: {}"
            raise Failed(message.format(current, error), path=current) from error
        apply_file_arguments(current, dict(args, follow=False), context, diff=diff)


def apply_below(folder: str, args: Dict[str, Any], context: Context, times: Times) -> bool:
    """Give everything below a directory the wanted owner, mode and times."""
    changed = False
    for root, names_of_folders, names in os.walk(folder):
        for name in names_of_folders + names:
            path = os.path.join(root, name)
            changed = _apply_to_one(path, dict(args, follow=False), context, times) or changed
            if args["follow"] and os.path.islink(path):
                changed = _apply_to_target(os.path.realpath(path), args, context, times) or changed
    return changed


def _apply_to_one(path: str, args: Dict[str, Any], context: Context, times: Times) -> bool:
    # The mode of a link cannot be set, and in check mode it must not look as if it could.
    if os.path.islink(path):
        args = dict(args, mode=None)
    changed = apply_file_arguments(path, args, context)
    return apply_times(path, times, context, None) or changed


def _apply_to_target(path: str, args: Dict[str, Any], context: Context, times: Times) -> bool:
    if not os.path.exists(path):
        return False
    changed = _apply_to_one(path, args, context, times)
    if os.path.isdir(path):
        changed = apply_below(path, dict(args, follow=False), context, times) or changed
    return changed

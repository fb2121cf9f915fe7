"""Folders made with those above them, and attributes given to everything below one.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import os
from typing import Any, Dict, Iterator, List, Tuple

from lpse_ops.agent import selinux
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.fileattributes import apply_file_arguments
from lpse_ops.agent.timestamps import Times, apply_times

# Parts of a label, in their order.
_LABEL = ("seuser", "serole", "setype", "selevel")


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
    """Give everything below a directory the wanted owner, mode and times.

    The folders may belong to an account that moves them and puts links in their place while we
    work: each is held by a descriptor, and what is in it is named from there.  With ``follow`` the
    targets of links get the same, wherever they are.
    """
    changed = False
    for root, name, handle in _entries(folder):
        path = os.path.join(root, name)
        held = f"/proc/{os.getpid()}/fd/{handle}/{name}"
        with _calling(held, path):
            here = _with_policy(path, dict(args, follow=False))
            changed = _apply_to_one(held, here, context, times) or changed
        if args["follow"] and os.path.islink(path):
            changed = _apply_to_target(os.path.realpath(path), args, context, times) or changed
    return changed


def _entries(folder: str) -> Iterator[Tuple[str, str, int]]:
    """Everything below: the path of its folder, its name, and a descriptor of that folder."""
    # What we may not read is passed over, as ``os.walk`` does.
    with contextlib.suppress(PermissionError):
        for root, names_of_folders, names, handle in os.fwalk(folder):
            for name in names_of_folders + names:
                yield root, name, handle


@contextlib.contextmanager
def _calling(held: str, path: str) -> Iterator[None]:
    """Errors say the path that people know."""
    try:
        yield
    except Failed as failed:
        texts = {
            key: value.replace(held, path)
            for key, value in failed.result.items()
            if isinstance(value, str)
        }
        failed.result.update(texts)
        raise


def _with_policy(path: str, args: Dict[str, Any]) -> Dict[str, Any]:
    """Put in what the policy says of a path, which it could not say of a descriptor."""
    asked = [name for name in _LABEL if args.get(name) == "_default"]
    label = selinux.default_label(path) if asked and selinux.is_enabled() else None
    parts: List[str] = label.split(":", 3) if label else []
    return dict(args, **{name: part for name, part in zip(_LABEL, parts) if name in asked})


def _apply_to_one(path: str, args: Dict[str, Any], context: Context, times: Times) -> bool:
    # The mode of a link cannot be set, and in check mode it must not look as if it could.
    if os.path.islink(path):
        return apply_file_arguments(path, dict(args, mode=None), context)
    changed = apply_file_arguments(path, args, context)
    # Of a link it would be its target's times.
    return apply_times(path, times, context, None) or changed


def _apply_to_target(path: str, args: Dict[str, Any], context: Context, times: Times) -> bool:
    if not os.path.exists(path):
        return False
    changed = _apply_to_one(path, args, context, times)
    if os.path.isdir(path):
        changed = apply_below(path, dict(args, follow=False), context, times) or changed
    return changed

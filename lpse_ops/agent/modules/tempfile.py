"""The ``tempfile`` module: a new file or folder with a name of its own, which stays."""

import os
import tempfile
from typing import Any, Dict, Optional

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.files import describe

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "state": {"type": "str", "default": "file", "choices": ["file", "directory"]},
    "path": {"type": "path"},
    "prefix": {"type": "str", "default": "ansible."},
    "suffix": {"type": "str", "default": ""},
}
CHECK_MODE = "skip"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Make the file or folder, for this account only, and return its ``path``."""
    for name in ("prefix", "suffix"):
        if args[name] != os.path.basename(args[name]):
            raise Failed(f"{name} must be a valid file name component, got {args[name]!r}")
    path = _make(args)
    return dict(describe(path), changed=True, path=path)


def _make(args: Dict[str, Any]) -> str:
    prefix, suffix = str(args["prefix"]), str(args["suffix"])
    folder: Optional[str] = args["path"]
    try:
        if args["state"] == "directory":
            return tempfile.mkdtemp(suffix, prefix, folder)
        descriptor, path = tempfile.mkstemp(suffix, prefix, folder)
    except OSError as error:
        raise Failed(str(error)) from error
    os.close(descriptor)
    return path

"""The ``xattr`` module: an extended attribute of a file has a value, or is not there.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  The system is
asked itself: no program is needed.
"""

import errno
import os
from typing import Any, Dict, List, Optional

from lpse_ops.agent.commands import decode
from lpse_ops.agent.context import Context, Failed

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "path": {"type": "path", "required": True, "aliases": ["name"]},
    "namespace": {"type": "str", "default": "user"},
    "key": {"type": "str"},
    "value": {"type": "str"},
    "state": {
        "type": "str",
        "default": "read",
        "choices": ["absent", "all", "keys", "present", "read"],
    },
    "follow": {"type": "bool", "default": True},
}
CHECK_MODE = "full"

_SHOWN = "user."


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the attribute to the wanted state; what is returned is how it was before."""
    path, state = args["path"], "present" if args["value"] is not None else args["state"]
    if not os.path.exists(path):
        raise Failed("path not found or not accessible!")
    if args["key"] is None and args["state"] in ("absent", "present"):
        raise Failed("{state} needs a key parameter".format(**args))
    key = full_key(args["namespace"], args["key"])
    try:
        if state in ("keys", "all"):
            return _list(args, state)
        return _one(args, state, key, context)
    except OSError as error:
        raise Failed(f"{path}: {key}: {error.strerror}") from error


def full_key(namespace: str, key: Optional[str]) -> str:
    """The attribute's whole name: ``user.note``."""
    if key is None or not namespace or (namespace == "user" and key.startswith(_SHOWN)):
        return key or ""
    return f"{namespace}.{key}"


def _list(args: Dict[str, Any], state: str) -> Dict[str, Any]:
    names = _names(args)
    if state == "keys":
        keys = dict.fromkeys(names, "")
        return {"changed": False, "msg": "returning all keys", "xattr": keys}
    every = {name: _read(args, name) for name in names}
    return {"changed": False, "msg": "dumping all", "xattr": every}


def _one(args: Dict[str, Any], state: str, key: str, context: Context) -> Dict[str, Any]:
    before = _read(args, key) if key else None
    found = {} if before is None else {key: before}
    result = {"changed": False, "msg": f"returning {key or None}", "xattr": found}
    if state == "present":
        result.update(changed=before != args["value"], msg=f"{key} set to {args['value']}")
    elif state == "absent":
        result.update(changed=before is not None, msg=f"{key} removed")
    if result["changed"] and not context.check_mode:
        if state == "present":
            value = (args["value"] or "").encode("utf-8", "surrogateescape")
            os.setxattr(args["path"], key, value, follow_symlinks=args["follow"])
        else:
            os.removexattr(args["path"], key, follow_symlinks=args["follow"])
    return result


def _names(args: Dict[str, Any]) -> List[str]:
    """The attributes that people give: those of the system have other ways."""
    names = os.listxattr(args["path"], follow_symlinks=args["follow"])
    return sorted(name for name in names if name.startswith(_SHOWN))


def _read(args: Dict[str, Any], key: str) -> Optional[str]:
    try:
        return decode(os.getxattr(args["path"], key, follow_symlinks=args["follow"]))
    except OSError as error:
        if error.errno == errno.ENODATA:
            return None
        raise

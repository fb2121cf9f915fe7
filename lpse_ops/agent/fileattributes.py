"""Owner, group, mode, SELinux label and chattr flags that a task asks for: compared and set.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import grp
import os
import pwd
import stat
from typing import Any, Dict, Optional

from lpse_ops.agent import selinux
from lpse_ops.agent.chattr import ChattrProblem, change_attributes, read_attributes
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.files import describe, real_target
from lpse_ops.agent.modes import ModeProblem, octal, wanted_mode

# What every module that writes a file takes besides its own arguments.
FILE_ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "mode": {"type": "raw"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "seuser": {"type": "str"},
    "serole": {"type": "str"},
    "selevel": {"type": "str"},
    "setype": {"type": "str"},
    "attributes": {"type": "str", "aliases": ["attr"]},
    "unsafe_writes": {
        "type": "bool",
        "default": False,
        "environment": "ANSIBLE_UNSAFE_WRITES",
    },
}

# {"before": {...}, "after": {...}}, filled by everything that changes something.
Diff = Dict[str, Any]


def apply_file_arguments(
    path: str,
    args: Dict[str, Any],
    context: Context,
    changed: bool = False,
    diff: Optional[Diff] = None,
) -> bool:
    """Give the file what FILE_ARGUMENTS ask for; return ``changed``, or True if anything differs.

    In check mode only say so.  Differences are added to ``diff``.
    """
    path = real_target(path, args)
    for apply in (_apply_label, _apply_owner, _apply_group, _apply_mode, _apply_attributes):
        changed = apply(path, args, context, diff) or changed
    return changed


def note(diff: Optional[Diff], name: str, before: Any, after: Any) -> None:
    """Write one difference down."""
    if diff is not None:
        diff.setdefault("before", {})[name] = before
        diff.setdefault("after", {})[name] = after


def _would_be_new(path: str, context: Context) -> bool:
    return context.check_mode and not os.path.lexists(path)


def _apply_label(path: str, args: Dict[str, Any], context: Context, diff: Optional[Diff]) -> bool:
    labels = selinux.apply_label(path, args, check_mode=context.check_mode)
    if labels:
        note(diff, "secontext", *labels)
    return bool(labels)


def _apply_owner(path: str, args: Dict[str, Any], context: Context, diff: Optional[Diff]) -> bool:
    if args.get("owner") is None or _would_be_new(path, context):
        return args.get("owner") is not None
    try:
        uid = _number(args["owner"])
        uid = pwd.getpwnam(args["owner"]).pw_uid if uid is None else uid
    except KeyError as error:
        message = f"chown failed: failed to look up user {args['owner']}"
        raise _failed(message, path) from error
    before = os.lstat(path).st_uid
    if uid == before:
        return False
    note(diff, "owner", before, uid)
    return _chown(path, uid, -1, context, "chown failed")


def _apply_group(path: str, args: Dict[str, Any], context: Context, diff: Optional[Diff]) -> bool:
    if args.get("group") is None or _would_be_new(path, context):
        return args.get("group") is not None
    try:
        gid = _number(args["group"])
        gid = grp.getgrnam(args["group"]).gr_gid if gid is None else gid
    except KeyError as error:
        message = f"chgrp failed: failed to look up group {args['group']}"
        raise _failed(message, path) from error
    before = os.lstat(path).st_gid
    if gid == before:
        return False
    note(diff, "group", before, gid)
    return _chown(path, -1, gid, context, "chgrp failed")


def _number(name: str) -> Optional[int]:
    try:
        return int(name)
    except ValueError:
        return None


def _chown(path: str, uid: int, gid: int, context: Context, message: str) -> bool:
    if not context.check_mode:
        try:
            os.lchown(path, uid, gid)
        except OSError as error:
            raise _failed(message, path, details=str(error)) from error
    return True


def _apply_mode(path: str, args: Dict[str, Any], context: Context, diff: Optional[Diff]) -> bool:
    if args.get("mode") is None or _would_be_new(path, context):
        return args.get("mode") is not None
    # Held by a descriptor, so that nobody can put a link to another file in its place meanwhile.
    handle = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    try:
        status = os.fstat(handle)
        before = stat.S_IMODE(status.st_mode)
        after = mode_bits(args["mode"], status.st_mode, path)
        if after == before:
            return False
        note(diff, "mode", octal(before), octal(after))
        if context.check_mode:
            return True
        # A link has no mode of its own here, and its target was not asked for.
        if not stat.S_ISLNK(status.st_mode):
            _chmod(handle, stat.S_IMODE(after), path)
        return stat.S_IMODE(os.fstat(handle).st_mode) != before
    finally:
        os.close(handle)


def _chmod(handle: int, mode: int, path: str) -> None:
    try:
        # fchmod wants a file opened for reading, which not everybody who may set its mode can do.
        os.chmod(f"/proc/self/fd/{handle}", mode)
    except OSError as error:
        error.filename = path
        raise _failed("chmod failed", path, details=str(error)) from error


def mode_bits(mode: Any, current: int, path: str) -> int:
    """Permission bits that a mode asks for on what has ``current``; or the task fails."""
    try:
        return wanted_mode(mode, current, is_directory=stat.S_ISDIR(current), umask=current_umask())
    except ModeProblem as problem:
        details = f"bad symbolic permission for mode: {mode}"
        raise _failed(str(problem), path, details=details) from problem


def current_umask() -> int:
    """The umask of this process, which has one thread only while a module runs."""
    umask = os.umask(0)
    os.umask(umask)
    return umask


def _apply_attributes(
    path: str, args: Dict[str, Any], context: Context, diff: Optional[Diff]
) -> bool:
    wanted = args.get("attributes")
    if wanted is None or _would_be_new(path, context):
        return wanted is not None
    sign, flags = (wanted[0], wanted[1:]) if wanted[:1] in ("-", "+") else ("=", wanted)
    before = read_attributes(path)
    if before == flags and sign != "-":
        return False
    note(diff, "attributes", before, sign + flags)
    if not context.check_mode:
        try:
            change_attributes(path, sign + flags)
        except ChattrProblem as problem:
            raise _failed("chattr failed", path, details=str(problem)) from problem
    return True


def _failed(message: str, path: str, **more: Any) -> Failed:
    return Failed(message, path=path, **dict(describe(path), **more))

"""The ``mount`` module: a file system in /etc/fstab, mounted, both or neither."""

import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from lpse_ops.agent import fstab
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.mounting import (
    FSTAB,
    Mount,
    call_mount,
    find_source,
    is_same_source,
    make_mount_point,
    remount,
    remove_folders,
    unmount,
)
from lpse_ops.agent.redaction import WHOLE
from lpse_ops.agent.replacing import backup
from lpse_ops.agent.textlines import read_text, split_lines, write_text

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "path": {"type": "path", "required": True, "aliases": ["name"]},
    "state": {
        "type": "str",
        "required": True,
        "choices": [
            *("absent", "absent_from_fstab", "mounted", "present", "unmounted", "remounted"),
            "ephemeral",
        ],
    },
    "src": {"type": "path"},
    "fstype": {"type": "str"},
    "opts": {"type": "str"},
    "opts_no_log": {"type": "bool", "default": False},
    "dump": {"type": "str", "default": "0"},
    "passno": {"type": "str", "default": "0"},
    "fstab": {"type": "str"},
    "boot": {"type": "bool", "default": True},
    "backup": {"type": "bool", "default": False},
}
RULES: Dict[str, Any] = {
    "required_if": [
        ["state", "mounted", ["src", "fstype"]],
        ["state", "present", ["src", "fstype"]],
        ["state", "ephemeral", ["src", "fstype"]],
    ],
}
CHECK_MODE = "full"

_OTHER_SOURCE = (
    "Ephemeral mount point is already mounted with a different source than the specified one. "
    "Unmount it first by state: unmounted, or take another path"
)


class _Wanted(NamedTuple):
    """What is asked for; ``remount_options`` are those that somebody named."""

    mount: Mount
    dump: str
    passno: str
    table: str
    keeps_backup: bool
    remount_options: Optional[str]

    def entry(self) -> fstab.Entry:
        mount = self.mount
        fields = (mount.source, mount.path, mount.kind, mount.options, self.dump, self.passno)
        return fstab.Entry(*map(fstab.escape, fields))


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the table and the mount point to the state."""
    wanted = _read_arguments(args)
    result: Dict[str, Any] = {"name": wanted.mount.path, "opts": wanted.mount.options}
    result.update(fstab=wanted.table, dump=wanted.dump, passno=wanted.passno, backup_file="")
    result["boot"] = "yes" if args["boot"] else "no"
    result.update({name: args[name] for name in ("src", "fstype") if args[name] is not None})
    if args["opts_no_log"]:
        result["opts"] = WHOLE
    result.update(_STATES[args["state"]](wanted, context))
    return result


def _read_arguments(args: Dict[str, Any]) -> _Wanted:
    options = args["opts"] or "defaults"
    if not args["boot"] and "noauto" not in options.split(","):
        options += ",noauto"
    table = args["fstab"] or FSTAB
    mount = Mount(
        args["path"],
        args["src"] or "",
        args["fstype"] or "auto",
        options,
        None if args["state"] == "ephemeral" else table,
    )
    return _Wanted(mount, args["dump"], args["passno"], table, args["backup"], args["opts"])


def _ensure_present(wanted: _Wanted, context: Context) -> Dict[str, Any]:
    lines = _read_table(wanted)
    return _save(wanted, lines, fstab.plan_entry(lines, wanted.entry()), context)


def _ensure_absent_from_table(wanted: _Wanted, context: Context) -> Dict[str, Any]:
    lines = _read_table(wanted)
    return _save(wanted, lines, _plan_absent(wanted, lines), context)


def _ensure_absent(wanted: _Wanted, context: Context) -> Dict[str, Any]:
    """Unmounted first: what cannot be unmounted stays in the table."""
    path = wanted.mount.path
    lines = _read_table(wanted)
    planned = _plan_absent(wanted, lines)
    is_there = planned != lines and not context.check_mode
    if is_there and find_source(path) is not None:
        unmount(path)
    result = _save(wanted, lines, planned, context)
    if is_there and os.path.exists(path):
        try:
            os.rmdir(path)
        except OSError as error:
            raise Failed(f"Error rmdir {path}: {error}") from error
    return result


def _plan_absent(wanted: _Wanted, lines: List[str]) -> List[str]:
    return fstab.plan_no_entry(lines, wanted.mount.path, wanted.mount.source or None)


def _ensure_mounted(wanted: _Wanted, context: Context) -> Dict[str, Any]:
    """In the table and mounted; what fails leaves the table and the folders as they were."""
    mount = wanted.mount
    lines = _read_table(wanted)
    planned = fstab.plan_entry(lines, wanted.entry())
    is_mounted = find_source(mount.path) is not None
    if (planned == lines and is_mounted) or context.check_mode:
        return {"changed": planned != lines or not is_mounted}
    made = make_mount_point(mount.path)
    result = _save(wanted, lines, planned, context)
    done = remount(mount) if is_mounted else call_mount(mount)
    if done.rc:
        if planned != lines:
            write_text(wanted.table, "".join(lines))
        remove_folders(made)
        raise Failed(f"Error mounting {mount.path}: {done.stdout}{done.stderr}")
    return dict(result, changed=True)


def _ensure_unmounted(wanted: _Wanted, context: Context) -> Dict[str, Any]:
    if find_source(wanted.mount.path) is None:
        return {"changed": False}
    if not context.check_mode:
        unmount(wanted.mount.path)
    return {"changed": True}


def _ensure_remounted(wanted: _Wanted, context: Context) -> Dict[str, Any]:
    mount, options = wanted.mount, wanted.remount_options
    if not context.check_mode:
        # Options of this moment must not end in a mount without them.
        done = call_mount(mount, "remount", options) if options else remount(mount)
        if done.rc:
            raise Failed(f"Error remounting {mount.path}: {done.stdout}{done.stderr}")
    return {"changed": True}


def _ensure_ephemeral(wanted: _Wanted, context: Context) -> Dict[str, Any]:
    """Mounted until the next boot; what is mounted already is mounted with the options now."""
    mount = wanted.mount
    source = find_source(mount.path)
    if source is not None and not is_same_source(source, mount.source):
        raise Failed(_OTHER_SOURCE)
    if context.check_mode:
        return {"changed": True}
    made = make_mount_point(mount.path)
    done = call_mount(mount) if source is None else remount(mount)
    if done.rc:
        remove_folders(made)
        raise Failed(f"Error mounting {mount.path}: {done.stdout}{done.stderr}")
    return {"changed": True}


_STATES: Dict[str, Callable[[_Wanted, Context], Dict[str, Any]]] = {
    "present": _ensure_present,
    "absent_from_fstab": _ensure_absent_from_table,
    "absent": _ensure_absent,
    "mounted": _ensure_mounted,
    "unmounted": _ensure_unmounted,
    "remounted": _ensure_remounted,
    "ephemeral": _ensure_ephemeral,
}


def _read_table(wanted: _Wanted) -> List[str]:
    return split_lines(read_text(wanted.table) or "")


def _save(
    wanted: _Wanted, lines: List[str], planned: List[str], context: Context
) -> Dict[str, Any]:
    """Write the table if it is another one; return what the result says of it."""
    result: Dict[str, Any] = {"changed": planned != lines}
    if result["changed"] and not context.check_mode:
        if wanted.keeps_backup and os.path.exists(wanted.table):
            result["backup_file"] = backup(wanted.table)
        folder = os.path.dirname(wanted.table)
        if folder and not os.path.exists(folder):
            os.makedirs(folder)
        write_text(wanted.table, "".join(planned))
    return result

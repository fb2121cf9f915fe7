"""The ``cron`` module: a job or a variable in an account's crontab or in a file of /etc/cron.d."""

import os
import pwd
import re
import tempfile
from typing import Any, Dict, List, NamedTuple, Optional

from lpse_ops.agent import crontab
from lpse_ops.agent.commands import Finished, find_program, run_command
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.crontab import Edit
from lpse_ops.agent.textlines import read_text, write_text

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "user": {"type": "str"},
    "job": {"type": "str", "aliases": ["value"]},
    "cron_file": {"type": "path"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "backup": {"type": "bool", "default": False},
    "minute": {"type": "str", "default": "*"},
    "hour": {"type": "str", "default": "*"},
    "day": {"type": "str", "default": "*", "aliases": ["dom"]},
    "month": {"type": "str", "default": "*"},
    "weekday": {"type": "str", "default": "*", "aliases": ["dow"]},
    "special_time": {
        "type": "str",
        "choices": ["reboot", "yearly", "annually", "monthly", "weekly", "daily", "hourly"],
    },
    "disabled": {"type": "bool", "default": False},
    "env": {"type": "bool", "default": False},
    "insertafter": {"type": "str"},
    "insertbefore": {"type": "str"},
}
RULES: Dict[str, Any] = {"mutually_exclusive": [["insertafter", "insertbefore"]]}
CHECK_MODE = "full"

_FOLDER = "/etc/cron.d"
# cron itself passes over files with other names.
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]+")
_MODE = "0644"
# crontab(1) ends with 1 also when there is nothing to list.
_LISTED = (0, 1)


class _Table(NamedTuple):
    """Where a crontab is: an account's (None is our own), or a file; and what is in it."""

    user: Optional[str]
    path: Optional[str]
    text: str

    @property
    def title(self) -> str:
        if self.path:
            return self.path
        return f'crontab for user "{self.user}"' if self.user else "crontab"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Have the job or the variable in the table, or not."""
    warnings = check_file_name(args["cron_file"]) + check_arguments(args)
    table = _read_table(args)
    lines = crontab.parse_table(table.text)
    edit = plan(lines, args)
    result: Dict[str, Any] = {"warnings": warnings} if warnings else {}
    if args["cron_file"]:
        result["cron_file"] = args["cron_file"]
    # cron passes over a last line without an end.
    changed = edit.changed or bool(table.text and table.text[-1] not in "\r\n")
    if changed and args["backup"] and not context.check_mode:
        result["backup_file"] = _save_backup(crontab.render_table(lines))
    if table.path and edit.changed and _is_to_go(edit.lines, args):
        if not context.check_mode:
            os.unlink(table.path)
        diff = _diff(table, "", "/dev/null") if context.diff_mode else {}
        return dict(result, changed=True, state=args["state"], diff=diff)
    result.update(jobs=crontab.job_names(edit.lines), envs=crontab.variable_names(edit.lines))
    if changed:
        after = crontab.render_table(edit.lines)
        if context.diff_mode:
            result["diff"] = _diff(table, after, table.title)
        if not context.check_mode:
            _install(table, after)
    return dict(result, changed=changed)


def check_file_name(name: Optional[str]) -> List[str]:
    """Warnings about the name of a file; ``Failed`` for one that is not ours to edit."""
    if name == "/etc/crontab":
        raise Failed("Will not manage /etc/crontab via cron_file, see documentation.")
    if not name or _FILE_NAME.fullmatch(os.path.basename(name)):
        return []
    text = 'Filename portion of cron_file ("{}") should consist solely of upper- and lower-case '
    return [(text + "letters, digits, underscores, and hyphens").format(os.path.basename(name))]


def check_arguments(args: Dict[str, Any]) -> List[str]:
    """Warnings about arguments that can be used; ``Failed`` for those that cannot."""
    if "\n" in args["name"] or "\r" in args["name"]:
        raise Failed("name is one line of the crontab: it can have no line break")
    times = (args[name] for name in ("minute", "hour", "day", "month", "weekday"))
    if args["special_time"] and any(time != "*" for time in times):
        text = "You cannot combine special_time with any of the time or day/date parameters."
        raise Failed(text)
    if args["env"] and " " in args["name"]:
        raise Failed("Invalid name for environment variable")
    if args["state"] == "absent":
        return []
    if args["cron_file"] and not args["user"]:
        text = "To use cron_file=... parameter you must specify user=... as well"
        raise Failed(text)
    if args["job"] is None:
        raise Failed("You must specify 'job' to install a new cron job or variable")
    if (args["insertafter"] or args["insertbefore"]) and not args["env"]:
        raise Failed("Insertafter and insertbefore parameters are valid only with env=yes")
    has_break = not args["env"] and re.search("[\r\n]", args["job"].strip("\r\n"))
    return ["Job should not contain line breaks"] if has_break else []


def plan(lines: List[str], args: Dict[str, Any]) -> Edit:
    """The lines that the arguments ask for."""
    name, is_present = args["name"], args["state"] == "present"
    if not args["env"]:
        if is_present:
            return crontab.plan_job(lines, name, crontab.render_job(args))
        return crontab.plan_no_job(lines, name)
    if not is_present:
        return crontab.plan_no_variable(lines, name)
    if crontab.find_variable(lines, name) is not None:
        return crontab.plan_variable(lines, name, args["job"])
    return crontab.plan_variable(lines, name, args["job"], _place_of_variable(lines, args))


def _place_of_variable(lines: List[str], args: Dict[str, Any]) -> int:
    neighbour = args["insertafter"] or args["insertbefore"]
    if not neighbour:
        return 0
    place = crontab.find_variable(lines, neighbour)
    if place is None:
        raise Failed(f"Variable named '{neighbour}' not found.")
    return place + 1 if args["insertafter"] else place


def _read_table(args: Dict[str, Any]) -> _Table:
    if args["cron_file"]:
        path = os.path.join(_FOLDER, args["cron_file"])
        return _Table(args["user"], path, read_text(path) or "")
    listed = _crontab(args["user"], "-l")
    if listed.rc not in _LISTED:
        raise Failed("Unable to read crontab", rc=listed.rc, stderr=listed.stderr)
    lines = crontab.parse_table(listed.stdout)
    text = crontab.render_table(lines)
    ended = not listed.stdout or listed.stdout[-1] in "\r\n"
    return _Table(args["user"], None, text if ended else text[:-1])


def _crontab(user: Optional[str], word: str, stdin: Optional[str] = None) -> Finished:
    """Run crontab(1), for another account if that is asked for."""
    program = find_program("crontab")
    if program is None:
        raise Failed('Failed to find required executable "crontab": install cron (or cronie)')
    is_other = user and user != pwd.getpwuid(os.getuid()).pw_name
    options = ["-u", str(user)] if is_other else []
    return run_command([program, *options, word], stdin=stdin)


def _install(table: _Table, text: str) -> None:
    if table.path:
        # A file that is there keeps its mode; cron refuses one that others may write.
        write_text(table.path, text, mode=None if os.path.exists(table.path) else _MODE)
        return
    done = _crontab(table.user, "-", stdin=text)
    if done.rc:
        text = f"Failed to install new cronfile: {done.stderr.strip()}"
        raise Failed(text, rc=done.rc, stdout=done.stdout, stderr=done.stderr)


def _is_to_go(lines: List[str], args: Dict[str, Any]) -> bool:
    """Whether a file goes with the last of its jobs."""
    return args["state"] == "absent" and not args["env"] and crontab.is_blank(lines)


def _diff(table: _Table, after: str, header: str) -> Dict[str, Any]:
    return {
        "before": table.text,
        "before_header": table.title,
        "after": after,
        "after_header": header,
    }


def _save_backup(text: str) -> str:
    handle, path = tempfile.mkstemp(prefix="crontab")
    with open(handle, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    return path

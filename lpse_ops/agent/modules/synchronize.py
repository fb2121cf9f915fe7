"""The ``synchronize`` module: rsync between two folders, one of which may be elsewhere.

It runs where rsync is to run.  The controller's part says which machine that is, and how the other
one is reached: ``_rsh`` are the words of the ssh command line.
"""

import os
import re
import shlex
from typing import Any, Dict, List

from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.context import Context, Failed

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
    "mode": {"type": "str", "default": "push", "choices": ["push", "pull"]},
    "archive": {"type": "bool", "default": True},
    "checksum": {"type": "bool", "default": False},
    "compress": {"type": "bool", "default": True},
    "existing_only": {"type": "bool", "default": False},
    "delete": {"type": "bool", "default": False},
    "dirs": {"type": "bool", "default": False},
    "recursive": {"type": "bool"},
    "links": {"type": "bool"},
    "copy_links": {"type": "bool", "default": False},
    "perms": {"type": "bool"},
    "times": {"type": "bool"},
    "owner": {"type": "bool"},
    "group": {"type": "bool"},
    "rsync_path": {"type": "str"},
    "rsync_timeout": {"type": "int", "default": 0},
    "rsync_opts": {"type": "list", "elements": "str", "default": []},
    "partial": {"type": "bool", "default": False},
    "delay_updates": {"type": "bool", "default": True},
    "link_dest": {"type": "list", "elements": "path"},
    # How to get there; the controller's part makes _rsh of them.
    "dest_port": {"type": "int"},
    "private_key": {"type": "path"},
    "set_remote_user": {"type": "bool", "default": True},
    "use_ssh_args": {"type": "bool", "default": False},
    "verify_host": {"type": "bool"},
    "ssh_connection_multiplexing": {"type": "bool", "default": False},
    "_rsh": {"type": "list", "elements": "str"},
    "_local_rsync_path": {"type": "path", "default": "rsync"},
}
CHECK_MODE = "full"

_MARK = "<<CHANGED>>"
_PARTS = ("recursive", "links", "perms", "times", "owner", "group")
_SWITCHES = (
    ("compress", "--compress"),
    ("delete", "--delete-after"),
    ("existing_only", "--existing"),
    ("checksum", "--checksum"),
    ("copy_links", "--copy-links"),
    ("dirs", "--dirs"),
    ("partial", "--partial"),
)


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Run rsync; in check mode it only says what it would do."""
    _refuse(args)
    argv = plan_argv(args, check_mode=context.check_mode)
    program = find_program(argv[0])
    if program is None:
        raise Failed(
            f'Failed to find required executable "{argv[0]}"; install rsync on both machines'
        )
    argv[0] = program
    finished = run_command(argv)
    command = " ".join(map(shlex.quote, argv))
    if finished.rc != 0:
        raise Failed(finished.stderr, rc=finished.rc, cmd=command)
    output = finished.stdout.replace(_MARK, "")
    result: Dict[str, Any] = {
        "changed": is_changed(finished.stdout, is_linked=bool(args["link_dest"])),
        "msg": output,
        "rc": 0,
        "cmd": command,
        "stdout_lines": [line for line in output.split("\n") if line],
    }
    if context.diff_mode:
        result["diff"] = {"prepared": output}
    return result


def plan_argv(args: Dict[str, Any], *, check_mode: bool) -> List[str]:
    """The command line of rsync."""
    argv = [args["_local_rsync_path"]]
    argv += ["--delay-updates"] if args["delay_updates"] else []
    argv += ["-F"] + (["--dry-run"] if check_mode else [])
    argv += [switch for name, switch in _SWITCHES if args[name]]
    argv += _parts(args)
    if args["rsync_timeout"] > 0:
        argv.append("--timeout={}".format(args["rsync_timeout"]))
    if args["_rsh"] and not any("--rsh" in option for option in args["rsync_opts"]):
        argv.append("--rsh=" + " ".join(map(_quoted, args["_rsh"])))
    if args["rsync_path"]:
        argv.append("--rsync-path={}".format(args["rsync_path"]))
    argv += args["rsync_opts"]
    if args["link_dest"]:
        # Without its many words rsync does not tell of new links.
        argv += ["-H", "-vv"]
        argv += ["--link-dest=" + os.path.abspath(path) for path in args["link_dest"]]
    return [*argv, f"--out-format={_MARK}%i %n%L", "--", args["src"], args["dest"]]


def is_changed(output: str, *, is_linked: bool) -> bool:
    """Whether rsync did anything; with links it tells of everything, a dot is nothing."""
    return _MARK + "." not in output if is_linked else _MARK in output


def _parts(args: Dict[str, Any]) -> List[str]:
    if args["archive"]:
        return ["--archive"] + ["--no-" + name for name in _PARTS if args[name] is False]
    return ["--" + name for name in _PARTS if args[name]]


def _quoted(word: str) -> str:
    """A word of the command line that rsync itself splits: it knows quotes, doubled inside."""
    if re.match(r"[\w@%+=:,./-]+\Z", word):
        return word
    return "'" + word.replace("'", "''") + "'"


def _refuse(args: Dict[str, Any]) -> None:
    if "" in args["rsync_opts"]:
        raise Failed("rsync_opts has an empty string, which rsync takes for the current folder")
    folder = os.path.abspath(os.path.dirname(args["dest"]))
    for path in args["link_dest"] or ():
        if (folder + "/").startswith(os.path.abspath(path).rstrip("/") + "/"):
            raise Failed(
                "Hardlinking into a subdirectory of the source would cause recursion. "
                f"{folder} and {args['dest']}"
            )

"""The ``known_hosts`` module: the key of a host is in a known_hosts file, or is not."""

import re
from typing import Any, Dict, List, Optional

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.files import describe
from lpse_ops.agent.knownhosts import Entry, hash_host, parse_entry, plan_absent, plan_present
from lpse_ops.agent.textlines import read_text, split_lines, write_text

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "name": {"type": "str", "required": True, "aliases": ["host"]},
    "key": {"type": "str"},
    "path": {"type": "path", "default": "~/.ssh/known_hosts"},
    "hash_host": {"type": "bool", "default": False},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
}
CHECK_MODE = "full"

_SEVERAL = (
    "Comma separated list of names is not supported. Please pass a single name to lookup in the "
    "known_hosts file."
)


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Bring the file to hold the key, or not to hold the host's keys."""
    host, path = args["name"].lower(), args["path"]
    entries = read_entries(args, host)
    before = read_text(path)
    lines = split_lines(before or "")
    planned = lines
    for entry in entries:
        if args["state"] == "present":
            planned = plan_present(planned, host, entry)
        else:
            planned = plan_absent(planned, host, entry)
    if not entries:
        planned = plan_absent(planned, host, None)
    after = "".join(planned)
    changed = planned != lines
    result: Dict[str, Any] = {"changed": changed}
    result["diff"] = _diff(path, before, after if changed else before or "")
    if context.check_mode:
        return result
    if changed:
        write_text(path, after)
    if args["hash_host"] and entries:
        result["key"] = "".join(entry.render() for entry in entries)
    return dict(args, **dict(result, **describe(path)))


def _diff(path: str, before: Optional[str], after: str) -> Dict[str, Any]:
    return {
        "before_header": "/dev/null" if before is None else path,
        "before": before or "",
        "after_header": path,
        "after": after,
    }


def read_entries(args: Dict[str, Any], host: str) -> List[Entry]:
    """The entries that the arguments hold, hashed if that is asked for."""
    if args["key"] is None:
        if args["state"] == "present":
            raise Failed("No key specified when adding a host")
        return []
    if re.search(r"\S\s*,", host):
        raise Failed(_SEVERAL)
    # ssh-keyscan says in comments what it asked.
    lines = [line for line in args["key"].splitlines() if line.strip() and line[0] != "#"]
    entries = [_check(parse_entry(line), host) for line in lines]
    if not args["hash_host"]:
        return entries
    return [entry._replace(hosts=hash_host(host)) for entry in entries]


def _check(entry: Optional[Entry], host: str) -> Entry:
    if entry is None or not entry.is_of(host):
        raise Failed("Host parameter does not match hashed host field in supplied key")
    return entry

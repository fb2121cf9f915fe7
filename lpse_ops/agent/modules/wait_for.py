"""The ``wait_for`` module: wait for a port, a file, a text in either, or for time to pass."""

import mmap
import os
import re
import socket
import time
from typing import (
    IO,
    Any,
    Callable,
    Dict,
    Mapping,
    Match,
    NamedTuple,
    Optional,
    Pattern,
    Sequence,
    Set,
)

from lpse_ops.agent.connections import STATES, count_active, read_connections
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.files import describe

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "timeout": {"type": "int", "default": 300},
    "connect_timeout": {"type": "int", "default": 5},
    "delay": {"type": "int", "default": 0},
    "port": {"type": "int"},
    "active_connection_states": {
        "type": "list",
        "elements": "str",
        "default": sorted(STATES),
    },
    "path": {"type": "path"},
    "search_regex": {"type": "str"},
    "state": {
        "type": "str",
        "default": "started",
        "choices": ["absent", "drained", "present", "started", "stopped"],
    },
    "exclude_hosts": {"type": "list", "elements": "str"},
    "sleep": {"type": "int", "default": 1},
    "msg": {"type": "str"},
}
CHECK_MODE = "skip"

_PIECE_BYTES = 65536


class Seen(NamedTuple):
    """One look at the condition; ``groups`` and ``named`` are those of what a search found."""

    met: bool
    groups: Sequence[Optional[str]] = ()
    named: Mapping[str, Optional[str]] = {}


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Look again and again until the condition is met, or fail when the time is over."""
    check_arguments(args)
    pattern = _compile(args["search_regex"])
    start = time.monotonic()
    time.sleep(args["delay"])
    if args["port"] is None and args["path"] is None:
        if args["state"] == "drained":
            raise Failed("state=drained needs a port", elapsed=0)
        time.sleep(args["timeout"])
        return _answer(args, Seen(True), start)
    look = _plan_look(args, pattern, start + args["timeout"])
    seen = _wait(look, start + args["timeout"], args["sleep"])
    if not seen.met:
        raise Failed(args["msg"] or complaint(args), elapsed=_elapsed(start))
    return _answer(args, seen, start)


def check_arguments(args: Dict[str, Any]) -> None:
    """Raise for what makes no sense together."""
    state, states = args["state"], args["active_connection_states"]
    unknown = [each for each in states if each not in STATES]
    text = None
    if args["port"] and args["path"]:
        text = "port and path parameter can not both be passed to wait_for"
    elif args["path"] and state in ("stopped", "drained"):
        text = "state={} should only be used for checking a port in the wait_for module"
        text = text.format(state)
    elif args["exclude_hosts"] is not None and state != "drained":
        text = "exclude_hosts should only be with state=drained"
    elif unknown:
        text = f"unknown active_connection_state ({unknown[0]}) defined"
    if text:
        raise Failed(text, elapsed=0)


def complaint(args: Dict[str, Any]) -> str:
    """Say what did not happen in time."""
    path, state = args["path"], args["state"]
    target = path or "{}:{}".format(args["host"], args["port"])
    if state in ("absent", "stopped"):
        end = "be absent." if path else "stop."
        return f"Timeout when waiting for {target} to {end}"
    if state == "drained":
        return f"Timeout when waiting for {target} to drain"
    if args["search_regex"]:
        return "Timeout when waiting for search string {} in {}".format(
            args["search_regex"], target
        )
    return "Timeout when waiting for {}{}".format("file " if path else "", target)


def _wait(look: Callable[[], Seen], deadline: float, pause_seconds: float) -> Seen:
    """Look until the condition is met; the last look is at the deadline."""
    while time.monotonic() < deadline:
        seen = look()
        if seen.met:
            return seen
        time.sleep(pause_seconds)
    return Seen(False)


def _plan_look(
    args: Dict[str, Any], pattern: Optional[Pattern[bytes]], deadline: float
) -> Callable[[], Seen]:
    path, state = args["path"], args["state"]
    if state in ("absent", "stopped"):
        if path:
            return lambda: Seen(not os.access(path, os.F_OK))
        return lambda: Seen(not _accepts(args))
    if state == "drained":
        addresses, excluded = _addresses_of([args["host"]]), _addresses_of(args["exclude_hosts"])
        return lambda: Seen(_is_drained(args, addresses, excluded))
    if path:
        return lambda: _look_at_file(path, pattern)
    return lambda: _look_at_port(args, pattern, deadline)


def _look_at_file(path: str, pattern: Optional[Pattern[bytes]]) -> Seen:
    try:
        os.stat(path)
        if pattern is None:
            return Seen(True)
        with open(path, "rb") as stream:
            return _search_file(stream, pattern)
    except OSError:
        return Seen(False)


def _search_file(stream: IO[bytes], pattern: Pattern[bytes]) -> Seen:
    """Search without reading a log of gigabytes into memory."""
    try:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        # An empty file, or one of /proc and /sys.
        return _found(pattern.search(stream.read()))
    with content:
        return _found(pattern.search(content))


def _found(match: Optional[Match[bytes]]) -> Seen:
    if match is None:
        return Seen(False)
    named = {name: _text(each) for name, each in match.groupdict().items()}
    return Seen(True, [_text(each) for each in match.groups()], named)


def _look_at_port(args: Dict[str, Any], pattern: Optional[Pattern[bytes]], deadline: float) -> Seen:
    """Connect; with a search, read until the text has come or the other side is silent."""
    left = deadline - time.monotonic()
    try:
        address = (args["host"], args["port"])
        with socket.create_connection(
            address, max(0.1, min(args["connect_timeout"], left))
        ) as line:
            if pattern is None:
                return Seen(True)
            return _search_stream(line, pattern, deadline)
    except OSError:
        return Seen(False)


def _search_stream(line: socket.socket, pattern: Pattern[bytes], deadline: float) -> Seen:
    said = b""
    while time.monotonic() < deadline:
        line.settimeout(max(0.1, deadline - time.monotonic()))
        piece = line.recv(_PIECE_BYTES)
        if not piece:
            break
        said += piece
        # Ansible reports the groups of files only.
        if pattern.search(said):
            return Seen(True)
    return Seen(False)


def _accepts(args: Dict[str, Any]) -> bool:
    try:
        address = (args["host"], args["port"])
        with socket.create_connection(address, args["connect_timeout"]):
            return True
    except OSError:
        return False


def _is_drained(args: Dict[str, Any], addresses: Set[str], excluded: Set[str]) -> bool:
    return not count_active(
        read_connections(),
        port=args["port"],
        addresses=addresses,
        excluded=excluded,
        states={STATES[name] for name in args["active_connection_states"]},
    )


def _addresses_of(hosts: Any) -> Set[str]:
    found: Set[str] = set()
    for host in hosts or ():
        try:
            found.update(str(answer[4][0]) for answer in socket.getaddrinfo(host, None))
        except OSError as error:
            raise Failed(f"cannot resolve {host}: {error}", elapsed=0) from error
    return found


def _compile(text: Optional[str]) -> Optional[Pattern[bytes]]:
    try:
        return re.compile(text.encode("utf-8", "surrogateescape"), re.MULTILINE) if text else None
    except re.error as error:
        raise Failed(f"Invalid regular expression: {error}") from error


def _answer(args: Dict[str, Any], seen: Seen, start: float) -> Dict[str, Any]:
    answer = {name: args[name] for name in ("state", "port", "search_regex", "path")}
    answer.update(match_groups=list(seen.groups), match_groupdict=dict(seen.named))
    answer["elapsed"] = _elapsed(start)
    if args["path"] and os.path.exists(args["path"]):
        answer.update(describe(args["path"]))
    return answer


def _text(group: Optional[bytes]) -> Optional[str]:
    return None if group is None else group.decode("utf-8", "surrogateescape")


def _elapsed(start: float) -> int:
    return int(time.monotonic() - start)

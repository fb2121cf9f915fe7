"""Patterns of hosts: ``web:&prod:!db``, globs, ``~regex``, slices such as ``web[0:2]``.

The order of the answer is Ansible's: patterns in their order, ``&`` after those without a sign,
``!`` last; within a group the order of the inventory.
"""

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.address import parse_address
from lpse_ops.inventory.declaration import ALL
from lpse_ops.inventory.model import Group, Host

LOCALHOST = ("127.0.0.1", "localhost", "::1")

_PART = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_SLICE = re.compile(r"(.+)\[(?:(-?[0-9]{1,9})|([0-9]{1,9})[:-]([0-9]{0,9}))\]")
_GLOB = (".", "?", "*", "[")
# Behind every host that there can be.
_LAST = 10**9


class Hosts(NamedTuple):
    """What patterns choose from; ``implicit`` makes the localhost that is in no inventory."""

    groups: Mapping[str, Group]
    hosts: Mapping[str, Host]
    implicit: Callable[[str], Host | None]
    warn: Callable[[str], None]


def split_pattern(pattern: str | Iterable[str]) -> list[str]:
    """Return the single patterns of a ``hosts:`` value or of the command line."""
    if not isinstance(pattern, str):
        return [part for each in pattern for part in split_pattern(str(each))]
    text = str(pattern).strip()
    if "," in text:
        parts = text.split(",")
    elif parse_address(text, allow_ranges=True):
        # An IPv6 address is full of colons.
        parts = [text]
    else:
        parts = _PART.findall(text)
    return [part.strip() for part in parts if part.strip()]


def split_limit(limit: str | Iterable[str]) -> list[str]:
    """As ``split_pattern``; ``@FILE`` stands for the lines of a file."""
    parts: list[str] = []
    for part in split_pattern(limit):
        parts += _read_limit_file(part[1:]) if part.startswith("@") else [part]
    return parts


def _read_limit_file(name: str) -> list[str]:
    try:
        lines = Path(name).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InventoryError(
            f"cannot read the hosts in {name}: {problem}",
            hint="what follows --limit @ must be a file with one host in each line",
        ) from error
    return [line.strip() for line in lines if line.strip()]


def select(patterns: Sequence[str], hosts: Hosts) -> list[Host]:
    """Return the hosts that single patterns choose together, each once."""
    chosen: dict[str, Host] = {}
    for pattern in _order(patterns):
        # A host of that very name, before anything is read into the pattern.
        named = hosts.hosts.get(pattern)
        found = [named] if named else _match(pattern.removeprefix(_sign(pattern)), hosts)
        names = {host.name for host in found}
        if _sign(pattern) == "!":
            chosen = {name: host for name, host in chosen.items() if name not in names}
        elif _sign(pattern) == "&":
            chosen = {name: host for name, host in chosen.items() if name in names}
        else:
            chosen = {**chosen, **{each.name: each for each in found if each.name not in chosen}}
    return list(chosen.values())


def _sign(pattern: str) -> str:
    return pattern[0] if pattern[0] in "!&" else ""


def _order(patterns: Sequence[str]) -> list[str]:
    plain = [each for each in patterns if not _sign(each)]
    signed = [[each for each in patterns if _sign(each) == sign] for sign in "&!"]
    return [*(plain or [ALL]), *signed[0], *signed[1]]


def _match(pattern: str, hosts: Hosts) -> list[Host]:
    if not pattern:
        raise InventoryError(
            "a pattern of hosts is a '!' or '&' and nothing else",
            hint="write the name of a group or host right behind it",
        )
    name, begin, end = _split_slice(pattern)
    found = _find(name, hosts)
    if begin is None or not found:
        return found
    if end is None:
        if not -len(found) <= begin < len(found):
            raise InventoryError(
                f"{pattern!r} asks for a host that is not there: {name!r} has {len(found)}",
                hint=f"the first host is {name}[0], the last one is {name}[-1]",
            )
        return [found[begin]]
    return found[begin : end + 1]


def _split_slice(pattern: str) -> tuple[str, int | None, int | None]:
    """Return the pattern, the first host and the last one; only the first for a single host."""
    found = None if pattern.startswith("~") else _SLICE.fullmatch(pattern)
    if not found:
        return pattern, None, None
    if found[2] is not None:
        return found[1], int(found[2]), None
    last = int(found[4]) if found[4] else _LAST
    # As in Ansible: an end of 0 is no end at all.
    return found[1], int(found[3]), last or None


def _find(pattern: str, hosts: Hosts) -> list[Host]:
    is_wanted = _compile(pattern)
    groups = [group for name, group in hosts.groups.items() if is_wanted(name)]
    found = [host for group in groups for host in group.every_host()]
    if not groups or pattern.startswith("~") or any(sign in pattern for sign in _GLOB):
        found += [host for name, host in hosts.hosts.items() if is_wanted(name)]
    if not found and pattern in LOCALHOST:
        implicit = hosts.implicit(pattern)
        found = [implicit] if implicit else []
    if not found and not groups and pattern != ALL:
        hosts.warn(f"Could not match supplied host pattern, ignoring: {pattern}")
    return list({host.name: host for host in found}.values())


def _compile(pattern: str) -> Callable[[str], object]:
    if not pattern.startswith("~") and not any(sign in pattern for sign in "*?["):
        return pattern.__eq__
    expression = pattern[1:] if pattern.startswith("~") else fnmatch.translate(pattern)
    try:
        return re.compile(expression).match
    except re.error as error:
        raise InventoryError(
            f"{pattern!r} is no regular expression: {error}",
            hint="correct it, or put a \\ before a character that stands for itself",
        ) from error

"""The host key of an SPSE server is not pinned, or nobody looks at it.

Who answers in the server's place gets what the playbooks carry, passwords too.  Compare the key
once on the server's console (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`) and write it as
`ansible_ssh_host_key`, or its line of known_hosts as `ssh_known_hosts`, or give ssh a known_hosts
file of the inventory: `ansible_ssh_common_args: -o UserKnownHostsFile=inventory/known_hosts`.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator

from lpse_ops.inventory.fleet import (
    host_places,
    is_empty,
    is_open,
    items,
    named,
    said,
    servers,
    shown,
)
from lpse_ops.inventory.fleetvariables import example_of
from lpse_ops.inventory.seen import Cell, Fault, Seen
from lpse_ops.marked import Origin

SEVERITY = "error"
NAMES = ("ansible_ssh_host_key", "ssh_known_hosts")
_ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
_SWITCHES = ("ansible_host_key_checking", "ansible_ssh_host_key_checking")
_OFF = re.compile(r"StrictHostKeyChecking[ =\"']{1,4}(?:no|off)\b", re.IGNORECASE)
_NO_FILE = re.compile(r"KnownHostsFile[ =\"']{1,4}(?:/dev/null|none)\b", re.IGNORECASE)
_FILE = re.compile(r"KnownHostsFile[ =\"']{1,4}[^\s\"']", re.IGNORECASE)
_FALSE = frozenset({"false", "no", "off", "0", "f", "n"})
Find = Callable[[str], Cell | None]
_ON_HINT = "leave it out, and pin the key: " + example_of(NAMES[0])


def check(seen: Seen) -> Iterator[Fault]:
    yield from _switched_off(seen)
    for name in NAMES:
        for each in said(seen, name):
            if not is_empty(each.cell.value):
                yield from _no_keys(each.cell)
    if seen.is_complete:
        yield from _not_pinned(seen)


def _switched_off(seen: Seen) -> Iterator[Fault]:
    for name in (*_ARGUMENTS, *_SWITCHES):
        for each in said(seen, name):
            cell = each.cell
            if name in _SWITCHES and str(cell.value).strip().lower() in _FALSE:
                yield Fault(
                    cell.value_at, f"{name} is off: any host key is taken", _ON_HINT, cell.owner
                )
            text = cell.value if name in _ARGUMENTS and isinstance(cell.value, str) else ""
            for pattern, what in ((_OFF, "any host key is taken"), (_NO_FILE, "no key is known")):
                found = pattern.search(text)
                if found:
                    message = f"{name}: {found.group()}: {what}"
                    yield Fault(cell.value_at, message, _ON_HINT, cell.owner)


def _no_keys(cell: Cell) -> Iterator[Fault]:
    for value, place in items(cell):
        if not is_open(value) and not _holds_key(value, is_line=cell.name == NAMES[1]):
            message = f"{cell.name}: {shown(value, cell)} is no public host key"
            yield Fault(place, message, f"write: {example_of(cell.name)}", cell.owner)


def _holds_key(value: object, *, is_line: bool) -> bool:
    """Whether every line is a key as OpenSSH writes them, behind the host's name in known_hosts."""
    if not isinstance(value, str):
        return False
    lines = [line.split() for line in value.splitlines() if line.strip()]
    starts = [1 + line[0].startswith("@") if is_line else 0 for line in lines]
    return bool(lines) and all(
        _is_key(line[start : start + 2]) for line, start in zip(lines, starts, strict=True)
    )


def _is_key(words: list[str]) -> bool:
    """``ssh-ed25519 AAAA...``: the data begins with the length of its kind, and the kind again."""
    if len(words) != 2:
        return False
    try:
        data = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        return False
    kind = words[0].encode(errors="replace")
    return len(data) > len(kind) + 20 and data.startswith(len(kind).to_bytes(4, "big") + kind)


def _not_pinned(seen: Seen) -> Iterator[Fault]:
    hint = f"compare the key on the server's console, then write: {example_of(NAMES[0])}"
    places = host_places(seen)
    for host in servers(seen):
        values = seen.effective.get(host, {})
        if not _is_pinned(values.get) and not _is_local(values.get("ansible_connection")):
            empty = next((values[name].value_at for name in NAMES if name in values), None)
            place = empty or places.get(host, Origin("inventory"))
            yield Fault(place, f"the host key of {named(host)} is not pinned", hint, host)


def _is_pinned(find: Find) -> bool:
    cells = [find(name) for name in NAMES]
    if any(cell is not None and not is_empty(cell.value) for cell in cells):
        return True
    texts = [str(cell.value) for name in _ARGUMENTS if (cell := find(name)) is not None]
    return any(_FILE.search(text) and not _NO_FILE.search(text) for text in texts)


def _is_local(cell: Cell | None) -> bool:
    return cell is not None and str(cell.value) == "local"

"""Names of hosts as an inventory spells them: a port behind a colon, ranges such as ``[01:20]``."""

import ipaddress
import re
import string
from typing import NamedTuple

from lpse_ops.errors import InventoryError

# More than any site has; ``[1:999999999]`` must not fill the memory.
MAX_HOSTS = 100_000

_RANGE = r"\[(?:[0-9]*:[0-9]+|[a-zA-Z]:[a-zA-Z])(?::[0-9]+)?\]"
_HEX_RANGE = re.compile(r"\[[0-9a-fA-F]*:[0-9a-fA-F]+(?::[0-9]+)?\]")
_LABEL = rf"(?:\w|{_RANGE})(?:[\w-]|{_RANGE}){{0,61}}(?<![-_])"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_BRACKETS_AND_PORT = re.compile(r"\[(.+)\]:([0-9]+)")
_NAME_AND_PORT = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])+):([0-9]+)")
_NUMBER = re.compile(r"-?[0-9]{1,15}")
_RANGE_HINT = "write a range as [first:last] or [first:last:step], e.g. db-[01:20] or rack-[a:f]"


class Address(NamedTuple):
    """A name and the port behind it; ``host`` may still hold ranges."""

    host: str
    port: int | None


def parse_address(text: str, *, allow_ranges: bool) -> Address | None:
    """Split a name from its port; None where it is neither a name nor an address."""
    found = _BRACKETS_AND_PORT.fullmatch(text) or _NAME_AND_PORT.fullmatch(text)
    host, port = (found[1], _port(found[2])) if found else (text, None)
    is_known = bool(_NAME.fullmatch(host)) or _is_ipv6(host)
    if not is_known or ("[" in host and not allow_ranges):
        return None
    return Address(host, port)


def _port(digits: str) -> int | None:
    return int(digits) if len(digits) <= 5 else None


def _is_ipv6(host: str) -> bool:
    plain = _HEX_RANGE.sub("0", host)
    if ":" not in plain or "%" in plain:
        return False
    try:
        ipaddress.IPv6Address(plain)
    except ValueError:
        return False
    return True


def expand_hosts(text: str) -> tuple[list[str], int | None]:
    """Return the names that one entry stands for, and their port."""
    host, port = parse_address(text, allow_ranges=True) or Address(text, None)
    names = [host]
    while names and "[" in names[0]:
        # All names come from one pattern, so the first range of each is the same one.
        values = _values_of_first_range(names[0])
        if len(names) * len(values) > MAX_HOSTS:
            raise _range_error(text, f"stands for more than {MAX_HOSTS} hosts")
        names = [_fill_first_range(name, value) for name in names for value in values]
    return names, port


def _fill_first_range(name: str, value: str) -> str:
    head, _, rest = name.partition("[")
    return head + value + rest.partition("]")[2]


def _values_of_first_range(name: str) -> list[str]:
    head, _, rest = name.partition("[")
    inside, bracket, _ = rest.partition("]")
    first, *others = inside.split(":")
    if "]" in head or not bracket or len(others) not in (1, 2) or not others[0]:
        raise _range_error(name, "has brackets that hold no range")
    return _count(name, first or "0", others[0], others[1] if len(others) == 2 else "1")


def _count(name: str, first: str, last: str, steps: str) -> list[str]:
    if not (steps.isascii() and steps.isdigit() and int(steps[:6])):
        raise _range_error(name, f"has a range with the step {steps!r}")
    is_padded = len(first) > 1 and first.startswith("0")
    if is_padded and len(first) != len(last):
        raise _range_error(name, f"has a range whose ends {first} and {last} differ in length")
    letters = string.ascii_letters
    if len(first) == len(last) == 1 and first in letters and last in letters:
        wanted = letters[letters.index(first) : letters.index(last) + 1]
        if not wanted:
            raise _range_error(name, f"has a range whose end {last} is before {first}")
        return list(wanted[:: int(steps[:6])])
    if not (_NUMBER.fullmatch(first) and _NUMBER.fullmatch(last)):
        raise _range_error(name, f"has a range from {first!r} to {last!r}")
    numbers = range(int(first), int(last) + 1, int(steps[:6]))
    if len(numbers) > MAX_HOSTS:
        raise _range_error(name, f"stands for more than {MAX_HOSTS} hosts")
    return [str(number).zfill(len(first) if is_padded else 0) for number in numbers]


def _range_error(name: str, problem: str) -> InventoryError:
    return InventoryError(f"the host {name!r} {problem}", hint=_RANGE_HINT)

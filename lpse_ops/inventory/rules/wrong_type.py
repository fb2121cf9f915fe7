"""A value of a kind that Ansible's variable does not take.

A port that is no number, a truth value that is neither yes nor no, a name that YAML reads as
something else: `on`, `no` and `1.10` are no texts unless they stand in quotation marks.
"""

import re
from collections.abc import Iterator

from lpse_ops.inventory.connectionvars import FLAG, KINDS, NUMBER, PORTS, TEXT, is_unknown_yet
from lpse_ops.inventory.seen import Cell, Fault, Seen

SEVERITY = "error"
_NUMBER = re.compile(r"\s*[0-9]+\s*")
_WORDS = frozenset(["y", "yes", "on", "1", "true", "t", "n", "no", "off", "0", "false", "f"])
_KINDS = {bool: "a truth value", float: "a number with a point", int: "a number"}
_HINTS = {
    NUMBER: "write a whole number: 22",
    FLAG: "write true or false",
    TEXT: "write a text, in quotation marks if YAML reads it as something else",
}


def check(seen: Seen) -> Iterator[Fault]:
    yield from seen.faults.get("wrong-type", ())
    for cell in seen.cells:
        kind = KINDS.get(cell.name, "")
        is_part = cell.name in PORTS and isinstance(cell.value, float)
        if kind in _HINTS and (is_part or not _is_right(kind, cell.value)):
            problem = f"{cell.name} is {_what(cell)}, not a {_noun(kind)}"
            yield Fault(cell.value_at, problem, _HINTS[kind], cell.owner)


def _is_right(kind: str, value: object) -> bool:
    if value is None or is_unknown_yet(value):
        return True
    if kind == TEXT:
        # A whole number is turned into the text that was written.
        return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
    if kind == FLAG:
        return isinstance(value, bool) or str(value).lower() in _WORDS
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number or bool(isinstance(value, str) and _NUMBER.fullmatch(value))


def _what(cell: Cell) -> str:
    """What it is, without the value of what may be a secret."""
    if isinstance(cell.value, list):
        return "a list"
    if isinstance(cell.value, dict):
        return "a mapping"
    is_secret = "pass" in cell.name or cell.in_sealed_file
    if isinstance(cell.value, str):
        return "a text" if is_secret else repr(str(cell.value)[:60])
    return next((word for kind, word in _KINDS.items() if isinstance(cell.value, kind)), "a value")


def _noun(kind: str) -> str:
    return {NUMBER: "whole number", FLAG: "truth value", TEXT: "text"}[kind]

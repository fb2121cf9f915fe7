"""File modes as people write them: octal numbers, octal text, or chmod's symbols."""

import re
import stat
from typing import Union

_CLAUSE = re.compile(r"(a|[ugo]*)((?:[-+=][rwxXstugo]*)*)\Z")
_CHANGE = re.compile(r"([-+=])([rwxXstugo]*)")
_SHIFTS = {"u": 6, "g": 3, "o": 0}
_SPECIAL = {"u": stat.S_ISUID, "g": stat.S_ISGID, "o": stat.S_ISVTX}
_ANY_EXECUTE = 0o111


class ModeProblem(ValueError):
    """A mode that is neither octal nor symbolic."""


def wanted_mode(mode: Union[int, str], current: int, *, is_directory: bool, umask: int) -> int:
    """Return the bits that ``mode`` asks for on something that has ``current``.

    A number may hold a file's type as well, as in the ``st_mode`` of a result of ``stat``.
    """
    if not isinstance(mode, bool) and isinstance(mode, int):
        return mode
    if re.match(r"\s*(0[oO])?[0-7]+\s*\Z", str(mode)):
        return int(str(mode), 8)
    return _symbolic(str(mode), current, is_directory=is_directory, umask=umask)


def octal(bits: int) -> str:
    """A mode as results show it: ``0644``."""
    return f"0{bits:03o}"


def _symbolic(mode: str, current: int, *, is_directory: bool, umask: int) -> int:
    bits = stat.S_IMODE(current)
    for clause in mode.split(","):
        parsed = _CLAUSE.match(clause)
        if not parsed:
            raise ModeProblem("mode must be in octal or symbolic form")
        users, changes = parsed.groups()
        for operator, letters in _CHANGE.findall(changes):
            for user in "ugo" if users in ("", "a") else users:
                runs = is_directory or bool(bits & _ANY_EXECUTE)
                change = _bits_of(letters, user, bits, runs=runs)
                if not users:
                    change &= ~umask
                bits = _changed(bits, operator, user, change)
    return bits


def _bits_of(letters: str, user: str, current: int, *, runs: bool) -> int:
    shift = _SHIFTS[user]
    bits = 0
    for letter in letters:
        if letter in "ugo":
            bits |= (current >> _SHIFTS[letter] & 7) << shift
        elif letter in "rwx":
            bits |= {"r": 4, "w": 2, "x": 1}[letter] << shift
        elif letter == "X" and runs:
            bits |= 1 << shift
        elif (letter == "s" and user != "o") or (letter == "t" and user == "o"):
            bits |= _SPECIAL[user]
    return bits


def _changed(bits: int, operator: str, user: str, change: int) -> int:
    if operator == "+":
        return bits | change
    if operator == "-":
        return bits & ~change
    return bits & ~(7 << _SHIFTS[user] | _SPECIAL[user]) | change

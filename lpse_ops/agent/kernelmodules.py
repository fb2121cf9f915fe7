"""Files that name a kernel module for the next boot: what they say, and what they should say.

Runs on the managed host: standard library only, Python 3.6.  Pure: a file is its lines.
"""

import re
from typing import List, Optional, Sequence

_NOTE = r"[ \t]*(?:[#;].*)?\n?\Z"


def loads(line: str, name: str) -> bool:
    """Whether a line of ``modules-load.d`` has the module loaded."""
    return re.match(rf"[ \t]*{re.escape(name)}{_NOTE}", line) is not None


def options(line: str, name: str) -> List[str]:
    """The parameters that a line of ``modprobe.d`` gives the module."""
    found = re.match(rf"options[ \t]+{re.escape(name)}[ \t]+(\w+=[^#;\n]*)", line)
    return found.group(1).split() if found else []


def without_loading(lines: Sequence[str], name: str) -> List[str]:
    """The lines, those that load the module commented out."""
    return ["#" + line if loads(line, name) else line for line in lines]


def without_options(lines: Sequence[str], name: str) -> List[str]:
    """The lines, those with parameters of the module commented out."""
    return ["#" + line if options(line, name) else line for line in lines]


def with_loading(lines: Sequence[str], name: str) -> List[str]:
    """The module's own file in ``modules-load.d``; whatever else is in it stays."""
    return [*_foreign(lines, ["#" + name]), name + "\n"]


def with_options(lines: Sequence[str], name: str, wanted: Sequence[str]) -> List[str]:
    """The module's own file in ``modprobe.d``; whatever else is in it stays."""
    own = [line for line in lines if options(line.lstrip("#"), name)]
    kept = [line for line in _foreign(lines, []) if line not in own]
    return [*kept, *[f"options {name} {each}\n" for each in wanted]]


def is_loaded(name: str, loaded: Optional[str], builtin: Optional[str]) -> bool:
    """Whether ``/proc/modules`` or the list of built-in modules has the module."""
    wanted = _plain(name)
    names = [_plain(line.split(" ")[0]) for line in (loaded or "").splitlines()]
    files = [line.rpartition("/")[2] for line in (builtin or "").splitlines()]
    names += [_plain(each[: -len(".ko")]) for each in files if each.endswith(".ko")]
    return wanted in names


def _plain(name: str) -> str:
    return name.replace("-", "_")


def _foreign(lines: Sequence[str], own: Sequence[str]) -> List[str]:
    kept = [line for line in lines if line.strip() and line.strip() not in own]
    return [line if line.endswith("\n") else line + "\n" for line in kept]

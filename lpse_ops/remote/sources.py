"""The agent's own files as they are sent: which modules of ours a module needs, and their text."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import lpse_ops.agent
from lpse_ops.errors import PlaybookError

_PACKAGE = "lpse_ops.agent"
_FOLDER = Path(lpse_ops.agent.__file__).parent
_MODULES = f"{_PACKAGE}.modules"
_IMPORT = re.compile(
    r"^[ \t]*(?:from +(lpse_ops\.agent[\w.]*) +import +(\([^)]*\)|[^\n]*)"
    r"|import +(lpse_ops\.agent[\w.]*))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")
ENTRY = f"{_PACKAGE}.entry"
LOADER = f"{_PACKAGE}.loader"


def has_module(name: str) -> bool:
    """Whether the agent has a module of this name."""
    return name.isidentifier() and _file_of(f"{_MODULES}.{name}").is_file()


@functools.cache
def module_sources(name: str) -> Mapping[str, bytes]:
    """Full name -> source of a module by its short name and of all it imports."""
    if not has_module(name):
        raise PlaybookError(
            f"there is no module {name!r} for a host",
            hint="correct its name; lpse-ops playbook run --syntax-check knows all modules",
        )
    return sources_of(f"{_MODULES}.{name}")


@functools.cache
def sources_of(full_name: str) -> Mapping[str, bytes]:
    """Full name -> source of a module and of all modules of the agent that it imports."""
    found: dict[str, bytes] = {}
    wanted = [full_name]
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name], imports = _read(name)
            wanted += imports
    return found


@functools.cache
def _read(full_name: str) -> tuple[bytes, Sequence[str]]:
    """A module's source, and the modules of the agent that it imports."""
    source = _file_of(full_name).read_bytes()
    names = set(find_imports(source.decode()))
    return source, sorted(name for name in names if _file_of(name).is_file())


def find_imports(source: str) -> Iterator[str]:
    """Full names of what a source may import from the agent, modules and other names alike.

    Ten times as quick as parsing; a name too many, say from a docstring, does no harm.
    """
    for match in _IMPORT.finditer(source):
        module, names, alone = match.groups()
        yield module or alone
        for name in re.findall(r"[^\s,()]+", _COMMENT.sub("", names or "")):
            yield f"{module}.{name}"


def _file_of(full_name: str) -> Path:
    """The file of a module of the agent; what is none of it has a file that does not exist."""
    inner = full_name.removeprefix(f"{_PACKAGE}.")
    if inner == full_name:
        return _FOLDER / "no such module"
    return _FOLDER.joinpath(*inner.split(".")).with_suffix(".py")

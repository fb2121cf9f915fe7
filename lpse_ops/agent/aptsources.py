"""The one-line sources of apt: ``sources.list`` and its folder, read, changed and put back.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  Lines that
nobody asked about stay as they are, byte for byte.
"""

import glob
import os
import re
import shlex
from typing import Dict, List, NamedTuple, Optional, Tuple

from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.context import Failed

Files = Dict[str, str]

_KINDS = ("deb", "deb-src")


class Line(NamedTuple):
    """A line of a file; ``source`` has single spaces when the line is valid."""

    is_valid: bool
    is_enabled: bool
    source: str
    comment: str

    def text(self) -> str:
        """The line as we write it."""
        comment = f" # {self.comment}" if self.comment else ""
        return ("" if self.is_enabled else "# ") + self.source + comment + "\n"


class Places(NamedTuple):
    """Where apt of this host has its sources."""

    file: str
    folder: str


def parse_line(text: str) -> Line:
    """Read a line; one that is commented out may be a source all the same."""
    text = text.strip()
    is_enabled = not text.startswith("#")
    rest = text if is_enabled else text[1:]
    comment = ""
    at = rest.find("#")
    if at > 0:
        rest, comment = rest[:at], rest[at + 1 :].strip()
    words = rest.split()
    if words and words[0] in _KINDS:
        return Line(True, is_enabled, " ".join(words), comment)
    return Line(False, is_enabled, rest.strip(), comment)


def wanted_source(repo: str) -> str:
    """The source that a task names; ``Failed`` if it is none, or a comment."""
    line = parse_line(repo)
    if not line.is_valid or not line.is_enabled:
        shown = repo.strip() if line.is_enabled else repo.strip()[1:]
        raise Failed(f"Invalid repository string: {shown}")
    return line.source


def plan_present(files: Files, source: str, path: str) -> Tuple[Files, Optional[str]]:
    """The files with the source in them, and the one that it was added to.

    Where it is already, commented out, it is let in again.
    """
    found = any(line.is_valid and line.source == source for line in _lines(files))
    if found:
        return {name: _enabled(text, source) for name, text in files.items()}, None
    old = files.get(path, "")
    if old and not old.endswith("\n"):
        old += "\n"
    return dict(files, **{path: old + Line(True, True, source, "").text()}), path


def plan_absent(files: Files, source: str) -> Files:
    """The files without the source; one that has nothing else is left out."""
    kept = {}
    for name, text in files.items():
        lines = text.splitlines(True)
        left = [line for line in lines if not _is_source(line, source)]
        if left or not lines:
            kept[name] = "".join(left)
    return kept


def suggest_name(source: str) -> str:
    """The name of a file for a source, made of its address without a password."""
    plain = re.sub(r"\w+://", "", re.sub(r"\[[^\]]+\]", "", source))
    words = [word for word in plain.split() if word not in _KINDS]
    address = words[0].split("@", 1)[-1] if words else ""
    return name_of(address)


def name_of(text: str) -> str:
    return "_".join(re.sub("[^a-zA-Z0-9]", " ", text).split())


def find_places() -> Places:
    """Ask apt where it has its sources; the usual places where there is no apt-config."""
    program = find_program("apt-config")
    if program is None:
        return Places("/etc/apt/sources.list", "/etc/apt/sources.list.d")
    names = ["FILE", "Dir::Etc::sourcelist/f", "FOLDER", "Dir::Etc::sourceparts/d"]
    words = shlex.split(run_command([program, "shell", *names]).stdout)
    found = dict(word.partition("=")[::2] for word in words)
    file = found.get("FILE") or "/etc/apt/sources.list"
    return Places(file, (found.get("FOLDER") or "/etc/apt/sources.list.d").rstrip("/"))


def read_files(places: Places) -> Files:
    """All files that there are; what cannot be read is ``Failed``."""
    paths = [places.file, *sorted(glob.glob(glob.escape(places.folder) + "/*.list"))]
    files = {}
    for path in paths:
        if not os.path.isfile(path):
            continue
        try:
            with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
                files[path] = file.read()
        except OSError as error:
            raise Failed(f"cannot read {path}: {error.strerror}") from error
    return files


def _lines(files: Files) -> List[Line]:
    return [parse_line(line) for text in files.values() for line in text.splitlines()]


def _enabled(text: str, source: str) -> str:
    lines = []
    for text_line in text.splitlines(True):
        line = parse_line(text_line)
        is_it = line.is_valid and not line.is_enabled and line.source == source
        lines.append(line._replace(is_enabled=True).text() if is_it else text_line)
    return "".join(lines)


def _is_source(text: str, source: str) -> bool:
    line = parse_line(text)
    return line.is_valid and line.is_enabled and line.source == source

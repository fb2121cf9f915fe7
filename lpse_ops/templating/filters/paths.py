"""Filters on names of files, on the controller's side; none of them needs the file to exist."""

import glob
import ntpath
import os
from typing import Any

from lpse_ops.templating.filters.problem import FilterProblem, want


def path_join(paths: Any) -> Any:
    if isinstance(paths, str):
        return os.path.join(paths)
    want(paths, (list, tuple), "path_join", "a string or a list of strings")
    return os.path.join(*paths)


def commonpath(paths: Any) -> Any:
    want(paths, (list, tuple), "commonpath", "a list of strings")
    return os.path.commonpath(list(paths))


def relpath(path: str, start: str = os.curdir) -> str:
    return os.path.relpath(path, start)


def fileglob(pattern: str) -> list[str]:
    return [each for each in glob.glob(pattern) if os.path.isfile(each)]


def splitext(path: str) -> list[str]:
    return list(os.path.splitext(path))


def win_splitdrive(path: str) -> list[str]:
    return list(ntpath.splitdrive(path))


def _on_text(function: Any) -> Any:
    def call(path: Any) -> Any:
        if not isinstance(path, str | os.PathLike):
            raise FilterProblem(f"a path must be a string, not {type(path).__name__!r}")
        return function(path)

    return call


FILTERS = {
    "basename": _on_text(os.path.basename),
    "commonpath": commonpath,
    "dirname": _on_text(os.path.dirname),
    "expanduser": _on_text(os.path.expanduser),
    "expandvars": _on_text(os.path.expandvars),
    "fileglob": fileglob,
    "normpath": _on_text(os.path.normpath),
    "path_join": path_join,
    "realpath": _on_text(os.path.realpath),
    "relpath": relpath,
    "splitext": splitext,
    "win_basename": _on_text(ntpath.basename),
    "win_dirname": _on_text(ntpath.dirname),
    "win_splitdrive": win_splitdrive,
}

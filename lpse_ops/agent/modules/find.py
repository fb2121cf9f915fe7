"""The ``find`` module: files below some folders that meet every criterion."""

import fnmatch
import os
import re
import stat
import time
from typing import Any, Callable, Dict, Iterator, List, Tuple

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.filestatus import describe_status, hash_file
from lpse_ops.agent.modes import wanted_mode

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "paths": {
        "type": "list",
        "required": True,
        "aliases": ["name", "path"],
        "elements": "path",
    },
    "patterns": {"type": "list", "default": [], "aliases": ["pattern"], "elements": "str"},
    "excludes": {"type": "list", "aliases": ["exclude"], "elements": "str"},
    "contains": {"type": "str"},
    "read_whole_file": {"type": "bool", "default": False},
    "file_type": {
        "type": "str",
        "default": "file",
        "choices": ["any", "directory", "file", "link"],
    },
    "age": {"type": "str"},
    "age_stamp": {"type": "str", "default": "mtime", "choices": ["atime", "ctime", "mtime"]},
    "size": {"type": "str"},
    "recurse": {"type": "bool", "default": False},
    "hidden": {"type": "bool", "default": False},
    "follow": {"type": "bool", "default": False},
    "get_checksum": {"type": "bool", "default": False},
    "checksum_algorithm": {
        "type": "str",
        "default": "sha1",
        "choices": ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
        "aliases": ["checksum", "checksum_algo"],
    },
    "use_regex": {"type": "bool", "default": False},
    "depth": {"type": "int"},
    "mode": {"type": "raw"},
    "exact_mode": {"type": "bool", "default": True},
    "encoding": {"type": "str"},
    "limit": {"type": "int"},
}
CHECK_MODE = "full"

_AGE_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZE_BYTES = {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_KINDS = {"directory": stat.S_ISDIR, "file": stat.S_ISREG, "link": stat.S_ISLNK}

Test = Callable[[str, os.stat_result], bool]


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Return ``files``, ``matched``, ``examined`` and ``skipped_paths``."""
    if args["limit"] == 0:
        raise Failed("limit cannot be 0 (use None for unlimited)")
    search = _Search(args, plan_tests(args, time.time()))
    for path in args["paths"]:
        search.look_into(path)
    return search.result()


def plan_tests(args: Dict[str, Any], now: float) -> List[Test]:
    """Return what a file has to pass, the cheapest test first."""
    tests = [_test_name(args), _test_kind(args["file_type"])]
    if args["age"] is not None:
        age = parse_amount(args["age"], _AGE_SECONDS, "age")
        field = "st_" + args["age_stamp"]
        tests.append(lambda path, status: is_beyond(now - getattr(status, field), age))
    if args["size"] is not None:
        size = parse_amount(args["size"], _SIZE_BYTES, "size")
        tests.append(lambda path, status: _is_sized(status, size))
    if args["mode"] is not None and not isinstance(args["mode"], str):
        text = "argument 'mode' is not a string and conversion is not allowed, value is of type "
        raise Failed(text + type(args["mode"]).__name__)
    if args["mode"] is not None:
        tests.append(lambda path, status: has_mode(status, args["mode"], exact=args["exact_mode"]))
    if args["contains"] is not None and args["file_type"] == "file":
        tests.append(_test_content(args))
    return tests


def parse_amount(text: str, units: Dict[str, int], name: str) -> int:
    """Read ``-3d`` or ``10k``; the unit is optional."""
    found = re.match(r"^(-?\d+)([a-z])?$", text.lower())
    if not found or (found.group(2) or next(iter(units))) not in units:
        raise Failed(f"failed to process {name}", **{name: text})
    return int(found.group(1)) * units[found.group(2) or next(iter(units))]


def is_beyond(value: float, limit: int) -> bool:
    """At least ``limit``, or at most that when it is negative."""
    return value >= limit if limit >= 0 else value <= -limit


def has_mode(status: os.stat_result, mode: Any, *, exact: bool) -> bool:
    """Whether the permissions are exactly these, or have one of them in common."""
    bits = stat.S_IMODE(status.st_mode)
    is_directory = stat.S_ISDIR(status.st_mode)
    # Letters say what to look for, not what to change of a file's own mode.
    wanted = wanted_mode(mode, 0, is_directory=is_directory, umask=0)
    return bits == wanted if exact else bool(bits & wanted)


def matches(name: str, patterns: List[str], *, use_regex: bool) -> bool:
    """Whether one of the patterns fits a name from its start; raises ``re.error``."""
    regexes = patterns if use_regex else [fnmatch.translate(each) for each in patterns]
    return any(re.match(regex, name) for regex in regexes)


def _test_name(args: Dict[str, Any]) -> Test:
    wanted, unwanted, use_regex = args["patterns"], args["excludes"] or [], args["use_regex"]

    def has_name(path: str, status: os.stat_result) -> bool:
        name = os.path.basename(path)
        if name.startswith(".") and not args["hidden"]:
            return False
        if wanted and not matches(name, wanted, use_regex=use_regex):
            return False
        return not matches(name, unwanted, use_regex=use_regex)

    return has_name


def _test_kind(kind: str) -> Test:
    if kind == "any":
        return lambda path, status: True
    return lambda path, status: _KINDS[kind](status.st_mode)


def _is_sized(status: os.stat_result, size: int) -> bool:
    return stat.S_ISDIR(status.st_mode) or is_beyond(status.st_size, size)


def _test_content(args: Dict[str, Any]) -> Test:
    pattern = args["contains"]

    def contains(path: str, status: os.stat_result) -> bool:
        try:
            with open(path, encoding=args["encoding"] or "utf-8") as stream:
                if args["read_whole_file"]:
                    return bool(re.search(pattern, stream.read()))
                return any(re.match(pattern, line) for line in stream)
        except OSError:
            return False

    return contains


class _Search:
    """Walks folders and collects what passes."""

    def __init__(self, args: Dict[str, Any], tests: List[Test]) -> None:
        self._args = args
        self._tests = tests
        self._files: List[Dict[str, Any]] = []
        self._skipped: Dict[str, str] = {}
        self._warnings: List[str] = []
        self._examined = 0

    def look_into(self, top: str) -> None:
        """Walk one folder; what is wrong with it is noted, and the others go on."""
        if not os.path.isdir(top):
            self._skip(top, f"'{top}' is not a directory")
            return
        try:
            self._search(top)
        except (re.error, LookupError) as error:
            # A pattern that is none, or an encoding that there is not.
            self._skip(top, str(error))

    def _search(self, top: str) -> None:
        for folder, names in self._walk(top):
            for name in names:
                if self.is_full:
                    return
                self._look_at(os.path.join(folder, name), top)

    @property
    def is_full(self) -> bool:
        return self._args["limit"] is not None and len(self._files) >= self._args["limit"]

    def result(self) -> Dict[str, Any]:
        msg = "All paths examined"
        if self.is_full:
            msg = "Limit of matches reached"
        elif self._skipped:
            msg = "Not all paths examined, check warnings for details"
        result: Dict[str, Any] = {
            "files": self._files,
            "msg": msg,
            "matched": len(self._files),
            "examined": self._examined,
            "skipped_paths": self._skipped,
        }
        if self._warnings:
            result["warnings"] = self._warnings
        return result

    def _walk(self, top: str) -> Iterator[Tuple[str, List[str]]]:
        depth_of_top = top.rstrip(os.sep).count(os.sep)
        walk = os.walk(top, onerror=self._skip_folder, followlinks=self._args["follow"])
        for folder, folders, files in walk:
            # Ansible counts what lies one level below the last that it looks at.
            self._examined += len(folders) + len(files)
            depth = folder.rstrip(os.sep).count(os.sep) - depth_of_top + 1
            if self._args["depth"] and depth > self._args["depth"]:
                folders.clear()
                continue
            folders.sort()
            yield folder, sorted(files) + folders
            if not self._args["recurse"]:
                folders.clear()

    def _look_at(self, path: str, top: str) -> None:
        try:
            status = os.lstat(path)
        except OSError as error:
            self._skip(path, str(error))
            return
        if self._passes(path, status, top):
            facts = describe_status(path, status)
            if stat.S_ISREG(status.st_mode) and self._args["get_checksum"]:
                facts["checksum"] = hash_file(path, self._args["checksum_algorithm"])
            self._files.append(facts)

    def _passes(self, path: str, status: os.stat_result, top: str) -> bool:
        """Whether a file meets every criterion; one that is no text does not, and is noted."""
        try:
            return all(test(path, status) for test in self._tests)
        except UnicodeError:
            # As Ansible says it; but there it is also the end of the search of this folder.
            text = "Failed to read the file {} due to an encoding error. current encoding: {}"
            self._skip(top, text.format(path, self._args["encoding"]))
            return False

    def _skip_folder(self, error: OSError) -> None:
        self._skip(str(error.filename), str(error))

    def _skip(self, path: str, reason: str) -> None:
        self._skipped[path] = reason
        text = "Skipped '{}' path due to this access issue: {}\n"
        self._warnings.append(text.format(path, reason))

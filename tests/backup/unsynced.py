"""What a power cut can leave of a run that really happened, in the manner of SQLite's crash tests.

``record`` runs a program under strace and keeps what it does with the files below a folder, data
included.  ``crash_states`` cuts that record at every point and rebuilds what a disk may then hold:

* Certain are the bytes of a file up to its last fsync, and those names of a folder that were
  there, or gone, at the folder's last fsync.
* All else a disk may have kept or not, each file for itself and in any order: of bytes without
  an fsync all, none, the beginning, or with blocks of zeros; a create, rename or remove happened
  or did not.  A rename is never half done.

This is more than any file system that keeps a journal would do.
"""

import copy
import random
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_BLOCK_BYTES = 4096
# All that changes a file, a folder or a name; what is not understood below fails a test.
_CALLS = (
    "openat,creat,open,write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,fallocate,"
    "truncate,ftruncate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
    "unlink,unlinkat,mkdir,mkdirat,rmdir"
)
_LINE = re.compile(r"\d+ +(\w+)\((.*)\) += (-?\d+)(?:<(.*)>)?(?: E.*)?$")
_UNFINISHED = " <unfinished ...>"
_RESUMED = re.compile(r"\d+ +<\.\.\. \w+ resumed>")
_TEXT = re.compile(r'"([^"]*)"')
_DESCRIPTOR = re.compile(r"(\d+)<([^>]*)>")


class Operation(NamedTuple):
    """``kind`` is create, write, sync, rename, remove, mkdir or report; names are relative."""

    kind: str
    name: str = ""
    content: bytes = b""
    new_name: str = ""


# -- recording -------------------------------------------------------------------------------------


def record(
    argv: Sequence[str | Path], root: Path, trace: Path, env: Mapping[str, str]
) -> list[Operation]:
    """Run a program to a good end; return what it did below ``root``.

    ``report`` is the moment when it printed something: from then on its work must be durable.
    """
    strace = ["strace", "-f", "-y", "-xx", "-s", str(1 << 26), "-o", str(trace)]
    only = ["--seccomp-bpf", "-e", f"trace={_CALLS}"]
    done = subprocess.run([*strace, *only, *map(str, argv)], capture_output=True, env=dict(env))
    assert done.returncode == 0, done.stderr.decode()
    with trace.open("r") as lines:
        return list(_parse(lines, root))


def _parse(lines: Iterable[str], root: Path) -> Iterator[Operation]:
    begun: dict[str, str] = {}
    for line in map(str.rstrip, lines):
        task = line.partition(" ")[0]
        if line.endswith(_UNFINISHED):
            begun[task] = line.removesuffix(_UNFINISHED)
            continue
        whole = _RESUMED.sub(lambda _: begun.pop(task), line)  # noqa: B023 - called at once
        match = _LINE.match(whole)
        if match is None:
            assert " +++ " in line or " --- " in line, f"strace says {line[:200]}"
            continue
        if int(match[3]) >= 0:  # else it failed, and did nothing
            yield from _understand(match[1], match[2], int(match[3]), match[4] or "", root)
    assert not begun


def _understand(
    call: str, arguments: str, result: int, opened: str, root: Path
) -> Iterator[Operation]:
    if call == "openat":
        name = _below(root, opened)
        if name is not None and "O_CREAT" in arguments:
            yield Operation("create", name)
        elif name is not None:
            assert "O_WRONLY" not in arguments, f"{name} is opened to be changed in place"
            assert "O_RDWR" not in arguments, f"{name} is opened to be changed in place"
        return
    descriptor = _DESCRIPTOR.match(arguments)
    texts = [_unhex(text) for text in _TEXT.findall(arguments)]
    if call == "write" and descriptor is not None:
        name = _below(root, descriptor[2])
        if name is not None:
            yield Operation("write", name, texts[0][:result])
        elif descriptor[1] == "1":
            yield Operation("report")
        return
    if call in ("fsync", "fdatasync"):
        assert descriptor is not None
        name = _below(root, descriptor[2])
        if name is not None:
            yield Operation("sync", name)
        return
    names = [name for name in (_relative(root, text.decode()) for text in texts) if name]
    if descriptor is not None:
        names += [name for name in [_below(root, descriptor[2])] if name]
    if not names:
        return
    kinds = {"unlink": "remove", "unlinkat": "remove", "mkdir": "mkdir", "mkdirat": "mkdir"}
    if call in ("rename", "renameat", "renameat2"):
        yield Operation("rename", names[0], new_name=names[1])
    else:
        assert call in kinds, f"{call} of {names}: the model does not know it"
        yield Operation(kinds[call], names[0])


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _below(root: Path, hex_path: str) -> str | None:
    return _relative(root, _unhex(hex_path).decode()) if hex_path.startswith("\\x") else None


def _relative(root: Path, path: str) -> str | None:
    """``.`` for the folder itself, None for what is elsewhere."""
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else None


# -- the disk --------------------------------------------------------------------------------------


@dataclass
class _Entry:
    """A file or folder: all names it ever had (None is: no name) and all bytes.

    ``sure_name`` and ``sure_bytes`` say how much of the two is certain.
    """

    names: list[str | None]
    is_folder: bool = False
    sure_name: int = 0
    content: bytes = b""
    sure_bytes: int = 0


@dataclass
class Disk:
    """``apply`` operations one after another; at any time ``cut`` the power."""

    entries: list[_Entry] = field(default_factory=list)
    _by_name: dict[str, _Entry] = field(default_factory=dict)

    @classmethod
    def holding(cls, folder: Path) -> "Disk":
        """A disk on which all that is in the folder is safe."""
        disk = cls()
        for path in [folder, *folder.rglob("*")]:
            name = str(path.relative_to(folder))
            content = b"" if path.is_dir() else path.read_bytes()
            disk._add(name, _Entry([name], path.is_dir(), 0, content, len(content)))
        return disk

    def _add(self, name: str, entry: _Entry) -> None:
        self.entries.append(entry)
        self._by_name[name] = entry

    def apply(self, operation: Operation) -> None:
        kind, name = operation.kind, operation.name
        if kind in ("create", "mkdir"):
            assert name not in self._by_name, f"{name} is opened to be changed in place"
            self._add(name, _Entry([None, name], kind == "mkdir"))
        elif kind == "write":
            self._by_name[name].content += operation.content
        elif kind == "sync":
            self._sync(name)
        elif kind == "rename":
            assert operation.new_name not in self._by_name, "a name is used twice"
            entry = self._by_name.pop(name)
            entry.names.append(operation.new_name)
            self._by_name[operation.new_name] = entry
        elif kind == "remove":
            self._by_name.pop(name).names.append(None)

    def _sync(self, name: str) -> None:
        entry = self._by_name[name]
        entry.sure_bytes = len(entry.content)
        if entry.is_folder:
            for each in self.entries:
                if any(last and _folder_of(last) == name for last in each.names[-2:]):
                    each.sure_name = len(each.names) - 1

    def cut(self, choose: "Choice") -> dict[str, bytes]:
        """The files that are there when the power is back."""
        files: dict[str, bytes] = {}
        folders: set[str] = set()
        for entry in self.entries:
            name = entry.names[choose.position(entry.sure_name, len(entry.names) - 1)]
            if name is not None and entry.is_folder:
                folders.add(name)
            elif name is not None:
                files[name] = choose.content(entry.content, entry.sure_bytes)
        return {
            name: content
            for name, content in files.items()
            if {str(each) for each in Path(name).parents} <= folders
        }


def _folder_of(name: str) -> str:
    return str(Path(name).parent) if name != "." else ""


class Choice(NamedTuple):
    """How much of what is not certain the disk has kept."""

    label: str
    position: Callable[[int, int], int]
    content: Callable[[bytes, int], bytes]


NOTHING = Choice("nothing", lambda sure, _last: sure, lambda content, sure: content[:sure])
EVERYTHING = Choice("everything", lambda _sure, last: last, lambda content, _sure: content)
NAMES_ONLY = Choice("names only", lambda _sure, last: last, lambda content, sure: content[:sure])


def by_chance(seed: str) -> Choice:
    chance = random.Random(seed)

    def tear(content: bytes, sure: int) -> bytes:
        if sure == len(content):
            return content
        end = chance.randint(sure, len(content))
        return chance.choice(
            [content, content[:sure], content[:end], _zero_blocks(content, sure, chance)]
        )

    return Choice(f"by chance {seed}", chance.randint, tear)


def _zero_blocks(content: bytes, sure: int, chance: random.Random) -> bytes:
    """Some of the blocks that are not certain were never written; the length was."""
    torn = bytearray(content)
    for start in range(sure, len(content), _BLOCK_BYTES):
        end = min(start + _BLOCK_BYTES, len(content))
        if chance.random() < 0.5:
            torn[start:end] = bytes(end - start)
    return bytes(torn)


@dataclass(frozen=True)
class CrashState:
    """``reported``: the program had said by then that all was done."""

    label: str
    files: Mapping[str, bytes]
    reported: bool


def crash_states(
    disk: Disk, operations: Sequence[Operation], *, seeds: int
) -> Iterator[CrashState]:
    """Every cut of the record, each with the extremes and some chances in between."""
    disk, reported = copy.deepcopy(disk), False
    for number in range(len(operations) + 1):
        chances = [by_chance(f"{number} {seed}") for seed in range(seeds)]
        for choice in (NOTHING, EVERYTHING, NAMES_ONLY, *chances):
            yield CrashState(f"cut at {number}, {choice.label}", disk.cut(choice), reported)
        if number < len(operations):
            disk.apply(operations[number])
            reported = reported or operations[number].kind == "report"


def without_syncs(
    operations: Iterable[Operation], unless: Callable[[str], bool]
) -> list[Operation]:
    """The record of a program that forgets fsync, but where ``unless`` says otherwise."""
    return [each for each in operations if each.kind != "sync" or unless(each.name)]

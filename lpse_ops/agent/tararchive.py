"""Tar archives: looked through by us, compared and unpacked by tar(1).

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  Nothing is
unpacked before every member was looked at; the archive is streamed each time.
"""

import os
import re
from typing import Any, Dict, List, NamedTuple, Optional

from lpse_ops.agent.archivenames import UnreadableArchive, unescape
from lpse_ops.agent.commands import Finished, find_program, run_command
from lpse_ops.agent.context import Failed
from lpse_ops.agent.fileattributes import current_umask
from lpse_ops.agent.tarlisting import Member, look_through

_STRIP = re.compile(r"--strip(?:-components)?[= ](\d+)")
_SPECIAL_BITS = 0o7000
# What ``tar --diff`` says of a file behind its name.
_DIFFERENCE = re.compile(
    r"(?P<name>.*): (?P<what>Uid differs|Gid differs|Mode differs|Mod time differs|Size differs|"
    r"Contents differ|Symlink differs|File type differs|Not linked to .*|"
    r"Warning: Cannot (?:stat|open): .*|.*not a valid .*)$"
)


class TarFormat(NamedTuple):
    """What results call it, and the option of tar(1)."""

    handler: str
    option: str


FORMATS = {
    "gz": TarFormat("TgzArchive", "-z"),
    "bz2": TarFormat("TarArchive", "-j"),
    "xz": TarFormat("TarArchive", "-J"),
    "zst": TarFormat("TarArchive", "--use-compress-program=zstd"),
    "": TarFormat("TarArchive", ""),
}


class TarArchive:
    """An archive that goes to ``args['dest']``; made only after all of it was looked at."""

    def __init__(self, path: str, compression: str, args: Dict[str, Any]) -> None:
        self._path = path
        self._format = FORMATS[compression]
        self._args = args
        self.handler = self._format.handler
        self._program = _find_tar()
        self._members = look_through(path, compression, args["dest"], args["exclude"])
        self._known = by_unpacked_names(self._members, stripped_parts(args["extra_opts"]))
        self.names = self._list()
        if not self.names:
            raise UnreadableArchive("Empty archive files are not supported.")

    def difference(self) -> str:
        """What of the archive is not on the host as it should be, a line for each; or nothing."""
        dest = self._args["dest"]
        missing = [name for name in self.names if not os.path.lexists(os.path.join(dest, name))]
        if missing:
            return "".join(f"{name}: Warning: Cannot stat: No such file\n" for name in missing)
        finished = self._run("--diff", "--quoting-style=escape")
        if finished.rc > 1 and not _DIFFERENCE.search(finished.stderr.split("\n", 1)[0]):
            return finished.stderr or "tar cannot compare\n"
        lines = (finished.stdout + finished.stderr).splitlines()
        return "".join(line + "\n" for line in lines if self._counts(line))

    def unpack(self) -> Dict[str, Any]:
        """Unpack all of it; the result says how tar ended."""
        options = ["--keep-newer-files"] if self._args["keep_newer"] else []
        argv = self._argv("--extract", *options)
        finished = run_command(argv)
        return {"cmd": argv, "rc": finished.rc, "out": finished.stdout, "err": finished.stderr}

    def _list(self) -> List[str]:
        args = self._args
        if not (args["extra_opts"] or args["exclude"] or args["include"]):
            return list(self._members)
        finished = self._run("--list", "--show-transformed-names", "--quoting-style=escape")
        if finished.rc != 0:
            raise UnreadableArchive(
                f'Command "{self._program}" could not handle archive: '
                f"Unable to list files in the archive: {finished.stderr.strip()}"
            )
        return [unescape(line).lstrip("/") for line in finished.stdout.splitlines()]

    def _run(self, *options: str) -> Finished:
        return run_command(self._argv(*options))

    def _argv(self, *options: str) -> List[str]:
        args = self._args
        argv = [self._program, *options, "-C", args["dest"]]
        argv += [self._format.option] if self._format.option else []
        argv += args["extra_opts"]
        argv += [f"--exclude={pattern}" for pattern in args["exclude"]]
        argv += ["-f", self._path]
        return argv + (["--", *args["include"]] if args["include"] else [])

    def _counts(self, line: str) -> bool:
        """Whether a difference is one that unpacking would mend."""
        if line.startswith(self._program + ": "):
            line = line[len(self._program) + 2 :]
        found = _DIFFERENCE.match(line)
        if not found or not found.group("name"):
            return False
        what, name = found.group("what"), unescape(found.group("name"))
        if what in ("Uid differs", "Gid differs"):
            asked = self._args["owner" if what.startswith("Uid") else "group"]
            return os.getuid() == 0 and asked is None
        if what == "Mode differs":
            return self._args["mode"] is None and not self._is_umasked(name)
        return not (self._args["keep_newer"] and self._is_newer(name))

    def _is_umasked(self, name: str) -> bool:
        """Whether a mode is the one that tar gives to files of an account that is not root."""
        member = self._known.get(name)
        if member is None or os.getuid() == 0:
            return False
        mode = os.lstat(os.path.join(self._args["dest"], name)).st_mode
        return mode & 0o7777 == member.mode & ~(current_umask() | _SPECIAL_BITS)

    def _is_newer(self, name: str) -> bool:
        member = self._known.get(name)
        path = os.path.join(self._args["dest"], name)
        return (
            member is not None
            and os.path.isfile(path)
            and os.lstat(path).st_mtime >= int(member.mtime)
        )


def stripped_parts(options: List[str]) -> int:
    """How many folders of each name the options of a task take away."""
    line = " ".join(options)
    found = _STRIP.search(line)
    return int(found.group(1)) if found else 0


def by_unpacked_names(members: Dict[str, Member], stripped: int) -> Dict[str, Member]:
    """The members by the names that ``tar --diff`` calls them."""
    named = (
        ("/".join(name.rstrip("/").split("/")[stripped:]), each) for name, each in members.items()
    )
    return {name: member for name, member in named if name}


def _find_tar() -> str:
    found: Optional[str] = find_program("gtar") or find_program("tar")
    if found is None:
        raise Failed("Unable to find required 'gtar' or 'tar' binary in path; install tar first")
    return found

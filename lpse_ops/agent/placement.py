"""Content put at a path of this host, if it is not there already: what ``copy`` and its kin do.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import hashlib
import os
import shutil
import stat
from typing import IO, Any, Callable, Dict, List, Optional

from lpse_ops.agent import replacing
from lpse_ops.agent.context import Context, Failed, Incoming
from lpse_ops.agent.fileattributes import apply_file_arguments
from lpse_ops.agent.files import describe, digest_of

# The tables of ``copy`` and of whatever takes the same arguments.
PLACE_ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "dest": {"type": "path", "required": True},
    "backup": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": True, "aliases": ["thirsty"]},
    "validate": {"type": "str"},
    "directory_mode": {"type": "raw"},
    "follow": {"type": "bool", "default": False},
}


_MD5_LIMIT_BYTES = 64 << 20


class Source:
    """Content that can be written once, and what results call it.

    ``checksum`` is None while it is not known; then ``incoming`` finds it.
    """

    def __init__(
        self,
        name: str,
        size_bytes: int,
        checksum: Optional[str],
        write: Callable[[IO[bytes]], Any],
        incoming: Optional[Incoming] = None,
    ) -> None:
        self.name = name
        self.size_bytes = size_bytes
        self.checksum = checksum
        self._write = write
        self._incoming = incoming

    def write(self, file: IO[bytes]) -> None:
        self._write(file)
        if self._incoming:
            self.checksum = self._incoming.checksum

    def find_checksum(self) -> Optional[str]:
        """The checksum, asked for if need be; ``matches`` does so while it looks itself."""
        if self.checksum is None and self._incoming:
            self.checksum = self._incoming.find_checksum()
        return self.checksum

    def matches(self, path: str) -> bool:
        """Whether a file has this content; sizes first, they cost nothing."""
        if os.path.getsize(path) != self.size_bytes:
            return False
        if self._incoming:
            self._incoming.ask_checksum()
        digest = digest_of(path)
        return self.find_checksum() == digest


def incoming_source(incoming: Incoming, name: str) -> Source:
    """What the controller sends along; nothing moves before it is written."""
    return Source(name, incoming.size_bytes, incoming.checksum, incoming.copy_to, incoming)


def file_source(path: str, name: str) -> Source:
    """A file of this host."""
    try:
        status = os.stat(path)
    except OSError:
        raise Failed(f"Source {name} not found") from None
    if not stat.S_ISREG(status.st_mode):
        raise Failed(f"Cannot copy invalid source '{name}': not a file")
    if not os.access(path, os.R_OK):
        raise Failed(f"Source {name} not readable")

    def write(target: IO[bytes]) -> None:
        with open(path, "rb") as file:
            shutil.copyfileobj(file, target, 1 << 20)

    return Source(name, status.st_size, digest_of(path), write)


def inside(dest: str, name: str) -> str:
    """The path that a file called ``name`` gets when it goes to ``dest``."""
    return os.path.join(dest, name) if dest.endswith("/") or os.path.isdir(dest) else dest


def is_placed(source: Source, path: str) -> bool:
    """Whether a file (a link is none) has this content."""
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    return source.matches(path)


def refuse_bad_place(path: str) -> None:
    """Fail if no file can be made there."""
    if os.path.isdir(path) and not os.path.islink(path):
        raise Failed(f"cannot write {path}: it is a directory")
    if os.path.exists(path) and not os.path.isfile(path):
        raise Failed(f"cannot write {path}: it is a device, a pipe or a socket")
    folder = os.path.dirname(path) or "."
    if not os.path.exists(folder):
        raise Failed(f"Destination directory {folder} does not exist")


def refuse_wrong_checksum(wanted: Optional[str], actual: Optional[str]) -> None:
    """Fail if the content is not the one whose checksum the task names."""
    if wanted and wanted != actual:
        raise Failed(
            "Copied file does not match the expected checksum. Transfer failed.",
            checksum=actual,
            expected_checksum=wanted,
        )


def place(source: Source, path: str, args: Dict[str, Any], *, keeps: bool = True) -> Dict[str, Any]:
    """Write the content there, with a backup first and a validation if asked for.

    Without ``keeps`` owner and mode of the old file are not kept.  Returns the keys
    ``backup_file``, ``md5sum`` and a ``checksum`` that was not known before.  Attributes are for
    the caller to apply.
    """
    refuse_bad_place(path)
    if args.get("checksum"):
        refuse_wrong_checksum(args["checksum"], source.find_checksum())
    result: Dict[str, Any] = {}
    is_known = source.checksum is not None
    if args["backup"] and os.path.exists(path):
        result["backup_file"] = replacing.backup(path)
    summing = _Summing(source.size_bytes)
    replacing.write_atomically(
        path,
        lambda file: source.write(summing.into(file)),
        unsafe_writes=args["unsafe_writes"],
        mode=args["mode"],
        keeps=keeps,
        check=_validator(args.get("validate"), args),
    )
    result["md5sum"] = summing.hexdigest()
    if not is_known:
        result["checksum"] = source.checksum
    return result


def make_parents(folder: str, args: Dict[str, Any], context: Context) -> None:
    """Make a folder and those above it; new ones get ``directory_mode`` and the owner."""
    missing: List[str] = []
    while folder and not os.path.exists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for each in reversed(missing):
        try:
            os.mkdir(each)
        except OSError as error:
            raise Failed(f"cannot make {each}: {error.strerror}") from error
        apply_file_arguments(each, dict(args, mode=args["directory_mode"]), context)


def with_description(result: Dict[str, Any]) -> Dict[str, Any]:
    """The result, with owner, mode and so on of the file that it calls ``dest``."""
    return dict(describe(result["dest"]), **result)


def _validator(command: Optional[str], args: Dict[str, Any]) -> Optional[replacing.Check]:
    if not command:
        return None

    def check(path: str) -> None:
        # visudo and its like look at the owner too.
        apply_file_arguments(path, dict(args, mode=None, follow=False), Context())
        finished = replacing.run_validation(command or "", path)
        if finished.rc != 0:
            raise Failed("failed to validate", **replacing.validation_failure(finished))

    return check


class _Summing:
    """Computes the MD5 that results show while the content goes by."""

    def __init__(self, size_bytes: int) -> None:
        self._digest: Any = None
        # A host in FIPS mode has no MD5.
        with contextlib.suppress(ValueError):
            # It takes longer than the transfer of a big file, and nobody trusts it any more.
            self._digest = hashlib.md5() if size_bytes <= _MD5_LIMIT_BYTES else None
        self._file: Optional[IO[bytes]] = None

    def into(self, file: IO[bytes]) -> Any:
        self._file = file
        return self

    def write(self, piece: bytes) -> int:
        if self._digest:
            self._digest.update(piece)
        if self._file is None:
            raise ValueError("there is no file to write to")
        return self._file.write(piece)

    def hexdigest(self) -> Optional[str]:
        return self._digest.hexdigest() if self._digest else None

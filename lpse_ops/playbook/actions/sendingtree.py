"""A folder of the controller on its way to a host: one manifest, one stream of what differs."""

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.playbook.actions.sending import (
    Piece,
    Request,
    complete_diff,
    file_piece,
    flag,
    host_arguments,
    perform,
    reading,
)
from lpse_ops.remote.content import Content

# Contents of a folder this small go along at once, so that there is one request only.
_AT_ONCE_BYTES = 128 * 1024


@dataclass(frozen=True)
class Entry:
    """One thing in the folder; ``path`` is relative to where it goes."""

    kind: str
    path: str
    source: Path
    piece: Piece | None = None

    def manifest(self) -> dict[str, Any]:
        """What the host needs to know of it."""
        known = {"kind": self.kind, "path": self.path, "source": str(self.source)}
        if self.kind == "link":
            return {**known, "target": os.readlink(self.source)}
        if self.piece is None:
            return known
        content = self.piece.content
        return {
            **known,
            "size_bytes": content.size_bytes,
            "checksum": content.known_checksum(),
            "mode": self.piece.mode,
        }


@dataclass(frozen=True)
class LocalFolder:
    """A folder that was read: what goes along, and what the host is asked to do with it."""

    pieces: Sequence[Piece]
    wanted: Mapping[str, Any]
    source: str
    dest: str

    def finish(self, answer: Result) -> Result:
        return answer if answer.get("failed") else _result(answer, self)


def read_folder(
    path: Path, args: Mapping[str, Any], action: ActionContext, *, itself: bool
) -> LocalFolder:
    """Read a folder that is to be put (``itself``, or only what is in it) at ``dest``."""
    entries = list(_walk(path, path.name if itself else ".", args, action))
    wanted = host_arguments(args)
    if wanted.get("mode") == "preserve":
        del wanted["mode"]
    wanted["_entries"] = [entry.manifest() for entry in entries]
    pieces = [entry.piece for entry in entries if entry.piece]
    source = str(path) if itself else f"{path}/"
    return LocalFolder(pieces, wanted, source, os.path.join(str(args["dest"]), ""))


def plan_at_once(folder: LocalFolder, *, check_mode: bool) -> Request | None:
    """The one request that is enough for a small folder, and for any in check mode."""
    if check_mode:
        return Request("_copytree", folder.wanted, None, folder.finish)
    if sum(piece.content.size_bytes for piece in folder.pieces) > _AT_ONCE_BYTES:
        return None
    wanted = {**folder.wanted, "_sent": list(range(len(folder.pieces)))}
    return Request("_copytree", wanted, joined(folder.pieces), folder.finish)


def send_folder(folder: LocalFolder, action: ActionContext) -> Result:
    """Put a folder in its place: in one request, or ask first which files differ."""
    at_once = plan_at_once(folder, check_mode=action.check_mode)
    if at_once:
        return perform(at_once, action)
    answer = action.run_module("_copytree", folder.wanted)
    numbers = answer.get("wanted")
    if answer.get("failed") or not numbers:
        return folder.finish(answer)
    if not _are_numbers(numbers, len(folder.pieces)):
        raise ActionFailed(f"{action.host} asks for files that the folder does not have")
    wanted = {**folder.wanted, "_sent": numbers, "_compared": True}
    content = joined([folder.pieces[number] for number in numbers])
    return perform(Request("_copytree", wanted, content, folder.finish), action)


def _are_numbers(numbers: Any, count: int) -> bool:
    return (
        isinstance(numbers, list)
        and all(isinstance(each, int) and 0 <= each < count for each in numbers)
        and numbers == sorted(set(numbers))
    )


def _result(answer: Result, folder: LocalFolder) -> Result:
    pieces = folder.pieces
    diffs = answer.get("diffs")
    shown = [
        complete_diff(before, pieces[int(number)], folder.dest)
        for number, before in (diffs.items() if isinstance(diffs, dict) else ())
        if number.isdecimal() and int(number) < len(pieces)
    ]
    files = answer.get("files")
    if len(pieces) == 1 and files:
        return {**files[0], "changed": bool(answer.get("changed")), "diff": shown}
    result: Result = {"changed": bool(answer.get("changed")), "dest": folder.dest}
    result["src"] = folder.source
    return {**result, "diff": shown} if shown else result


# Device and number of a folder: what it is, whatever it is called.
_Identity = tuple[int, int]


def _walk(
    folder: Path, target: str, args: Mapping[str, Any], action: ActionContext
) -> Iterator[Entry]:
    """A folder and all in it; links are followed unless ``local_follow`` is off."""
    follow = flag(args, "local_follow", default=True)
    for kind, path, below in _walk_below(folder, target, follow=follow, above=()):
        yield Entry(kind, below, path, _piece(path, args, action) if kind == "file" else None)


def _walk_below(
    folder: Path, target: str, *, follow: bool, above: tuple[_Identity, ...]
) -> Iterator[tuple[str, Path, str]]:
    with reading(folder):
        above = (*above, _identity(folder))
        # What is in folders of it comes last, as in Ansible: the first that fails is the one named.
        names = sorted(os.listdir(folder), key=lambda name: ((folder / name).is_dir(), name))
    yield "directory", folder, target
    for name in names:
        path, below = folder / name, os.path.normpath(os.path.join(target, name))
        if path.is_symlink() and not (follow and _leads_on(path, above)):
            yield "link", path, below
        elif path.is_dir():
            yield from _walk_below(path, below, follow=follow, above=above)
        else:
            yield "file", path, below


def _leads_on(link: Path, above: tuple[_Identity, ...]) -> bool:
    """Whether a link leads somewhere, and not back to a folder that it is in."""
    return link.exists() and _identity(link) not in above


def _identity(path: Path) -> _Identity:
    status = path.stat()
    return status.st_dev, status.st_ino


def _piece(path: Path, args: Mapping[str, Any], action: ActionContext) -> Piece:
    decrypt = flag(args, "decrypt", default=True)
    return file_piece(path, action, decrypt=decrypt, preserve=args.get("mode") == "preserve")


def joined(pieces: Sequence[Piece]) -> Content:
    """All contents one after the other; each is checked by its own checksum, the whole by none."""
    size = sum(piece.content.size_bytes for piece in pieces)
    none = cast(str, None)
    return Content(size, none, lambda: io.BufferedReader(_Joined(pieces)))


class _Joined(io.RawIOBase):
    """Reads contents one after the other, each opened when its turn comes."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = list(pieces)
        self._file: io.BufferedIOBase | None = None
        self._left = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            self._close_file()
            if not self._pieces:
                return 0
            piece = self._pieces.pop(0)
            self._file = piece.content.open()
            self._left = piece.content.size_bytes
        data = self._file.read(min(self._left, len(buffer))) if self._file else b""
        if not data:
            # A file that got shorter while it was read must not shift those behind it.
            raise OSError("a file became shorter while it was copied")
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        self._close_file()
        super().close()

    def _close_file(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

"""The controller's part of ``fetch``: where a host's file goes, and that it arrived whole."""

import contextlib
import functools
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from lpse_ops.errors import PlaybookError
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.playbook.actions.sending import checked, flag
from lpse_ops.playbook.searchpath import expand

ARGUMENTS: dict[str, dict[str, Any]] = {
    "src": {"type": "str", "required": True},
    "dest": {"type": "str", "required": True},
    "flat": {"type": "bool", "default": False},
    "fail_on_missing": {"type": "bool", "default": True},
    "validate_checksum": {"type": "bool", "default": True},
}


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Save the host's ``src`` below ``dest`` unless the same is there already."""
    if not args.get("src") or not args.get("dest"):
        raise ActionFailed("src and dest are required")
    if not isinstance(args["src"], str):
        raise ActionFailed("Invalid type supplied for source option, it must be a string")
    args = checked(ARGUMENTS, args)
    flat = flag(args, "flat", default=False)
    if action.check_mode:
        message = "check mode not (yet) supported for this module"
        return {"changed": False, "skipped": True, "msg": message}
    src = str(args["src"])
    answer: Result = {"src": src}
    if src.startswith("~"):
        # Only the host knows whose home that is.
        answer = action.run_module("fetch", {"src": src, "_only_path": True})
    if answer.get("failed"):
        return _failure(answer, src, args)
    # Of a flat one the host chooses nothing.
    named = src if flat else _believed(answer.get("src"), src)
    dest = plan_dest(named, str(args["dest"]), action, flat=flat)
    if dest.is_dir():
        raise ActionFailed(f"calculated dest '{dest}' is an existing directory, use another path")
    had = _digest(dest, "sha1")
    with _arriving(dest) as arriving:
        answer = action.run_module("fetch", {"src": src, "_checksum": had}, save_to=arriving.file)
        if answer.get("failed"):
            return _failure(answer, src, args)
        if not answer.get("sent"):
            kept = {"changed": False, "md5sum": _digest(dest, "md5"), "file": src}
            return {**kept, "dest": str(dest), "checksum": had}
        arriving.save()
    return _saved(dest, answer, src, validate=flag(args, "validate_checksum", default=True))


def plan_dest(src: str, dest: str, action: ActionContext, *, flat: bool) -> Path:
    """Where the file goes; ``ActionFailed`` if it would be outside of the host's folder."""
    # Only for what it refuses: a `~` of the host is not one of this machine.
    _expanded(f"/{src}")
    folder = Path(str(action.variables.get("playbook_dir", ".")))
    root = folder / _expanded(dest)
    if flat:
        if dest.endswith("/"):
            return root / os.path.basename(src)
        if root.is_dir():
            raise ActionFailed(
                "dest is an existing directory, use a trailing slash if you want to fetch src "
                "into that directory"
            )
        return root
    above = Path(os.path.abspath(root))
    host = Path(os.path.abspath(f"{root}/{action.host}"))
    # add_host makes a host of any word.
    if host == above or not host.is_relative_to(above):
        raise ActionFailed(f"the folder of {action.host} would be outside of {root}", file=src)
    target = Path(os.path.abspath(f"{host}/{src}"))
    # The name may come from the host itself, as the result of a find.
    if not target.is_relative_to(host):
        raise ActionFailed(f"{src} would be saved outside of {host}", file=src)
    return target


def _expanded(name: str) -> Path:
    try:
        return expand(name)
    except PlaybookError as error:
        raise ActionFailed(error.message, hint=error.hint) from error


def _believed(answered: Any, src: str) -> str:
    """Where the host says that ``~user/name`` is: only the part before the name is its to say."""
    name = src.partition("/")[2] if src.startswith("~") else ""
    if "$" in name:
        # Nor does anybody but the host know its environment.
        name = name.rpartition("$")[2].partition("/")[2]
    if not isinstance(answered, str) or (name and not answered.endswith(f"/{name}")):
        raise ActionFailed(f"the host says that {src} is {answered!r}", file=src)
    return answered


def _failure(answer: Result, src: str, args: Mapping[str, Any]) -> Result:
    message = str(answer.get("msg"))
    if flag(args, "fail_on_missing", default=True):
        return {"changed": False, "failed": True, "msg": message}
    return {"changed": False, "file": src, "msg": message}


def _saved(dest: Path, answer: Result, src: str, *, validate: bool) -> Result:
    checksum = _digest(dest, "sha1")
    result: Result = {
        "changed": True,
        "md5sum": _digest(dest, "md5"),
        "dest": str(dest),
        "remote_md5sum": None,
        "checksum": checksum,
        "remote_checksum": answer.get("checksum"),
    }
    if validate and checksum != answer.get("checksum"):
        raise ActionFailed("checksum mismatch", file=src, **result)
    return result


class _Arriving:
    """A file beside the place of what the host sends, made when the first bytes come."""

    def __init__(self, dest: Path) -> None:
        self._dest = dest
        self._path = dest.with_name(f".lpse-ops-{secrets.token_hex(8)}.tmp")
        self._file: BinaryIO | None = None

    def write(self, data: bytes) -> int:
        return self._opened().write(data)

    def save(self) -> None:
        """Move it to its place: there was never a part of it."""
        self._opened().close()
        os.replace(self._path, self._dest)

    def remove(self) -> None:
        if self._file:
            self._file.close()
            self._path.unlink(missing_ok=True)

    @property
    def file(self) -> BinaryIO:
        return cast(BinaryIO, self)

    def _opened(self) -> BinaryIO:
        if not self._file:
            self._dest.parent.mkdir(parents=True, exist_ok=True)
            # Nobody else's to read: what is fetched may be a key.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._file = os.fdopen(os.open(self._path, flags, 0o600), "wb")
        return self._file


@contextlib.contextmanager
def _arriving(dest: Path) -> Iterator[_Arriving]:
    arriving = _Arriving(dest)
    try:
        yield arriving
    except OSError as error:
        raise ActionFailed(f"cannot save {dest}: {error.strerror or error}") from error
    finally:
        arriving.remove()


def _digest(path: Path, algorithm: str) -> str | None:
    try:
        with path.open("rb") as file:
            make = functools.partial(hashlib.new, algorithm, usedforsecurity=False)
            return hashlib.file_digest(file, make).hexdigest()
    except OSError:
        return None

"""The controller's part of ``fetch``: where a host's file goes, and that it arrived whole."""

import contextlib
import functools
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.playbook.actions.sending import checked, flag

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
    dest = plan_dest(str(answer["src"]), str(args["dest"]), action, flat=flat)
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
    folder = Path(str(action.variables.get("playbook_dir", ".")))
    root = folder / Path(dest).expanduser()
    if flat:
        if dest.endswith("/"):
            return root / os.path.basename(src)
        if root.is_dir():
            raise ActionFailed(
                "dest is an existing directory, use a trailing slash if you want to fetch src "
                "into that directory"
            )
        return root
    host = root / action.host
    target = Path(os.path.normpath(f"{host}/{src}"))
    # The name may come from the host itself, as the result of a find.
    if not target.is_relative_to(os.path.normpath(host)):
        raise ActionFailed(f"{src} would be saved outside of {host}", file=src)
    return target


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
            self._file = self._path.open("xb")
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

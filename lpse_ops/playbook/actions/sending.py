"""Content of the controller on its way to a host: one request, answered with ``copy``'s keys."""

import contextlib
import functools
import json
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpse_ops.agent.arguments import ArgumentProblem, check, rename_aliases
from lpse_ops.agent.contentdiff import LIMIT_BYTES, after_of
from lpse_ops.agent.conversions import to_bool
from lpse_ops.agent.modes import octal
from lpse_ops.agent.modules import copy as copy_module
from lpse_ops.errors import OpsError
from lpse_ops.marked import plain
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.remote.content import Content, content_of_bytes, content_of_file

Table = Mapping[str, Mapping[str, Any]]

VAULT_HEADER = b"$ANSIBLE_VAULT;"
_SECRET_DIFF = {"prepared": "the file is encrypted with ansible-vault, its diff is not shown\n"}

# Arguments that only the controller's part looks at.
_CONTROLLER_ONLY = {"src", "content", "decrypt", "remote_src", "local_follow"}


@dataclass(frozen=True)
class Piece:
    """One content, and what results and diffs call it; ``name`` None is no file at all.

    ``header`` None is the file's place on the host.  The diff of a ``secret`` is never shown.
    """

    content: Content
    name: str | None
    header: str | None = None
    secret: bool = False
    mode: str | None = None

    def preview(self) -> bytes | None:
        """The content for a diff; None if it is too large for one."""
        if self.content.size_bytes > LIMIT_BYTES:
            return None
        with self.content.open() as file:
            return file.read(LIMIT_BYTES + 1)


@dataclass(frozen=True)
class Request:
    """One request to a host, known before anything is sent; ``finish`` makes the result of its
    answer.  Whoever sends it ahead gets what ``run`` would have returned."""

    module: str
    args: Mapping[str, Any]
    content: Content | None
    finish: Callable[[Result], Result] = lambda answer: answer


def perform(request: Request, action: ActionContext) -> Result:
    """Send a request and wait for its result."""
    return request.finish(action.run_module(request.module, request.args, content=request.content))


def plan_piece(piece: Piece, args: Mapping[str, Any]) -> Request:
    """Put one content at ``dest`` on the host; ``args`` are ``copy``'s."""
    wanted = host_arguments(args)
    if piece.name is not None:
        wanted["src"] = piece.name
        wanted["_original_basename"] = Path(piece.name).name
    if piece.mode is not None:
        wanted["mode"] = piece.mode

    def finish(answer: Result) -> Result:
        diff = answer.get("diff")
        if not isinstance(diff, list) or not diff:
            return answer
        return {**answer, "diff": [complete_diff(diff[0], piece, str(args.get("dest")))]}

    return Request("copy", wanted, piece.content, finish)


def complete_diff(before: Any, piece: Piece, dest: str) -> dict[str, Any]:
    """Add our side to the host's side of a diff."""
    if piece.secret:
        return dict(_SECRET_DIFF)
    sides = dict(before) if isinstance(before, dict) else {}
    return {**sides, **after_of(piece.preview(), piece.header or dest)}


def host_arguments(args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``copy`` that its part on the host needs, under their own names."""
    renamed = rename_aliases(copy_module.ARGUMENTS, args)
    return {
        name: value
        for name, value in renamed.items()
        if name in copy_module.ARGUMENTS and name not in _CONTROLLER_ONLY
    }


def file_piece(path: Path, action: ActionContext, *, decrypt: bool, preserve: bool) -> Piece:
    """A file of the controller, opened if it is a vault file and ``decrypt`` is on."""
    if not path.is_file():
        raise ActionFailed(f"cannot copy {path}: it is missing, or no file")
    secret = decrypt and is_vault_file(path)
    with reading(path):
        mode = octal(stat.S_IMODE(path.stat().st_mode)) if preserve else None
        content = content_of_bytes(read_plain(path, action)) if secret else _content_of(path)
    return Piece(content, str(path), str(path), secret, mode)


def _content_of(path: Path) -> Content:
    status = path.stat()
    return _unchanged_content(path, status.st_ino, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=10_000)
def _unchanged_content(path: Path, inode: int, size: int, mtime_ns: int) -> Content:  # noqa: ARG001
    """A file's content; read for its checksum once, for however many hosts it is."""
    return content_of_file(path)


def is_vault_file(path: Path) -> bool:
    """Whether a file says that it is encrypted with ansible-vault."""
    with reading(path), path.open("rb") as file:
        return file.read(len(VAULT_HEADER)) == VAULT_HEADER


def read_plain(path: Path, action: ActionContext) -> bytes:
    """Content of a file, decrypted if it is a vault file."""
    with reading(path):
        content = path.read_bytes()
    if not content.startswith(VAULT_HEADER):
        return content
    if action.vault is None or not action.vault.secrets:
        raise ActionFailed(f"A vault password or secret must be specified to decrypt {path}")
    try:
        return action.vault.decrypt(content, str(path))
    except OpsError as error:
        raise ActionFailed(error.message) from error


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an unreadable file of the controller into a failed task."""
    try:
        yield
    except OSError as error:
        raise ActionFailed(f"cannot read {path}: {error.strerror}") from error


def text_of_content(content: Any) -> str:
    """The argument ``content`` as a file holds it: structures are JSON."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping | list | tuple):
        return json.dumps(content)
    return str(content)


def checked(
    arguments: Table, args: Mapping[str, Any], *, rules: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The arguments under their own names, or ``ActionFailed`` for what the action does not take.

    Values stay as they are: what a path means is for the host to say.
    """
    try:
        check(public(arguments), rules, plain(args))
    except ArgumentProblem as problem:
        raise ActionFailed(problem.msg) from problem
    return rename_aliases(arguments, args)


def public(arguments: Table) -> dict[str, Mapping[str, Any]]:
    """A module's table without what only a controller's part gives it."""
    return {
        name: spec
        for name, spec in arguments.items()
        if name == "_raw_params" or not name.startswith("_")
    }


def flag(args: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """A yes-or-no argument in any of the ways people write one."""
    value = args.get(name)
    if value is None:
        return default
    try:
        return to_bool(value)
    except ValueError as error:
        raise ActionFailed(f"argument '{name}' is not yes or no: {error}") from error

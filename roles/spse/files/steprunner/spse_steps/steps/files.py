"""Put the site's own files, first of all its application.conf, into the new release."""

import hashlib
import os
import stat
from typing import Iterator, Optional, Tuple

from spse_steps.commands import find_account
from spse_steps.context import Context, Step
from spse_steps.decision import IS_ABSENT, IS_DONE
from spse_steps.durable import (
    Owner,
    open_beneath,
    open_folder_beneath,
    read_beneath,
    read_trusted,
    write_durably,
)
from spse_steps.errors import StepFailed
from spse_steps.plan import Plan, SiteFile, beside_release

_LARGEST_BYTES = 1 << 22


def _describe(plan: Plan) -> str:
    names = ", ".join(file.target for file in plan.files) or "none"
    return f"put the site's files into {plan.new.folder}: {names}"


def read_source(file: SiteFile) -> bytes:
    """The file that was planned, and no other; raises StepFailed."""
    try:
        content = read_trusted(file.source, _LARGEST_BYTES)
    except OSError as error:
        raise StepFailed(
            f"cannot read {file.source}: {error.strerror or error}",
            hint="make the plan again: lpse-ops spse upgrade --check",
        ) from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise StepFailed(
            f"{file.source} is not the file that was planned: its SHA-256 differs",
            hint="somebody changed it since; make the plan again: lpse-ops spse upgrade --check",
        )
    return content


def _run(context: Context) -> None:
    for number, file in enumerate(context.plan.files):
        content = read_source(file)
        target = beside_release(context.plan.new, file.target)
        owner, mode = _keep_original(context, number, target)
        if mode is None:
            account = find_account(context.plan.application.account)
            owner = account.pw_uid, account.pw_gid
        _put(context, target, content, file.mode, owner)
        context.tell(f"{file.target} is that of the site")


def _put(context: Context, target: str, content: bytes, mode: int, owner: Owner) -> None:
    root = context.plan.new.folder
    try:
        write_durably(target, content, mode=mode, owner=owner, root=root, trace=context.trace)
    except OSError as error:
        raise StepFailed(
            f"cannot write {target}: {error.strerror or error}",
            hint="files[].target in the plan is a path in a folder of the release, with no links",
        ) from error


def _keep_original(context: Context, number: int, target: str) -> Tuple[Owner, Optional[int]]:
    """Keep what the package brought, once; its owner, and its mode if there was any."""
    key = f"original-{number}"
    if key not in context.notes:
        try:
            with open_beneath(context.plan.new.folder, target) as descriptor:
                status = os.fstat(descriptor)
            content = read_beneath(context.plan.new.folder, target, _LARGEST_BYTES)
        except FileNotFoundError:
            context.save_notes({key: None})
        else:
            write_durably(_original(context, number), content, root=context.folder)
            mode = stat.S_IMODE(status.st_mode)
            context.save_notes({key: [status.st_uid, status.st_gid, mode]})
    kept = context.notes[key]
    return ((0, 0), None) if kept is None else ((kept[0], kept[1]), kept[2])


def _original(context: Context, number: int) -> str:
    return os.path.join(context.folder, f"original-{number}")


def _probe(context: Context) -> str:
    return IS_DONE if all(_are_there(context)) else IS_ABSENT


def _are_there(context: Context) -> Iterator[bool]:
    for file in context.plan.files:
        target = beside_release(context.plan.new, file.target)
        try:
            content = read_beneath(context.plan.new.folder, target, _LARGEST_BYTES)
        except OSError:
            content = b""
        yield hashlib.sha256(content).hexdigest() == file.sha256


def _undo(context: Context) -> None:
    """Give the package back what it brought."""
    release = context.plan.new.folder
    for number, file in enumerate(context.plan.files):
        key = f"original-{number}"
        if key not in context.notes or not os.path.isdir(release):
            continue
        target = beside_release(context.plan.new, file.target)
        kept = context.notes[key]
        if kept is None:
            _remove(release, target)
        else:
            content = read_trusted(_original(context, number), _LARGEST_BYTES)
            _put(context, target, content, kept[2], (kept[0], kept[1]))


def _remove(release: str, target: str) -> None:
    with open_folder_beneath(release, os.path.dirname(target)) as parent:
        try:
            os.unlink(os.path.basename(target), dir_fd=parent)
        except FileNotFoundError:
            return
        os.fsync(parent)


STEP = Step("files", _describe, _run, _probe, _undo)

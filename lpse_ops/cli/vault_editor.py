"""Lets a person edit a secret: plaintext only in a private folder, wiped whatever happens."""

import contextlib
import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from lpse_ops.cli.vault_files import wipe
from lpse_ops.errors import OpsError

# Memory, so that the plaintext never reaches a disk.
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
_DEFAULT_EDITOR = "vi"


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """The person's editor with its arguments: ``EDITOR``, ``VISUAL`` or vi."""
    chosen = environment.get("EDITOR") or environment.get("VISUAL") or _DEFAULT_EDITOR
    try:
        return shlex.split(chosen) or [_DEFAULT_EDITOR]
    except ValueError as error:
        raise OpsError(
            f"EDITOR={chosen!r} is no command line: {error}", hint="set EDITOR, e.g. EDITOR=nano"
        ) from error


def edit(content: bytes, name: str, environment: Mapping[str, str]) -> bytes:
    """Return what the person made of ``content``; an editor that fails is an OpsError."""
    command = editor_command(environment)
    with private_folder() as folder:
        # Its real name, so that the editor knows what language it is in.
        path = folder / Path(name).name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as stream:
            stream.write(content)
        _run_editor([*command, str(path)])
        try:
            return path.read_bytes()
        except OSError as error:
            raise OpsError(
                f"the editor left no file: {error.strerror}", hint="nothing was changed; try again"
            ) from error


def _run_editor(command: list[str]) -> None:
    hint = "nothing was changed; set EDITOR to another editor, e.g. EDITOR=nano"
    try:
        status = subprocess.run(command, check=False).returncode
    except OSError as error:
        raise OpsError(
            f"cannot run the editor {command[0]}: {error.strerror}", hint=hint
        ) from error
    if status:
        raise OpsError(f"the editor {command[0]} ended with exit status {status}", hint=hint)


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Give a folder of ours alone, in memory where there is some; wiped and gone afterwards."""
    in_memory = MEMORY_FOLDER.is_dir() and os.access(MEMORY_FOLDER, os.W_OK | os.X_OK)
    folder = Path(tempfile.mkdtemp(prefix="lpse-ops-", dir=MEMORY_FOLDER if in_memory else None))
    try:
        yield folder
    finally:
        _wipe_files(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _wipe_files(folder: Path) -> None:
    """Overwrite what the editor left, its swap and backup files too."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK
                descriptor = os.open(Path(parent, name), flags)
                try:
                    if stat.S_ISREG(os.fstat(descriptor).st_mode):
                        wipe(descriptor)
                finally:
                    os.close(descriptor)

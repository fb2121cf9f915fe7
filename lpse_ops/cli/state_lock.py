"""Files of the state folder that are locked; who has one may say so in it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from lpse_ops.errors import OpsError


@contextlib.contextmanager
def open_lock_file(folder: Path, name: str) -> Iterator[int]:
    """A descriptor of the file, which is made if need be and only ours to read; not locked yet."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(folder / name, flags, 0o600)
    except OSError as error:
        raise OpsError(
            f"cannot open {folder / name}: {error.strerror}",
            hint="run it as root, or name another folder in LPSE_OPS_STATE",
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def wait_for_turn(folder: Path, name: str) -> Iterator[None]:
    """Keep others who ask for the same name waiting until the block ends."""
    with open_lock_file(folder, name) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield

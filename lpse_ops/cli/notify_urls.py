"""Files that hold one secret URL in a line: read by their owner only, and never shown."""

import os
import stat
from pathlib import Path

from lpse_ops.errors import SettingsError

_MAX_BYTES = 64 << 10


def read_urls(path: Path, key: str) -> list[str]:
    """The lines of the file that ``key`` of the settings names, without comments.

    SettingsError if others may read it, or if it holds no URL.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(_MAX_BYTES)
    except OSError as error:
        raise SettingsError(
            f"cannot read {path}, which {key} names: {error.strerror}",
            hint=f"write it with one URL in a line: (umask 077; editor {path})",
        ) from error
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise SettingsError(
            f"{path} holds secrets and must be a file for its owner only", hint=f"chmod 600 {path}"
        )
    lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
    urls = [line for line in lines if line and not line.startswith("#")]
    if not urls:
        raise SettingsError(
            f"{path}, which {key} names, holds no URL",
            hint="write mailtos://USER:PASSWORD@HOST?to=ADDRESS into it, or take the key out",
        )
    return urls

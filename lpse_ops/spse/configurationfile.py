"""``application.conf`` on the disk: read with an error that says where, written whole."""

from pathlib import Path

from lpse_ops.atomicfile import write_atomically
from lpse_ops.errors import ReleaseError
from lpse_ops.spse.configuration import Configuration, parse_configuration

# Far above what a site writes by hand.
MAX_BYTES = 1 << 20
_NEW_FILE_MODE = 0o640


def load_configuration(path: Path) -> Configuration:
    """Read a file; ``ReleaseError`` names it and the line, never what stands there."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ReleaseError(
            f"cannot read {path}: {error.strerror}", hint=f"run as root; see ls -l {path.parent}"
        ) from error
    if len(content) > MAX_BYTES:
        raise ReleaseError(
            f"{path} is larger than {MAX_BYTES} bytes", hint=f"see what it is: file {path}"
        )
    return parse_file(path, content)


def parse_file(path: Path, content: bytes) -> Configuration:
    """The same of what was read of a file."""
    try:
        return parse_configuration(content)
    except ValueError as error:
        raise ReleaseError(
            f"{path}: {error}", hint=f"open it and write \\\\ for a backslash: editor {path}"
        ) from error


def save_configuration(path: Path, configuration: Configuration) -> None:
    """Replace a file in one step, with its owner and mode; a new one is for its group to read."""
    mode = None if path.exists() else _NEW_FILE_MODE
    try:
        write_atomically(path, configuration.render(), mode=mode)
    except OSError as error:
        raise ReleaseError(
            f"cannot write {path}: {error.strerror}",
            hint=f"run as root, and check the disk: df -h {path.parent}",
        ) from error

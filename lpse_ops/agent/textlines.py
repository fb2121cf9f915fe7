"""A small text file of the host as lines, whatever it is encoded in.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
from typing import Any, List, Optional

from lpse_ops.agent.context import Failed
from lpse_ops.agent.replacing import write_atomically


def read_text(path: str) -> Optional[str]:
    """All of a file; None if there is none, ``Failed`` if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}") from error


def split_lines(text: str) -> List[str]:
    """Lines with their ends, which are newlines only; the last line has one, too."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line + "\n" for line in lines]


def write_text(path: str, text: str, *, mode: Any = None) -> None:
    """Replace a file's content, or that of the file which a link leads to."""
    content = text.encode("utf-8", "surrogateescape")
    write_atomically(os.path.realpath(path), content, mode=mode)

"""How templates find files of the site: role first, then play, as the caller decides."""

import os
from pathlib import Path
from typing import Protocol

from lpse_ops.errors import TemplateError


class FindFile(Protocol):
    """Finds a file of the site; ``folder`` is ``files``, ``templates``, ``vars`` or ``tasks``."""

    def __call__(self, folder: str, name: str) -> Path:
        """Return the first that exists; an OpsError says where it was looked for."""


def no_files(folder: str, name: str) -> Path:
    """Find files by their name alone, seen from the current folder."""
    # Not Path.expanduser(), which raises for a user that is not here.
    path = Path(os.path.expanduser(name))
    for each in (Path(folder) / path, path):
        if each.exists():
            return each.absolute()
    raise TemplateError(
        f"there is no file {name!r} in {folder}/ or here", hint="check its name and its folder"
    )

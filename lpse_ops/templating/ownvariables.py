"""What a template file knows of itself: ``template_path``, ``ansible_managed`` and the like."""

import datetime
import os
import platform
import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_MANAGED = "Ansible managed"


def template_variables(
    written: str, path: Path, variables: Mapping[str, Any], *, dest: str | None = None
) -> dict[str, Any]:
    """The variables of a file that was asked for as ``written`` and found at ``path``.

    An ``ansible_managed`` of the user's own is left as it is.
    """
    status = path.stat()
    known = {
        "template_host": platform.node(),
        "template_path": written,
        "template_mtime": datetime.datetime.fromtimestamp(status.st_mtime),
        "template_uid": _user_name(status.st_uid),
        "template_fullpath": os.path.abspath(path),
        "template_destpath": dest,
        "template_run_date": datetime.datetime.now(),
    }
    return known if "ansible_managed" in variables else {**known, "ansible_managed": _MANAGED}


def template_folders(path: Path, search_path: object) -> tuple[Path, ...]:
    """Where include, import and extends look: beside the file, then along the search path."""
    return tuple(dict.fromkeys([path.parent, *search_folders(search_path, "templates")]))


def search_folders(search_path: object, inner: str) -> Iterator[Path]:
    """Each folder of a search path, with its ``inner`` folder before it."""
    for each in search_path if isinstance(search_path, list) else []:
        yield Path(str(each)) / inner
        yield Path(str(each))


def _user_name(uid: int) -> str | int:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return uid

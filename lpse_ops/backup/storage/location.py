"""Turns the location a user writes into a backend: one line for each kind of place."""

import re
from collections.abc import Callable

from lpse_ops.backup.storage.backend import Backend
from lpse_ops.backup.storage.local import open_local
from lpse_ops.errors import UsageError

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(.*)", re.DOTALL)

_OPENERS: dict[str, Callable[[str], Backend]] = {
    "local": open_local,
}


def open_backend(location: str) -> Backend:
    """A backend for ``/a/folder`` or ``local:/a/folder``; nothing is touched yet."""
    match = _SCHEME.match(location)
    scheme, rest = (match[1], match[2]) if match else ("local", location)
    if scheme not in _OPENERS:
        raise UsageError(
            f"repository locations that begin with {scheme}: are not supported",
            hint=f"give a folder on a mounted disk; known are: {', '.join(sorted(_OPENERS))}",
        )
    if not rest:
        raise UsageError(
            "the repository's location is empty", hint="--repo /mnt/disk/repo, for example"
        )
    return _OPENERS[scheme](rest)

"""Turns the location a user writes into a backend: one line for each kind of place.

``options`` are what the settings say of the destination under the name of its scheme (``s3``,
``sftp``), and what only ``cli`` can give, such as a way to connect.  An opener takes from them
what it knows; without settings there are none.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from lpse_ops.backup.storage.backend import Backend
from lpse_ops.backup.storage.local import open_local
from lpse_ops.errors import UsageError

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(.*)", re.DOTALL)

LOCAL = "local"

# Gets what stands behind the scheme and its colon, and the options.
Opener = Callable[[str, Mapping[str, Any]], Backend]


def _open_s3(rest: str, options: Mapping[str, Any]) -> Backend:
    # Who has no bucket need not wait for it.
    from lpse_ops.backup.storage.s3 import open_s3

    return open_s3(rest, options)


def _open_sftp(rest: str, options: Mapping[str, Any]) -> Backend:
    from lpse_ops.backup.storage.sftp import open_sftp

    return open_sftp(rest, options)


_OPENERS: dict[str, Opener] = {
    LOCAL: lambda rest, _: open_local(rest),
    "s3": _open_s3,
    "sftp": _open_sftp,
}


def scheme_of(location: str) -> str:
    """What stands before the first colon; ``local`` for a plain path."""
    match = _SCHEME.match(location)
    return match[1] if match else LOCAL


def open_backend(location: str, options: Mapping[str, Any] | None = None) -> Backend:
    """A backend for ``/a/folder`` or ``local:/a/folder``; nothing is touched yet."""
    match = _SCHEME.match(location)
    scheme, rest = (match[1], match[2]) if match else (LOCAL, location)
    if scheme not in _OPENERS:
        raise UsageError(
            f"repository locations that begin with {scheme}: are not supported",
            hint=f"give a folder on a mounted disk; known are: {', '.join(sorted(_OPENERS))}",
        )
    if not rest:
        raise UsageError(
            "the repository's location is empty", hint="--repo /mnt/disk/repo, for example"
        )
    return _OPENERS[scheme](rest, options or {})

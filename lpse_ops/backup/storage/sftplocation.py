"""Where a repository over SFTP is, in the words that restic understands.

``sftp:USER@HOST:/PATH`` and ``sftp://USER@HOST:PORT//PATH``.  A path without a leading slash, in
the second form one with a single slash, begins in the home folder of the account there.  HOST may
be an alias of ``~/.ssh/config``.
"""

import posixpath
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from lpse_ops.errors import UsageError

_EXAMPLE = "sftp:backup@nas.example.id:/srv/lpse"


@dataclass(frozen=True)
class SftpPlace:
    """``location`` as a person wrote it; ``path`` is relative to the home folder or absolute."""

    location: str
    host: str
    path: str
    user: str = ""
    port: int | None = None

    @property
    def login(self) -> str:
        """The account and host as ``ssh`` and ``sftp`` take them, for hints."""
        port = f"-P {self.port} " if self.port else ""
        return f"{port}{self.user}@{self.host}" if self.user else f"{port}{self.host}"


def parse_sftp_location(rest: str) -> SftpPlace:
    """Read what follows ``sftp:``; UsageError says what to write."""
    place = _parse_url(rest) if rest.startswith("//") else _parse_short(rest)
    if not place.host or place.host.startswith("-"):
        raise UsageError("the location names no host", hint=f"write {_EXAMPLE}")
    if not place.path or "\0" in place.path:
        raise UsageError(f"the location names no folder on {place.host}", hint=f"write {_EXAMPLE}")
    if place.path.startswith("~"):
        raise UsageError(
            "SFTP knows no ~ for the home folder",
            hint=f"leave it out: sftp:{place.host}:repo begins in the home folder there",
        )
    return place


def _parse_short(rest: str) -> SftpPlace:
    login, _, path = rest.partition(":")
    user, _, host = login.rpartition("@")
    _refuse_password(has_password="@" in path.partition("/")[0])
    return SftpPlace(f"sftp:{rest}", host, _clean(path), user)


def _parse_url(rest: str) -> SftpPlace:
    try:
        parts = urlsplit(f"sftp:{rest}")
        port = parts.port
        _refuse_password(has_password=parts.password is not None)
    except ValueError as error:
        # The text may hold a password.
        raise UsageError(
            "the location is no URL", hint="write sftp://backup@nas.example.id:2222//srv/lpse"
        ) from error
    path = _clean(unquote(parts.path.removeprefix("/")))
    return SftpPlace(
        f"sftp:{rest}", parts.hostname or "", path, unquote(parts.username or ""), port
    )


def _refuse_password(*, has_password: bool) -> None:
    if has_password:
        raise UsageError(
            "the location must not hold a password",
            hint="use an SSH key: ssh-keygen -t ed25519, then ssh-copy-id to the server",
        )


def _clean(path: str) -> str:
    return posixpath.normpath(path).replace("//", "/", 1) if path else ""

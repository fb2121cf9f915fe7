"""Which release is the current one: the link ``/home/appserv/spse``, read and switched.

The link is absolute and leads to ``RELEASES/VERSION``; at every moment it leads either to the old
release or to the new one.
"""

import contextlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from lpse_ops.atomicfile import sync_folder
from lpse_ops.errors import ReleaseError
from lpse_ops.spse.release import load_release, release_folder
from lpse_ops.spse.releaseversion import is_version


@dataclass(frozen=True)
class Current:
    """What stands at the link's place.

    ``state`` is ``release`` (then ``version`` says which), ``none``, ``folder`` (an application
    that somebody installed there by hand), ``elsewhere`` (a link, but not to a release),
    ``dangling`` (to a release that is not there) or ``other``.
    """

    state: str
    version: str | None = None
    target: str | None = None


def read_current(link: Path, releases: Path) -> Current:
    """Look at the link; what it leads to is not looked into."""
    try:
        status = link.lstat()
        if stat.S_ISDIR(status.st_mode):
            return Current("folder")
        if not stat.S_ISLNK(status.st_mode):
            return Current("other")
        target = os.readlink(link)
    except FileNotFoundError:
        return Current("none")
    except OSError as error:
        raise _cannot("read", link, error) from error
    version = parse_target(target, releases)
    if version is None:
        return Current("elsewhere", target=target)
    there = (releases / version).is_dir()
    return Current("release" if there else "dangling", version, target)


def parse_target(target: str, releases: Path) -> str | None:
    """The version that a link's target names, if it is one of ``releases``."""
    folder, _, name = target.rpartition("/")
    return name if folder == str(releases.absolute()) and is_version(name) else None


def switch_release(link: Path, releases: Path, version: str) -> None:
    """Make a release the current one, in one step and durably; it must be there whole.

    Only a link is replaced: an application that somebody put there by hand stays.
    """
    load_release(releases, version)
    current = read_current(link, releases)
    if current.state in ("folder", "other"):
        raise ReleaseError(
            f"{link} is no link but an application that was installed by hand",
            hint=f"stop it, and keep it under another name: mv {link} {link}.lama",
        )
    target = release_folder(releases.absolute(), version)
    temporary = link.with_name(f".{link.name}.{secrets.token_hex(8)}.tmp")
    try:
        temporary.symlink_to(target)
        try:
            temporary.replace(link)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(link.parent)
    except OSError as error:
        raise _cannot("switch", link, error) from error


def _cannot(verb: str, link: Path, error: OSError) -> ReleaseError:
    return ReleaseError(
        f"cannot {verb} {link}: {error.strerror}", hint=f"run as root; see ls -ld {link.parent}"
    )

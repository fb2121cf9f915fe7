"""What the commands about releases share: where releases are, the link, whose the files are."""

import grp
import os
import pwd
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lpse_ops.cli.parameters import FILE
from lpse_ops.errors import PolicyRefused, ReleaseError, UsageError
from lpse_ops.spse.places import LINK, RELEASES, SITE, STEPRUNNER

if TYPE_CHECKING:
    from lpse_ops.spse.releaseunpack import Owners

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def _path_option(
    name: str, default: Path, metavar: str, text: str
) -> Callable[[Decorated], Decorated]:
    return click.option(
        name, type=FILE, default=default, show_default=True, metavar=metavar, help=text
    )


releases_option = _path_option("--releases", RELEASES, "DIR", "Where releases are unpacked.")
link_option = _path_option("--link", LINK, "PATH", "The link that leads to the current release.")
# The file that the role writes.
site_option = _path_option(
    "--site", SITE, "FILE", "What is the same for every upgrade of this site."
)
steprunner_option = _path_option(
    "--steprunner", STEPRUNNER, "DIR", "The program that judges, and carries plans out."
)


def account_option(command: Decorated) -> Decorated:
    """``--account``, in whose group the application runs."""
    return click.option(
        "--account",
        default="appserv",
        show_default=True,
        metavar="NAME",
        help="The account that the application runs as.",
    )(command)


def require_root(what: str) -> None:
    """Releases belong to root, so that the application cannot change its own program."""
    if os.geteuid() != 0:
        raise UsageError(f"only root may {what}", hint="give the same command with sudo")


def find_owners(account: str) -> "Owners":
    """Files are root's; the application's group may read the settings, and logs are its own."""
    from lpse_ops.spse.releaseunpack import Owners

    try:
        found = pwd.getpwnam(account)
    except KeyError as error:
        raise UsageError(
            f"there is no account {account[:60]!a} on this machine",
            hint=f"make it, or name the right one: --account NAME; getent passwd {account[:60]!a}",
        ) from error
    if found.pw_uid == 0 or found.pw_gid == 0:
        raise PolicyRefused(
            f"{account} is root, or in its group: SPSE would own the machine",
            hint="name an account of its own: --account appserv",
        )
    return Owners(0, found.pw_gid, found.pw_uid)


def check_releases_folder(releases: Path) -> None:
    """Refuse a folder that somebody else than root can change, or whose way there leads."""
    folder = Path(os.path.abspath(releases))
    for each in (folder, *folder.parents):
        try:
            status = each.lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ReleaseError(
                f"cannot look at {each}: {error.strerror}", hint=f"check it: ls -ld {each}"
            ) from error
        if stat.S_ISLNK(status.st_mode):
            raise PolicyRefused(
                f"{each} is a link, and releases are kept below it",
                hint=f"name where it leads to: --releases DIR; ls -ld {each}",
            )
        _check_owner(each, status)


def _check_owner(folder: Path, status: os.stat_result) -> None:
    # A sticky folder such as /tmp lets nobody take away what is root's.
    is_open = status.st_mode & _OTHERS_WRITE and not status.st_mode & stat.S_ISVTX
    if status.st_uid == 0 and not is_open:
        return
    raise PolicyRefused(
        f"{folder} can be changed by {_name_owner(status)}, and releases are kept below it",
        hint=f"take it away: chown root:root {folder}; chmod go-w {folder}",
    )


def _name_owner(status: os.stat_result) -> str:
    try:
        if status.st_uid != 0:
            return pwd.getpwuid(status.st_uid).pw_name
        if status.st_mode & stat.S_IWOTH:
            return "everybody"
        return f"the group {grp.getgrgid(status.st_gid).gr_name}"
    except KeyError:
        return f"account {status.st_uid}"

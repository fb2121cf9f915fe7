"""Who runs a scratch cluster, and whether that account can get at what it needs."""

import os
import pwd
import shutil
from collections.abc import Sequence
from pathlib import Path

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.installation import bundled_folders
from lpse_ops.process import Account, run

ACCOUNTS = ("postgres", "nobody")


def find_account(names: Sequence[str] = ACCOUNTS) -> Account | None:
    """None for ourselves; root needs another account, because PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        f"PostgreSQL does not run as root, and there is no account {' or '.join(names)}",
        hint="useradd --system postgres",
    )


def make_private_folder(folder: Path, account: Account | None) -> None:
    """Make a folder that the account alone (and root) may enter."""
    folder.mkdir(mode=0o700)
    if account is None:
        return
    os.chown(folder, account.uid, account.gid)
    # The account has to pass through the folder above, not to look into it.
    folder.parent.chmod(folder.parent.stat().st_mode | 0o011)
    if not _can(account, "-w", folder):
        raise PostgresError(
            f"the account that PostgreSQL runs as cannot enter {folder.parent}",
            hint="name a folder that every account may pass through, such as one in /var/tmp",
        )


def reachable_programs(programs: Path, account: Account | None, copies: Path) -> Path:
    """The folder of programs, or a copy below ``copies`` of a wheel in a home of root's."""
    if account is None or _can(account, "-x", programs / "postgres"):
        return programs
    if programs not in bundled_folders():
        raise PostgresError(
            f"the account that PostgreSQL runs as may not execute {programs / 'postgres'}",
            hint=f"chmod o+x every folder above {programs}",
        )
    # The programs find their libraries and each other by relative paths.
    wheel, version = programs.parent.parent, programs.parent
    for source in (version, wheel.with_name(f"{wheel.name}.libs")):
        shutil.copytree(source, copies / source.relative_to(wheel.parent))
    return copies / programs.relative_to(wheel.parent)


def _can(account: Account, test: str, path: Path) -> bool:
    return run(["test", test, path], account=account).status == 0

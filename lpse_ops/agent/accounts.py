"""Accounts and groups of a host: what passwd, group and shadow say about them.

Runs on the managed host: standard library only, Python 3.6.  /etc/shadow is read as a file,
because Python's own reader of it is gone since 3.13.
"""

import grp
import pwd
from typing import List, NamedTuple, Optional

from lpse_ops.agent.facts.hostfiles import read_lines


class Shadow(NamedTuple):
    """A line of /etc/shadow; days are None where there are none, ``expires`` counts from 1970."""

    password: str
    minimum_days: Optional[int]
    maximum_days: Optional[int]
    warn_days: Optional[int]
    inactive_days: Optional[int]
    expires: Optional[int]


def read_shadow(name: str, path: str = "/etc/shadow") -> Optional[Shadow]:
    """The shadow entry of an account, None when there is none or we may not see it."""
    return parse_shadow(read_lines(path), name)


def parse_shadow(lines: List[str], name: str) -> Optional[Shadow]:
    for line in lines:
        fields = line.split(":")
        if fields[0] == name and len(fields) >= 8:
            return Shadow(fields[1], *(_days(field) for field in fields[3:8]))
    return None


def _days(field: str) -> Optional[int]:
    return int(field) if field.lstrip("-").isdigit() else None


def find_account(name: str) -> Optional[pwd.struct_passwd]:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def find_local_account(name: str, path: str = "/etc/passwd") -> Optional[pwd.struct_passwd]:
    """The account as /etc/passwd itself has it, whatever directories are configured besides."""
    for line in read_lines(path):
        fields = line.split(":")
        if fields[0] == name and len(fields) == 7:
            return pwd.struct_passwd(
                (fields[0], fields[1], int(fields[2]), int(fields[3]), *tuple(fields[4:]))
            )
    return None


def find_group(name: str) -> Optional[grp.struct_group]:
    """A group by name, or by its number."""
    try:
        return grp.getgrnam(name)
    except KeyError:
        pass
    try:
        return grp.getgrgid(int(name))
    except (KeyError, ValueError, OverflowError):
        return None


def find_local_group(name: str, path: str = "/etc/group") -> Optional[grp.struct_group]:
    """The group as /etc/group itself has it."""
    for line in read_lines(path):
        fields = line.split(":")
        if fields[0] == name and len(fields) == 4:
            members = [member for member in fields[3].split(",") if member]
            return grp.struct_group((fields[0], fields[1], int(fields[2]), members))
    return None


def groups_of(name: str, primary_gid: int) -> List[str]:
    """Names of all groups that an account is a member of, without its primary one."""
    every = grp.getgrall()
    return [each.gr_name for each in every if name in each.gr_mem and each.gr_gid != primary_gid]

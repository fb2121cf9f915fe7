"""What to run so that an account becomes what is asked for: decisions only, nothing is run.

Password hashes are in none of the commands, because everybody can read the list of processes:
they go to chpasswd's input.
"""

import pwd
import re
import time
from typing import Any, Dict, List, NamedTuple, Optional

from lpse_ops.agent.accounts import Shadow

_DAY_SECONDS = 86400


class Facts(NamedTuple):
    """What is known about an account that exists."""

    account: pwd.struct_passwd
    shadow: Optional[Shadow]
    groups: List[str]


class Wanted(NamedTuple):
    """What the arguments ask for, after names of groups were looked up; None where nothing."""

    primary_gid: Optional[int]
    groups: Optional[List[str]]


def plan_useradd(args: Dict[str, Any], wanted: Wanted, *, has_own_group: bool) -> List[str]:
    """Return the command that makes a new account; ``has_own_group``: a group has its name."""
    local = args["local"]
    words = ["luseradd" if local else "useradd"]
    words += _number(args)
    words += _option("-Z", args["seuser"])
    if wanted.primary_gid is not None:
        words += ["-g", str(wanted.primary_gid)]
    elif has_own_group and not local:
        words.append("-N")
    if wanted.groups and not local:
        words += ["-G", ",".join(wanted.groups)]
    words += _option("-c", args["comment"]) + _option("-d", args["home"])
    words += _option("-s", args["shell"])
    if args["expires"] is not None and not local:
        words += ["-e", render_expiry(args["expires"])]
    if not local:
        words += _option("-f", args["password_expire_account_disable"])
    words += _home(args)
    if args["system"]:
        words.append("-r")
    return [*words, args["name"]]


def _number(args: Dict[str, Any]) -> List[str]:
    if args["uid"] is None:
        return []
    return ["-u", str(args["uid"])] + (["-o"] if args["non_unique"] else [])


def _option(flag: str, value: Any) -> List[str]:
    return [] if value is None else [flag, str(value)]


def _home(args: Dict[str, Any]) -> List[str]:
    if args["local"]:
        return [] if args["create_home"] else ["-M"]
    words = ["-m"] if args["create_home"] else ["-M"]
    if args["create_home"]:
        words += _option("-k", args["skeleton"])
    for name in ("umask", "uid_min", "uid_max"):
        if args[name] is not None:
            words += ["-K", f"{name.upper()}={args[name]}"]
    return words


def plan_usermod(args: Dict[str, Any], wanted: Wanted, facts: Facts) -> List[str]:
    """Return the command that changes an existing account, empty when nothing has to change."""
    account = facts.account
    words: List[str] = []
    if args["uid"] is not None and args["uid"] != account.pw_uid:
        words += _number(args)
    if wanted.primary_gid is not None and wanted.primary_gid != account.pw_gid:
        words += ["-g", str(wanted.primary_gid)]
    if args["comment"] is not None and args["comment"] != account.pw_gecos:
        words += ["-c", args["comment"]]
    if args["home"] is not None and args["home"] != account.pw_dir:
        words += ["-d", args["home"]] + (["-m"] if args["move_home"] else [])
    if args["shell"] is not None and args["shell"] != account.pw_shell:
        words += ["-s", args["shell"]]
    words += plan_lock(args["password_lock"], facts.shadow)
    words += [] if args["local"] else _plan_more(args, wanted, facts, is_changed=bool(words))
    name = "lusermod" if args["local"] else "usermod"
    return [name, *words, args["name"]] if words else []


def _plan_more(
    args: Dict[str, Any], wanted: Wanted, facts: Facts, *, is_changed: bool
) -> List[str]:
    """Return the options that libuser's lusermod does not have."""
    words = plan_groups(wanted.groups, facts.groups, append=args["append"])
    if args["expires"] is not None and is_expiry_different(args["expires"], facts.shadow):
        words += ["-e", render_expiry(args["expires"])]
    inactive = args["password_expire_account_disable"]
    if inactive is not None and (facts.shadow is None or inactive != facts.shadow.inactive_days):
        words += ["-f", str(inactive)]
    return words + (_option("-Z", args["seuser"]) if words or is_changed else [])


def plan_local(
    args: Dict[str, Any], wanted: Wanted, groups: List[str], shadow: Optional[Shadow]
) -> List[List[str]]:
    """Return what libuser has commands of its own for: groups and the account's last day."""
    if not args["local"]:
        return []
    name, asked = args["name"], wanted.groups or []
    commands = [["lgroupmod", "-M", name, group] for group in asked if group not in groups]
    if wanted.groups is not None and not args["append"]:
        commands += [["lgroupmod", "-m", name, group] for group in groups if group not in asked]
    if args["expires"] is not None and is_expiry_different(args["expires"], shadow):
        days = int(args["expires"] // _DAY_SECONDS) if args["expires"] >= 0 else -1
        commands.append(["lchage", "-E", str(days), name])
    return commands


def plan_groups(wanted: Optional[List[str]], current: List[str], *, append: bool) -> List[str]:
    """Return the options for supplementary groups; without ``append`` the list is complete."""
    if wanted is None:
        return []
    if append:
        more = [name for name in wanted if name not in current]
        return ["-a", "-G", ",".join(more)] if more else []
    return ["-G", ",".join(wanted)] if set(wanted) != set(current) else []


def plan_lock(lock: Optional[bool], shadow: Optional[Shadow]) -> List[str]:
    """Return the option that locks or unlocks the password, if it is not so already."""
    if lock is None:
        return []
    password = shadow.password if shadow else ""
    is_locked = password.startswith("!")
    if lock and not is_locked:
        return ["-L"]
    # `usermod -U` refuses to leave an empty password behind.
    if not lock and is_locked and password.strip("!"):
        return ["-U"]
    return []


def plan_aging(args: Dict[str, Any], shadow: Optional[Shadow]) -> List[str]:
    """Return the chage command for the days that differ, empty when none does."""
    current = shadow or Shadow("", None, None, None, None, None)
    limits = [
        ("-M", args["password_expire_max"], current.maximum_days),
        ("-m", args["password_expire_min"], current.minimum_days),
        ("-W", args["password_expire_warn"], current.warn_days),
    ]
    words: List[str] = []
    for flag, days, now in limits:
        if days is not None and days != now:
            words += [flag, str(days)]
    return ["chage", *words, args["name"]] if words else []


def is_password_different(args: Dict[str, Any], shadow: Optional[Shadow]) -> bool:
    """Whether the hash has to be set; a lock in front of it does not count."""
    wanted = args["password"]
    only_new = args["update_password"] == "on_create"  # noqa: S105
    if wanted is None or only_new:
        return False
    # Who may not see the old hash may not set one either: let chpasswd say so.
    return shadow is None or str(wanted).lstrip("!") != shadow.password.lstrip("!")


def is_expiry_different(expires: float, shadow: Optional[Shadow]) -> bool:
    if shadow is None:
        return True
    current = shadow.expires
    if expires < 0:
        return current is not None and current >= 0
    return current != int(expires // _DAY_SECONDS)


def render_expiry(expires: float) -> str:
    """Day on which the account ends, for useradd and usermod; empty for never."""
    return time.strftime("%Y-%m-%d", time.gmtime(expires)) if expires >= 0 else ""


def plan_userdel(args: Dict[str, Any]) -> List[str]:
    """Return the command that removes the account."""
    local = args["local"]
    words = ["luserdel" if local else "userdel"]
    if args["force"] and not local:
        words.append("-f")
    if args["remove"]:
        words.append("-r")
    return [*words, args["name"]]


def looks_like_hash(password: str) -> bool:
    """Whether a password can be one that crypt(3) made, or a lock; a guess, for a warning only."""
    if password in ("*", "!", "*************"):
        return True
    fields = password.split("$")
    if len(fields) < 3 or re.search(r"[:*!]", password):
        return False
    lengths = {"1": 22, "5": 43, "6": 86, "y": 43}
    has_right_length = len(fields[-1]) == lengths.get(fields[1], len(fields[-1]))
    return has_right_length and not re.search(r"[^a-zA-Z0-9./=]", fields[-1])

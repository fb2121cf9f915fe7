"""The ``user`` module: an account, there or not, with groups, password, home and SSH key."""

import os
from typing import Any, Dict, List, Optional

from lpse_ops.agent import accounts, useraccount
from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.homefolder import make_home
from lpse_ops.agent.sshkeys import describe_key, generate_key, key_path
from lpse_ops.agent.useraccount import Facts, Wanted

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "name": {"type": "str", "required": True, "aliases": ["user"]},
    "uid": {"type": "int"},
    "non_unique": {"type": "bool", "default": False},
    "group": {"type": "str"},
    "groups": {"type": "list", "elements": "str"},
    "comment": {"type": "str"},
    "home": {"type": "path"},
    "shell": {"type": "path"},
    "password": {"type": "str", "no_log": True},
    "login_class": {"type": "str"},
    "password_expire_max": {"type": "int"},
    "password_expire_min": {"type": "int"},
    "password_expire_warn": {"type": "int"},
    "hidden": {"type": "bool"},
    "seuser": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "remove": {"type": "bool", "default": False},
    "create_home": {"type": "bool", "default": True, "aliases": ["createhome"]},
    "skeleton": {"type": "str"},
    "system": {"type": "bool", "default": False},
    "move_home": {"type": "bool", "default": False},
    "append": {"type": "bool", "default": False},
    "generate_ssh_key": {"type": "bool"},
    "ssh_key_bits": {"type": "int", "default": 0},
    "ssh_key_type": {"type": "str", "default": "rsa"},
    "ssh_key_file": {"type": "path"},
    "ssh_key_comment": {"type": "str"},
    "ssh_key_passphrase": {"type": "str", "no_log": True},
    "update_password": {"type": "str", "default": "always", "choices": ["always", "on_create"]},
    "expires": {"type": "float"},
    "password_lock": {"type": "bool"},
    "local": {"type": "bool"},
    "profile": {"type": "str"},
    "authorization": {"type": "str"},
    "role": {"type": "str"},
    "umask": {"type": "str"},
    "password_expire_account_disable": {"type": "int"},
    "uid_min": {"type": "int"},
    "uid_max": {"type": "int"},
}
CHECK_MODE = "full"

Result = Dict[str, Any]


def run(args: Dict[str, Any], context: Context) -> Result:
    """Add, change or remove the account; in check mode only say what would change."""
    check_arguments(args)
    account = _Account(args, check_mode=context.check_mode)
    if args["state"] == "absent":
        return account.remove()
    return account.ensure()


def check_arguments(args: Dict[str, Any]) -> None:
    """Raise for what libuser's programs cannot do."""
    for name in ("umask", "uid_min", "uid_max"):
        if args["local"] and args[name] is not None:
            raise Failed(f"'{name}' can not be used with 'local'", name=args["name"])


class _Account:
    """One account on its way to what is asked for; ``result`` grows with every step."""

    def __init__(self, args: Dict[str, Any], *, check_mode: bool) -> None:
        self._args = args
        self._name = args["name"]
        self._check_mode = check_mode
        self._facts = read_facts(self._name, local=bool(args["local"]))
        self._outputs = {"stdout": "", "stderr": ""}
        self._result: Result = {"name": self._name, "state": args["state"]}
        self._changed = False

    def remove(self) -> Result:
        """Remove the account if it is there."""
        if self._facts:
            if self._check_mode:
                return {"changed": True}
            self._run(useraccount.plan_userdel(self._args))
            self._result.update(force=self._args["force"], remove=self._args["remove"])
        return self._finished()

    def ensure(self) -> Result:
        """Add or change the account, then its password, its home and its key."""
        args = self._args
        if args["password"] is not None and not useraccount.looks_like_hash(args["password"]):
            text = "The input password appears not to have been hashed. The 'password' argument "
            self._warn(text + "must be encrypted for this module to work properly.")
        if args["append"] and args["groups"] is None:
            text = "'append' is set, but no 'groups' are specified. Use 'groups' for appending new "
            self._warn(text + "groups.")
        wanted = read_wanted(args, self._facts)
        if self._facts is None and self._check_mode:
            # Nothing is known about an account that is still to come.
            return {"changed": True}
        if self._facts is None:
            self._create(wanted)
        else:
            self._modify(wanted, self._facts)
        self._describe()
        return self._finished()

    def _create(self, wanted: Wanted) -> None:
        args = self._args
        self._run(
            useraccount.plan_useradd(
                args, wanted, has_own_group=accounts.find_group(self._name) is not None
            )
        )
        for argv in useraccount.plan_local(args, wanted, [], None):
            self._run(argv)
        if args["password"] is not None:
            self._set_password(args["password"], locked=bool(args["password_lock"]))
        elif args["password_lock"]:
            self._run(["usermod", "-L", self._name])
        self._run(useraccount.plan_aging(args, None))
        self._result.update(system=args["system"], create_home=args["create_home"])

    def _modify(self, wanted: Wanted, facts: Facts) -> None:
        args = self._args
        self._result.update(append=args["append"], move_home=args["move_home"])
        if useraccount.is_password_different(args, facts.shadow):
            self._set_password(args["password"], locked=bool(args["password_lock"]))
            facts = facts._replace(shadow=accounts.read_shadow(self._name))
        self._run(useraccount.plan_usermod(args, wanted, facts))
        for argv in useraccount.plan_local(args, wanted, facts.groups, facts.shadow):
            self._run(argv)
        self._run(useraccount.plan_aging(args, facts.shadow))

    def _set_password(self, hashed: str, *, locked: bool) -> None:
        if ":" in hashed or "\n" in hashed:
            raise Failed("a password hash has no colon and no line end", name=self._name)
        self._changed = True
        value = hashed if not locked or hashed.startswith("!") else "!" + hashed
        if not self._check_mode:
            # On its input: everybody can read the list of processes.
            self._run(["chpasswd", "-e"], stdin=f"{self._name}:{value}\n")

    def _describe(self) -> None:
        """Report the account as it is now, and see to its home and key."""
        args = self._args
        if args["password"] is not None:
            self._result["password"] = "NOT_LOGGING_PASSWORD"  # noqa: S105
        if args["groups"] is not None:
            self._result["groups"] = ",".join(args["groups"])
        if args["uid"] is not None:
            self._result["uid"] = args["uid"]
        account = accounts.find_account(self._name)
        if account is None:
            return
        self._ensure_home(args["home"] or account.pw_dir, account.pw_uid, account.pw_gid)
        self._result.update(
            uid=account.pw_uid,
            group=account.pw_gid,
            comment=account.pw_gecos,
            home=account.pw_dir,
            shell=account.pw_shell,
        )
        if args["generate_ssh_key"]:
            self._ensure_key(account.pw_dir, account.pw_uid, account.pw_gid)

    def _ensure_home(self, home: str, uid: int, gid: int) -> None:
        if os.path.exists(home) or not self._args["create_home"]:
            return
        self._changed = True
        if not self._check_mode:
            try:
                make_home(
                    home, uid, gid, skeleton=self._args["skeleton"], umask=self._args["umask"]
                )
            except OSError as error:
                raise Failed(str(error), name=self._name) from error

    def _ensure_key(self, home: str, uid: int, gid: int) -> None:
        path = key_path(self._args, home)
        exists = os.path.exists(path)
        if exists and not self._args["force"]:
            text = f'Found existing ssh key private file "{path}", no force, so skipping ssh-keygen'
            self._warn(text + " generation")
        else:
            self._changed = True
            if not self._check_mode:
                generate_key(self._args, path, uid, gid)
        self._result.update(describe_key(path))

    def _warn(self, text: str) -> None:
        self._result.setdefault("warnings", []).append(text)

    def _run(self, argv: List[str], *, stdin: Optional[str] = None) -> None:
        """Run what was planned, if anything was; in check mode only remember that it would be."""
        if not argv:
            return
        self._changed = True
        if self._check_mode:
            return
        program = find_program(argv[0])
        if program is None:
            raise Failed(f"Failed to find required executable {argv[0]!r}", name=self._name)
        finished = run_command([program, *argv[1:]], stdin=stdin)
        self._outputs["stdout"] += finished.stdout
        self._outputs["stderr"] += finished.stderr
        if finished.rc:
            raise Failed(finished.stderr, name=self._name, rc=finished.rc)

    def _finished(self) -> Result:
        outputs = {key: text for key, text in self._outputs.items() if text}
        return dict(self._result, changed=self._changed, **outputs)


def read_facts(name: str, *, local: bool) -> Optional[Facts]:
    """What is known about the account, None when there is none."""
    account = accounts.find_local_account(name) if local else accounts.find_account(name)
    if account is None:
        return None
    return Facts(account, accounts.read_shadow(name), accounts.groups_of(name, account.pw_gid))


def read_wanted(args: Dict[str, Any], facts: Optional[Facts]) -> Wanted:
    """Look up the groups that are asked for; one that does not exist is a failure."""
    primary = None
    if args["group"] is not None:
        primary = _existing_group(args["group"]).gr_gid
    if args["groups"] is None:
        return Wanted(primary, None)
    named = [name.strip() for name in args["groups"] if name.strip()]
    own_gid = primary if primary is not None else facts.account.pw_gid if facts else None
    groups = [_existing_group(name) for name in named]
    return Wanted(primary, [group.gr_name for group in groups if group.gr_gid != own_gid])


def _existing_group(group: str) -> Any:
    found = accounts.find_group(group)
    if found is None:
        raise Failed(f"Group {group} does not exist")
    return found

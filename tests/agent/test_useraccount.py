"""What is run for accounts and groups: tables of decisions; the lab's tests run it."""

import pwd
from typing import Any

import pytest

from lpse_ops.agent.accounts import Shadow, find_local_account, parse_shadow
from lpse_ops.agent.arguments import check
from lpse_ops.agent.context import Failed
from lpse_ops.agent.modules import group, user
from lpse_ops.agent.useraccount import (
    Facts,
    Wanted,
    is_expiry_different,
    is_password_different,
    looks_like_hash,
    plan_aging,
    plan_groups,
    plan_local,
    plan_lock,
    plan_useradd,
    plan_userdel,
    plan_usermod,
    render_expiry,
)

SHADOW = Shadow("$6$salt$hash", 0, 99999, 7, None, None)
NOTHING = Wanted(None, None)
YEAR_2030 = 1893456000


def account() -> pwd.struct_passwd:
    # Not a constant: Python 3.11 complains of such values when they outlive the interpreter.
    return pwd.struct_passwd(("sari", "x", 1001, 1001, "Sari", "/home/sari", "/bin/bash"))


def asked(**args: Any) -> dict[str, Any]:
    return check(user.ARGUMENTS, None, {"name": "sari", **args})


def add(wanted: Wanted = NOTHING, *, has_own_group: bool = False, **args: Any) -> str:
    return " ".join(plan_useradd(asked(**args), wanted, has_own_group=has_own_group))


def modify(wanted: Wanted = NOTHING, shadow: Shadow = SHADOW, **args: Any) -> str:
    facts = Facts(account(), shadow, ["adm", "www"])
    return " ".join(plan_usermod(asked(**args), wanted, facts))


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({}, "useradd -m sari"),
        ({"create_home": False}, "useradd -M sari"),
        ({"uid": 7, "non_unique": True, "system": True}, "useradd -u 7 -o -m -r sari"),
        (
            {"comment": "A", "home": "/srv/a", "shell": "/bin/sh"},
            "useradd -c A -d /srv/a -s /bin/sh -m sari",
        ),
        ({"skeleton": "/etc/other"}, "useradd -m -k /etc/other sari"),
        ({"umask": "077", "uid_min": 5000}, "useradd -m -K UMASK=077 -K UID_MIN=5000 sari"),
        ({"expires": YEAR_2030}, "useradd -e 2030-01-01 -m sari"),
        ({"expires": -1}, "useradd -e  -m sari"),
        ({"password_expire_account_disable": 3}, "useradd -f 3 -m sari"),
        ({"local": True}, "luseradd sari"),
        ({"password": "$6$x$y"}, "useradd -m sari"),
    ],
)
def test_new_account(args, line):
    assert add(**args) == line


def test_groups_of_a_new_account():
    assert add(Wanted(100, ["adm", "www"])) == "useradd -g 100 -G adm,www -m sari"
    assert add(has_own_group=True) == "useradd -N -m sari"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({}, ""),
        ({"uid": 1001, "comment": "Sari", "shell": "/bin/bash", "home": "/home/sari"}, ""),
        ({"uid": 1002}, "usermod -u 1002 sari"),
        ({"home": "/srv/sari"}, "usermod -d /srv/sari sari"),
        ({"home": "/srv/sari", "move_home": True}, "usermod -d /srv/sari -m sari"),
        ({"shell": "/bin/sh", "comment": ""}, "usermod -c  -s /bin/sh sari"),
        ({"expires": -1}, ""),
        ({"expires": YEAR_2030}, "usermod -e 2030-01-01 sari"),
        ({"password_lock": True}, "usermod -L sari"),
        ({"password_lock": False}, ""),
        ({"password": "$6$other$hash"}, ""),
        ({"local": True, "uid": 7, "expires": 0}, "lusermod -u 7 sari"),
    ],
)
def test_existing_account(args, line):
    assert modify(**args) == line


def test_primary_group_of_an_existing_account():
    assert modify(Wanted(1001, None)) == ""
    assert modify(Wanted(100, None)) == "usermod -g 100 sari"


@pytest.mark.parametrize(
    ("wanted", "append", "options"),
    [
        (None, False, []),
        (["www", "adm"], False, []),
        (["adm"], False, ["-G", "adm"]),
        ([], False, ["-G", ""]),
        (["adm"], True, []),
        (["adm", "db"], True, ["-a", "-G", "db"]),
        ([], True, []),
    ],
)
def test_supplementary_groups(wanted, append, options):
    assert plan_groups(wanted, ["adm", "www"], append=append) == options


@pytest.mark.parametrize(
    ("wanted", "args", "lines"),
    [
        (["db"], {}, ["lgroupmod -M sari db", "lgroupmod -m sari adm", "lgroupmod -m sari www"]),
        (["db", "adm"], {"append": True}, ["lgroupmod -M sari db"]),
        (None, {"expires": YEAR_2030}, ["lchage -E 21915 sari"]),
        (None, {"expires": -1}, []),
        (["db"], {"local": False}, []),
    ],
)
def test_local_accounts_have_commands_of_their_own(wanted, args, lines):
    asked_for = asked(**{"local": True, **args})
    commands = plan_local(asked_for, Wanted(None, wanted), ["adm", "www"], SHADOW)
    assert [" ".join(argv) for argv in commands] == lines


@pytest.mark.parametrize(
    ("lock", "password", "options"),
    [
        (True, "$6$a$b", ["-L"]),
        (True, "!$6$a$b", []),
        (False, "!$6$a$b", ["-U"]),
        (False, "!", []),
        (None, "!x", []),
    ],
)
def test_lock(lock, password, options):
    assert plan_lock(lock, SHADOW._replace(password=password)) == options


@pytest.mark.parametrize(
    ("args", "password", "different"),
    [
        ({"password": "$6$a$b"}, "$6$a$b", False),
        ({"password": "$6$a$b"}, "!$6$a$b", False),
        ({"password": "$6$a$c"}, "$6$a$b", True),
        ({"password": "$6$a$c", "update_password": "on_create"}, "$6$a$b", False),
        ({}, "$6$a$b", False),
    ],
)
def test_password(args, password, different):
    assert is_password_different(asked(**args), SHADOW._replace(password=password)) is different


def test_who_may_not_see_the_shadow_tries_and_is_told():
    assert is_password_different(asked(password="$6$a$b"), None)
    assert plan_lock(True, None) == ["-L"]
    assert plan_lock(False, None) == []


def test_no_hash_is_in_any_command():
    secret = "$6$geheim$geheim"
    assert secret not in add(password=secret) + modify(password=secret)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"password_expire_max": 99999, "password_expire_min": 0, "password_expire_warn": 7}, ""),
        ({"password_expire_max": 90, "password_expire_warn": 14}, "chage -M 90 -W 14 sari"),
        ({}, ""),
    ],
)
def test_aging(args, line):
    assert " ".join(plan_aging(asked(**args), SHADOW)) == line


@pytest.mark.parametrize(
    ("expires", "now", "different"),
    [(-1, None, False), (-1, 21915, True), (YEAR_2030, 21915, False), (YEAR_2030, None, True)],
)
def test_expiry(expires, now, different):
    assert is_expiry_different(expires, SHADOW._replace(expires=now)) is different


def test_expiry_of_an_account_without_shadow_is_always_set():
    assert is_expiry_different(-1, None)


@pytest.mark.parametrize("args", [{"umask": "077"}, {"uid_min": 5}, {"uid_max": 5}])
def test_what_local_accounts_cannot_have(args):
    user.check_arguments(asked(**args))
    with pytest.raises(Failed, match="can not be used with 'local'"):
        user.check_arguments(asked(local=True, **args))


def test_expiry_is_a_day():
    assert render_expiry(YEAR_2030 + 3600) == "2030-01-01"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({}, "userdel sari"),
        ({"remove": True, "force": True}, "userdel -f -r sari"),
        ({"local": True, "force": True}, "luserdel sari"),
    ],
)
def test_removal(args, line):
    assert " ".join(plan_userdel(asked(state="absent", **args))) == line


@pytest.mark.parametrize(
    ("password", "is_hash"),
    [
        ("$6$salt$" + "a" * 86, True),
        ("$6$salt$short", False),
        ("$y$j9T$salt$" + "a" * 43, True),
        ("geheim", False),
        ("a:b", False),
        ("*", True),
        ("!", True),
    ],
)
def test_hashes(password, is_hash):
    assert looks_like_hash(password) is is_hash


def test_shadow():
    lines = ["root:*:1:0:99999:7:::", "sari:$6$a$b:19000:1:90:7:30:21915:"]
    assert parse_shadow(lines, "sari") == Shadow("$6$a$b", 1, 90, 7, 30, 21915)
    assert parse_shadow(lines, "root") == Shadow("*", 0, 99999, 7, None, None)
    assert parse_shadow(lines, "nobody") is None


def test_local_accounts_are_those_of_the_file(tmp_path):
    (tmp_path / "passwd").write_text("sari:x:1001:1001:Sari:/home/sari:/bin/bash\nbroken\n")
    assert find_local_account("sari", str(tmp_path / "passwd")) == account()
    assert find_local_account("broken", str(tmp_path / "passwd")) is None


@pytest.mark.parametrize(
    ("args", "gid", "line"),
    [
        ({}, None, "groupadd db"),
        ({}, 7, ""),
        ({"gid": 7}, 7, ""),
        ({"gid": 8, "system": True}, None, "groupadd -g 8 -r db"),
        ({"gid": 8}, 7, "groupmod -g 8 db"),
        ({"gid": 8, "non_unique": True}, 7, "groupmod -g 8 -o db"),
        ({"gid_min": 500, "gid_max": 600}, None, "groupadd -K GID_MIN=500 -K GID_MAX=600 db"),
        ({"local": True, "gid": 8}, None, "lgroupadd -g 8 db"),
        ({"state": "absent"}, 7, "groupdel db"),
        ({"state": "absent", "force": True}, 7, "groupdel -f db"),
        ({"state": "absent"}, None, ""),
    ],
)
def test_groups(args, gid, line):
    checked = check(group.ARGUMENTS, group.RULES, {"name": "db", **args})
    assert " ".join(group.plan_command(checked, gid)) == line


@pytest.mark.parametrize("args", [{"force": True, "local": True}, {"local": True, "gid_min": 5}])
def test_groups_that_make_no_sense(args):
    with pytest.raises(Failed, match="local"):
        group.check_arguments(check(group.ARGUMENTS, group.RULES, {"name": "db", **args}))

"""What dnf is told, and what it answers.

The answers were written down from dnf 4.14 on Debian; the ones with modules, groups and replaced
packages are put together from dnf's documentation.
"""

import pytest

from lpse_ops.agent.commands import Finished
from lpse_ops.agent.context import Failed
from lpse_ops.agent.dnforders import Here, Order, plan_orders, settled
from lpse_ops.agent.dnfplan import (
    command,
    describe,
    failure,
    has_transaction,
    options,
    parse_changes,
)
from lpse_ops.agent.modules.dnf import ARGUMENTS
from lpse_ops.agent.rpmpackages import Rpm, parse_wanted

RULE = "=" * 80
TABLE = f"""Last metadata expiration check: 0:00:01 ago on Sat Nov 21 23:25:02 2026.
Dependencies resolved.
{RULE}
 Package              Architecture      Version            Repository      Size
{RULE}
Installing:
 lab-world            noarch            1.0-1              lab            5.9 k
 a-very-long-name-that-needs-a-line-of-its-own
                      x86_64            2:3.4-5.el9        lab            1.1 M
     replacing  lab-older.noarch 0.9-1
Upgrading:
 lab-hello            noarch            2.0-1              lab            5.9 k
Installing dependencies:
 lab-needed           noarch            0:1.0-1            lab            4  
Removing dependent packages:
 lab-gone             noarch            1.0-1              @lab           4  
Enabling module streams:
 postgresql                             15                                     

Transaction Summary
{RULE}
Install  3 Packages
Operation aborted.
"""  # noqa: W291


def test_the_table_of_a_transaction():
    changes = parse_changes(TABLE)
    before = [Rpm("lab-hello", "0", "1.0", "1", "noarch"), Rpm("x", "0", "1", "1", "noarch")]
    assert describe(changes, before, downloads=False) == [
        "Installed: lab-world-1.0-1.noarch",
        "Installed: a-very-long-name-that-needs-a-line-of-its-own-2:3.4-5.el9.x86_64",
        "Installed: lab-hello-2.0-1.noarch",
        "Installed: lab-needed-1.0-1.noarch",
        "Removed: lab-gone-1.0-1.noarch",
        "Removed: lab-hello-1.0-1.noarch",
    ]
    assert describe(changes[:1], [], downloads=True) == ["Downloaded: lab-world-1.0-1.noarch"]


def test_whether_there_is_anything_to_do():
    assert has_transaction(TABLE)
    assert not has_transaction("Dependencies resolved.\nNothing to do.\nComplete!\n")


def arguments(**given):
    return {name: spec.get("default") for name, spec in ARGUMENTS.items()} | given


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"conf_file": "/etc/x.conf"}, "--config=/etc/x.conf"),
        ({"installroot": "/mnt"}, "--installroot=/mnt"),
        ({"releasever": "9"}, "--releasever=9"),
        ({"enablerepo": ["epel"]}, "--enablerepo=epel"),
        ({"disablerepo": ["*"]}, "--disablerepo=*"),
        ({"exclude": ["kernel*"]}, "--exclude=kernel*"),
        ({"disable_excludes": "all"}, "--disableexcludes=all"),
        ({"enable_plugin": ["a"]}, "--enableplugin=a"),
        ({"disable_plugin": ["b"]}, "--disableplugin=b"),
        ({"disable_gpg_check": True}, "--nogpgcheck"),
        ({"cacheonly": True}, "--cacheonly"),
        ({"best": True}, "--setopt=best=True"),
        ({"nobest": True}, "--setopt=best=False"),
        ({"skip_broken": True}, "--setopt=strict=False"),
        ({"sslverify": False}, "--setopt=sslverify=False"),
        ({"install_weak_deps": False}, "--setopt=install_weak_deps=False"),
        ({"autoremove": True}, "--setopt=clean_requirements_on_remove=True"),
    ],
)
def test_options(given, word):
    assert word in options(arguments(**given), is_dnf5=False)
    assert word not in options(arguments(), is_dnf5=False)


def test_dnf5_has_no_such_setting():
    assert "--setopt=exit_on_lock=True" in options(arguments(), is_dnf5=False)
    assert "--setopt=exit_on_lock=True" not in options(arguments(), is_dnf5=True)


def test_names_are_no_options():
    argv = command(arguments(security=True), "upgrade", ["a"], check_mode=True)
    assert argv == ["--assumeno", "--security", "upgrade", "--", "a"]
    loads = arguments(download_only=True, download_dir="/d", allowerasing=True)
    assert command(loads, "install", ["a"], check_mode=False) == [
        "-y",
        "--allowerasing",
        "--downloadonly",
        "--downloaddir=/d",
        "install",
        "--",
        "a",
    ]


ABSENT = Finished(
    1, "No match for argument: lab-nothing\n", "Error: Unable to find a match: lab-nothing\n"
)
PROBLEM = "\n Problem: conflicting requests\n  - nothing provides x needed by a-1.0-1.noarch"


def test_failures():
    told = {"rc": 1, "results": []}
    assert failure(ABSENT, ["lab-nothing"]) == {
        "msg": "Failed to install some of the specified packages",
        "failures": ["No package lab-nothing available."],
        **told,
    }
    unfulfilled = failure(Finished(1, "", f"Error: {PROBLEM}\n"), ["a"])
    assert unfulfilled["msg"] == f"Depsolve Error occurred: {PROBLEM}"
    no_repository = 'Error: There are no enabled repositories in "/etc/yum.repos.d".\n'
    assert failure(Finished(1, "", no_repository), ["a"])["failures"] == ["No package a available."]
    other = failure(Finished(1, "", "Error: Failed to download metadata for repo 'x'\n"), [])
    assert other["msg"] == "Failed to download metadata for repo 'x'"
    assert failure(Finished(3, "", ""), [])["msg"] == "dnf ended with 3"


ABSENT_HERE = Here(is_here=False)
PRESENT = Here(is_here=True)
NEWER = Here(is_here=False, is_newer=True)
GROUP = Here(is_here=True, is_open=True)


@pytest.mark.parametrize(
    ("given", "name", "here", "orders", "left_out"),
    [
        ({}, "a", ABSENT_HERE, [("install", ["a"])], []),
        ({}, "a", PRESENT, [], []),
        ({}, "a-1.0", NEWER, [], []),
        ({"allow_downgrade": True}, "a-1.0", NEWER, [("install", ["a-1.0"])], []),
        ({"state": "latest"}, "a", PRESENT, [("upgrade", ["a"])], []),
        ({"state": "latest"}, "a", ABSENT_HERE, [("install", ["a"])], []),
        ({"state": "latest", "update_only": True}, "a", ABSENT_HERE, [], ["a"]),
        ({"update_only": True}, "a", PRESENT, [("upgrade", ["a"])], []),
        ({"state": "latest"}, "a*", GROUP, [("install", ["a*"]), ("upgrade", ["a*"])], []),
        ({}, "@tools", GROUP, [("install", ["@tools"])], []),
        ({}, "postgresql:15/client", GROUP, [("install", ["@postgresql:15/client"])], []),
    ],
)
def test_orders(given, name, here, orders, left_out):
    args = arguments(**{"state": "present", **given})
    planned, rest = plan_orders(args, {parse_wanted(name): here})
    assert planned == [Order(verb, names) for verb, names in orders]
    assert rest == left_out


def test_states_and_lists():
    args = settled(arguments(name=["a,b", "c"], state="installed", enablerepo=["x, y"]))
    assert (args["name"], args["state"]) == (["a", "b", "c"], "present")
    assert args["enablerepo"] == ["x", "y"]
    assert settled(arguments(autoremove=True))["state"] == "absent"
    assert settled(arguments(name=["a >= 1"]))["name"] == ["a >= 1"]
    with pytest.raises(Failed, match="Autoremove should be used alone"):
        settled(arguments(autoremove=True, state="latest"))
    with pytest.raises(Failed, match="space separated string"):
        settled(arguments(name=["a b"]))

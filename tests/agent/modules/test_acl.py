"""The ``acl`` module beside ansible.posix's."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.agent.modules.trees import Make, also, folders, having, link
from tests.agent.sidebyside import Case

# One run of the real module is for all the tests here.
pytestmark = pytest.mark.xdist_group("acl-module")

PLAIN = having(f="text\n")
TREE = also(folders("d/sub"), having(**{"d/f": "1\n", "d/sub/g": "2\n"}))
NOBODY = {"etype": "user", "entity": "nobody"}
RUN = ("run",)


def listed(name: str, entry: str) -> Make:
    def make(root: Path) -> None:
        subprocess.run(["setfacl", "-m", entry, str(root / name)], check=True)

    return make


GIVEN = also(PLAIN, listed("f", "u:nobody:rw"))


def acl(
    name: str, make: Make = PLAIN, phases: Any = ("check", "run", "again"), **args: Any
) -> Case:
    args.setdefault("path", "ROOT/f")
    return Case(f"acl_{name}", "ansible.posix.acl", args, make, phases, frozenset({"cmd"}))


CASES = [
    acl("query"),
    acl("query_given", GIVEN),
    acl("user", state="present", permissions="rw", **NOBODY),
    acl("there", GIVEN, state="present", permissions="rw", **NOBODY),
    acl("other_permissions", GIVEN, state="present", permissions="r", **NOBODY),
    acl("group", state="present", etype="group", entity="daemon", permissions="rx"),
    acl("other", state="present", etype="other", permissions="r"),
    acl("mask", GIVEN, state="present", etype="mask", permissions="r"),
    acl("no_mask", GIVEN, state="present", permissions="rwx", recalculate_mask="no_mask", **NOBODY),
    acl("absent", GIVEN, state="absent", **NOBODY),
    acl("absent_not_there", state="absent", **NOBODY),
    acl("entry", state="present", entry="user:nobody:rw-"),
    acl("entry_short", state="present", entry="u:nobody:rw"),
    acl("entry_default", TREE, path="ROOT/d", state="present", entry="default:user:nobody:rw"),
    acl("entry_absent", GIVEN, state="absent", entry="user:nobody"),
    acl("default", TREE, path="ROOT/d", state="present", default=True, permissions="r", **NOBODY),
    acl("default_of_file", state="present", default=True, permissions="r", **NOBODY, phases=RUN),
    acl("tree", TREE, path="ROOT/d", state="present", recursive=True, permissions="rX", **NOBODY),
    acl(
        "link",
        also(PLAIN, link("l", "f")),
        path="ROOT/l",
        state="present",
        permissions="r",
        **NOBODY,
    ),
    acl("missing", path="ROOT/nothing", phases=RUN),
    acl("no_such_user", state="present", entry="user:no-such-one:r", phases=RUN),
    acl("query_recursive", recursive=True, phases=RUN),
    acl("query_mask", recalculate_mask="mask", phases=RUN),
    acl("query_entry", entry="user:nobody:r", phases=RUN),
    acl("absent_permissions", state="absent", permissions="r", **NOBODY, phases=RUN),
    acl("absent_nobody", state="absent", etype="user", phases=RUN),
    acl("no_type", state="present", entity="nobody", permissions="r", phases=RUN),
    acl("both_ways", state="present", entry="user:nobody:r", etype="user", phases=RUN),
    acl("entry_too_short", state="present", entry="user:nobody", phases=RUN),
    acl("entry_too_long", state="absent", entry="d:user:nobody:r", phases=RUN),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible_posix(case, assert_as_ansible):
    assert_as_ansible(case)

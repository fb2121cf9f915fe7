"""The ``xattr`` module beside community.general's."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.agent.modules.trees import Make, also, having, link
from tests.agent.sidebyside import Case
from tests.agent.thishost import run_task

# One run of the real module is for all the tests here.
pytestmark = pytest.mark.xdist_group("xattr-module")

PLAIN = having(f="text\n")
RUN = ("run",)


def noted(root: Path) -> None:
    os.setxattr(root / "f", "user.note", b"old")
    os.setxattr(root / "f", "user.also", b"a b")


GIVEN = also(PLAIN, noted)


def attribute(
    name: str, make: Make = GIVEN, phases: Any = ("check", "run", "again"), **args: Any
) -> Case:
    args.setdefault("path", "ROOT/f")
    return Case(f"xattr_{name}", "community.general.xattr", args, make, phases)


CASES = [
    attribute("read", key="note", phases=RUN),
    attribute("read_whole_name", key="user.note", phases=RUN),
    attribute("keys", state="keys", phases=RUN),
    attribute("all", state="all", phases=RUN),
    attribute("none", PLAIN, state="all", phases=RUN),
    attribute("new", PLAIN, key="note", value="new"),
    attribute("changed", key="note", value="new"),
    attribute("there", key="note", value="old", state="present"),
    attribute("absent", key="note", state="absent"),
    attribute("trusted", PLAIN, namespace="trusted", key="note", value="new"),
    attribute("link", also(GIVEN, link("l", "f")), path="ROOT/l", key="note", value="new"),
    attribute("absent_not_there", PLAIN, key="note", state="absent"),
    attribute("read_not_there", PLAIN, key="note", phases=RUN),
    attribute("missing", path="ROOT/nothing", phases=RUN),
    attribute("no_key", state="present", phases=RUN),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_community_general(case, assert_as_ansible):
    assert_as_ansible(case)


def test_a_namespace_that_is_none(tmp_path):
    PLAIN(tmp_path)
    args = {"path": str(tmp_path / "f"), "key": "a", "value": "b", "namespace": "nihil"}
    result = run_task("xattr", args, tmp_path)
    assert result["failed"]
    assert "nihil.a: Operation not supported" in result["msg"]

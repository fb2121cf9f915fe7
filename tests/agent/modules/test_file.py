"""The ``file`` module beside ansible-core's."""

import os
from dataclasses import replace
from typing import Any

import pytest

from tests.agent.modules.trees import Make, also, folders, having, link, mode
from tests.agent.sidebyside import ALL, Case, without_diff

# One run of ansible-core's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("file-module")

A_FILE = having(f="one\ntwo\nthree\n")
TREE = also(
    folders("d/e"), having(**{"d/f": "f\n", "d/e/g": "g\n"}), link("d/l", "f"), link("d/dead", "no")
)


def file(name: str, make: Make = A_FILE, phases: Any = ("check", "run"), **args: Any) -> Case:
    args.setdefault("path", "ROOT/f")
    return Case(f"file_{name}", "file", args, make, phases)


FILE_CASES = [
    file("plain", phases=("run",)),
    file("mode", phases=ALL, mode="0600", state="file"),
    file("mode_number", phases=("run",), mode=0o640),
    file("mode_symbols", mode="u=rwX,g=r,o-rwx", phases=("run",)),
    file("mode_clauses", mode="a=,u+rwX,+x,g=u,o+t,u+s", phases=("run",)),
    file("mode_several", also(A_FILE, mode("f", 0o4751)), mode="u=rw-w+X,g=o,=t", phases=("run",)),
    file("mode_int_too_much", mode=0o100644, phases=("run",)),
    file("mode_bad", mode="u=rwz", phases=("run",)),
    file("mode_too_much", mode="0100644", phases=("run",)),
    file("owner", owner="nobody", group="nogroup"),
    file("owner_number", owner="12345", group="23456", phases=("run",)),
    file("owner_unknown", owner="nobodyatall", phases=("run",)),
    file("group_unknown", group="nogroupatall", phases=("run",)),
    file("missing", having(), state="file", phases=("run",)),
    file("default_missing", having(), phases=("run",)),
    file("is_directory", folders("f"), state="file", phases=("run",)),
    file("follow", also(A_FILE, link("l", "f")), path="ROOT/l", state="file", mode="0600"),
    file(
        "no_follow",
        also(A_FILE, link("l", "f")),
        path="ROOT/l",
        state="file",
        follow=False,
        phases=("run",),
    ),
    file("directory", having(), state="directory", path="ROOT/a/b", mode="0750", phases=ALL),
    file("directory_there", folders("a"), state="directory", path="ROOT/a/", mode="0700"),
    file("directory_link", also(folders("a"), link("l", "a")), state="directory", path="ROOT/l"),
    file("directory_over_file", state="directory", phases=("run",)),
    file(
        "recurse",
        TREE,
        state="directory",
        path="ROOT/d",
        recurse=True,
        mode="u=rwX,go=",
        phases=ALL,
    ),
    file("recurse_default", TREE, path="ROOT/d", recurse=True, owner="nobody", phases=("run",)),
    file(
        "recurse_no_follow",
        TREE,
        state="directory",
        path="ROOT/d",
        recurse=True,
        owner="nobody",
        follow=False,
    ),
    file("recurse_wrong", recurse=True, state="file", phases=("run",)),
    file("src_wrong", src="ROOT/x", state="file", phases=("run",)),
    file("absent", state="absent", phases=ALL),
    file("absent_directory", TREE, state="absent", path="ROOT/d"),
    file(
        "absent_link", also(A_FILE, link("l", "f")), state="absent", path="ROOT/l", phases=("run",)
    ),
    replace(
        file("touch_new", having(), state="touch", mode="0600", phases=("check", "run")),
        apart=frozenset(["diff"]),
    ),
    file(
        "touch_kept",
        state="touch",
        modification_time="preserve",
        access_time="preserve",
        phases=("check", "run"),
    ),
    file(
        "touch_times",
        also(A_FILE, lambda root: os.utime(root / "f", (1e9, 1e9))),
        state="touch",
        modification_time="202601021530.45",
        access_time="2026-01-02",
        access_time_format="%Y-%m-%d",
        phases=ALL,
    ),
    file("time_bad", modification_time="yesterday", phases=("run",)),
    file("link", state="link", src="ROOT/f", path="ROOT/l", phases=ALL),
    file("link_relative", state="link", src="f", path="ROOT/l", phases=("run",)),
    file("link_dead", state="link", src="no", path="ROOT/l", phases=("run",)),
    file("link_forced", state="link", src="no", path="ROOT/l", force=True),
    file("link_no_follow", state="link", src="no", path="ROOT/l", force=True, follow=False),
    file("link_changed", also(A_FILE, link("l", "g")), state="link", src="f", path="ROOT/l"),
    file("link_over_file", also(A_FILE, having(l="")), state="link", src="f", path="ROOT/l"),
    file(
        "link_over_file_forced",
        also(A_FILE, having(l="")),
        state="link",
        src="f",
        path="ROOT/l",
        force=True,
    ),
    file("link_over_full", also(A_FILE, TREE), state="link", src="f", path="ROOT/d", force=True),
    file(
        "link_over_empty",
        also(A_FILE, folders("l")),
        state="link",
        src="../f",
        path="ROOT/l",
        force=True,
        phases=("run",),
    ),
    file("link_no_src", state="link", path="ROOT/l", phases=("run",)),
    file("link_only_mode", also(A_FILE, link("l", "f")), state="link", path="ROOT/l", mode="u+x"),
    file(
        "link_own_mode",
        also(A_FILE, link("l", "f")),
        state="link",
        path="ROOT/l",
        mode="u+x",
        follow=False,
    ),
    file("link_dead_kept", link("l", "no"), state="link", path="ROOT/l", phases=("run",)),
    file("link_kept", also(A_FILE, link("l", "f")), state="link", path="ROOT/l", mode="0600"),
    file("hard", state="hard", src="ROOT/f", path="ROOT/h", phases=ALL),
    file("hard_no_src", state="hard", path="ROOT/h", phases=("run",)),
    file("hard_dead", state="hard", src="ROOT/no", path="ROOT/h", phases=("run",)),
    file("hard_over_file", also(A_FILE, having(h="h")), state="hard", src="ROOT/f", path="ROOT/h"),
    file(
        "hard_forced",
        also(A_FILE, having(h="h")),
        state="hard",
        src="ROOT/f",
        path="ROOT/h",
        force=True,
    ),
    file("attributes", attributes="+d", phases=("run", "again")),
]

SYMBOLS = [
    "a=rwx", "=rw", "+x", "-x", "u+s", "g+s", "o+s", "+t", "u+t", "o=t", "a+X", "u=rX,g=X",
    "a=,a+X", "u=x,g+X", "a-x,a+X", "u=g", "g=u", "o=g", "g=u,u=o", "u=,g=u", "ug=rw", "uo+x",
    "ua=r", "a+rwXst", "u=s", "u=rws,g=s", "u+r-w", "u=r+w-x", "u=gx", "g+u", "o-g", "=", "+", "u",
    "", "x", "u+q", "u=rw, g=r", "00644", "0o644", "644", " 0600 ", "-rw", "u+x,", "g=rwxs,g-s",
]  # fmt: skip

SYMBOL_CASES = [
    Case(
        f"mode_{kind}_{bits:o}_{number}",
        "file",
        {"path": "ROOT/x", "mode": text, "state": kind},
        also(folders("x") if kind == "directory" else having(x=""), mode("x", bits)),
    )
    for number, text in enumerate(SYMBOLS)
    for kind, bits in (("file", 0o640), ("file", 0o4711), ("directory", 0o2750))
]

CASES = [*FILE_CASES, *SYMBOL_CASES]

WITHOUT_DIFF = [
    "file_mode",
    "file_directory",
    "file_touch_new",
    "file_link",
    "file_hard",
    "file_absent",
    "file_absent_directory",
]
CASES += without_diff(CASES, WITHOUT_DIFF)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, assert_as_ansible):
    assert_as_ansible(case)

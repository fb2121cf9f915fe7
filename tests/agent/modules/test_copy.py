"""The ``copy`` module beside ansible-core's, with what is copied on the host itself."""

import os
from typing import Any

import pytest

from tests.agent.modules.trees import Make, also, folders, having, link, mode
from tests.agent.sidebyside import ALL, Case, without_diff
from tests.agent.thishost import run_task

# One run of ansible-core's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("copy-module")

RUN = ("run",)
BOTH = ("check", "run")
SOURCE = having(s="new\n")
OLD = having(s="new\n", d="old\n")
TREE = also(
    folders("s/sub/deep", "s/empty"),
    having(**{"s/one": "1\n", "s/sub/two": "2\n", "s/sub/deep/three": "3\n"}),
    link("s/link", "one"),
    link("s/dirlink", "sub"),
    mode("s/one", 0o755),
    mode("s/empty", 0o700),
)
PLAIN = also(
    folders("s/sub/deep", "s/empty"),
    having(**{"s/one": "1\n", "s/sub/two": "2\n", "s/sub/deep/three": "3\n"}),
    mode("s/one", 0o755),
)
CHANGED = also(
    PLAIN, folders("d/sub"), having(**{"d/one": "old\n", "d/sub/two": "2\n", "d/more": ""})
)


def copy(name: str, make: Make, phases: Any = RUN, **args: Any) -> Case:
    args = {"src": "ROOT/s", "dest": "ROOT/d", "remote_src": True, **args}
    return Case(f"copy_{name}", "copy", args, make, phases)


CASES = [
    copy("new", SOURCE, ALL),
    copy("changed", OLD, ALL, backup=True, mode="0600"),
    copy("same", having(s="x", d="x"), ALL, owner="nobody"),
    copy("into_folder", also(SOURCE, folders("d")), BOTH),
    copy("into_new_folder", SOURCE, BOTH, dest="ROOT/a/b/", directory_mode="0700"),
    copy("no_folder", SOURCE, BOTH, dest="ROOT/no/d"),
    copy("no_source", having(), BOTH),
    copy("device", having(), BOTH, src="/dev/null"),
    copy("device_over", having(d="x"), BOTH, src="/dev/null"),
    copy("device_forced_not", having(d="x"), BOTH, src="/dev/null", force=False),
    copy("not_forced", OLD, BOTH, force=False),
    copy("not_forced_new", SOURCE, BOTH, force=False),
    copy("source_link", also(SOURCE, link("l", "s")), src="ROOT/l"),
    copy("link", also(OLD, link("l", "d")), BOTH, dest="ROOT/l"),
    copy("link_followed", also(OLD, link("l", "d")), BOTH, dest="ROOT/l", follow=True),
    copy("link_dead", also(SOURCE, link("l", "no")), dest="ROOT/l"),
    copy("mode_kept", also(OLD, mode("d", 0o640)), BOTH),
    copy("mode_not_of_source", also(OLD, mode("d", 0o640), mode("s", 0o755)), owner="nobody"),
    copy("owner_not_kept", also(OLD, lambda root: os.chown(root / "d", 65534, 65534))),
    copy("link_mode", also(OLD, mode("s", 0o755), link("l", "d")), dest="ROOT/l"),
    copy("mode_of_new", also(SOURCE, mode("s", 0o755))),
    copy("preserve", also(OLD, mode("s", 0o751)), BOTH, mode="preserve"),
    copy("symbolic", OLD, mode="u+x,g-r"),
    copy("checksum", SOURCE, checksum="389cc6b7ae5a659383eab5dfc253764eccf84732"),
    copy("checksum_wrong", SOURCE, BOTH, checksum="0" * 40),
    copy("validated", OLD, validate="grep -q new %s"),
    copy("refused", OLD, BOTH, validate="grep old %s"),
    copy("validate_wrong", OLD, validate="true"),
    copy("tree_new", TREE, ALL),
    copy("tree_contents_new", TREE, BOTH, src="ROOT/s/"),
    copy("tree_into", also(TREE, folders("d")), ALL),
    copy("tree_contents_into", also(PLAIN, folders("d")), ALL, src="ROOT/s/"),
    copy("tree_contents_changed", CHANGED, ALL, src="ROOT/s/"),
    copy("tree_owner", CHANGED, BOTH, src="ROOT/s/", owner="nobody", group="nogroup"),
    copy("tree_mode", CHANGED, src="ROOT/s/", mode="0750"),
    copy("tree_preserve", also(CHANGED, mode("s", 0o711)), src="ROOT/s/", mode="preserve"),
    copy("tree_followed", TREE, BOTH, local_follow=True),
    copy("tree_over_file", also(TREE, having(d="")), BOTH),
]

WITHOUT_DIFF = ["copy_changed", "copy_tree_new"]
CASES += without_diff(CASES, WITHOUT_DIFF)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, assert_as_ansible):
    assert_as_ansible(case)


def test_links_go_along_into_a_folder_that_is_there(tmp_path):
    # ansible-core 2.19 leaves them out, and says "changed" every time.
    TREE(tmp_path)
    folders("d")(tmp_path)
    task = {"src": f"{tmp_path}/s/", "dest": f"{tmp_path}/d", "remote_src": True}
    assert run_task("copy", task, tmp_path)["changed"]
    assert (tmp_path / "d/dirlink").readlink().name == "sub"
    assert not run_task("copy", task, tmp_path)["changed"]

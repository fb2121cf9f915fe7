"""The ``blockinfile`` module beside ansible-core's."""

from typing import Any

import pytest

from tests.agent.modules.trees import Make, also, folders, having, link
from tests.agent.sidebyside import Case, without_diff

# One run of ansible-core's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("blockinfile-module")

MARKED = "# BEGIN ANSIBLE MANAGED BLOCK\nold\n# END ANSIBLE MANAGED BLOCK\n"
TEXT = having(f="first\nsecond\nthird\n")
OLD = having(f="first\n" + MARKED + "last\n")
RUN = ("run",)


def block(
    name: str, make: Make = TEXT, phases: Any = ("check", "run", "again"), **args: Any
) -> Case:
    args.setdefault("path", "ROOT/f")
    args.setdefault("block", "one\ntwo")
    return Case(f"block_{name}", "blockinfile", args, make, phases)


CASES = [
    block("appended"),
    block("replaced", OLD),
    block("same", OLD, block="old"),
    block("with_newline", OLD, block="old\n"),
    block("with_newlines", OLD, block="\nold\n\n"),
    block("no_final_newline", having(f="a\nb")),
    block("empty_file", having(f="")),
    block("empty_block", OLD, block=""),
    block("empty_block_new", block=""),
    block("absent", OLD, state="absent"),
    block("absent_none", state="absent"),
    block("absent_missing", having(), state="absent", phases=RUN),
    block("after", insertafter="^first"),
    block("after_last_match", having(f="x1\nx2\ny\n"), insertafter="^x"),
    block("after_none", insertafter="nothing"),
    block("after_eof", insertafter="EOF"),
    block("after_bof", insertafter="BOF", phases=RUN),
    block("after_end", insertafter="third"),
    block("after_end_no_newline", having(f="a\nend"), insertafter="end"),
    block("before", insertbefore="^second"),
    block("before_last_match", having(f="x1\nx2\ny\n"), insertbefore="^x"),
    block("before_none", insertbefore="nothing"),
    block("before_bof", insertbefore="BOF"),
    block("before_eof", insertbefore="EOF", phases=RUN),
    block("moved_not", OLD, insertbefore="BOF"),
    block("multiline", insertafter=r"(?m)first\nsecond$"),
    block("multiline_dot", having(f="a {\n b\n}\nc\n"), insertafter=r"(?ms)^a \{.*?^\}$"),
    block("multiline_newline", insertafter=r"(?m)first\n"),
    block("multiline_before", insertbefore=r"(?m)^second\nthird"),
    block("pattern_bad", insertafter="(", phases=RUN),
    block("marker", marker="<!-- {mark} x -->"),
    block("marker_words", marker_begin="START", marker_end="STOP"),
    block("marker_same", marker="# no mark"),
    block("marker_twice", marker="{mark} {mark}"),
    block("marker_newline", marker="# {mark}\n# more"),
    block(
        "markers_reversed",
        having(f="a\n# END ANSIBLE MANAGED BLOCK\nb\n# BEGIN ANSIBLE MANAGED BLOCK\nc\n"),
    ),
    block("marker_half", having(f="a\n# BEGIN ANSIBLE MANAGED BLOCK\nb\n")),
    block("marker_last", having(f="a\n" + MARKED[:-1])),
    block("two_blocks", having(f=MARKED + "x\n" + MARKED)),
    block("windows", having(f="a\r\nb\r\n")),
    block("windows_marked", having(f="a\r\n" + MARKED.replace("\n", "\r\n") + "b\r\n")),
    block("append_newline", insertafter="first", append_newline=True),
    block("append_newline_end", append_newline=True),
    block("append_newline_there", having(f="a\n\nb\n"), insertafter="^a", append_newline=True),
    block("prepend_newline", insertafter="first", prepend_newline=True),
    block("prepend_newline_start", insertbefore="BOF", prepend_newline=True),
    block("prepend_there", having(f="a\n\nb\n"), insertbefore="^b", prepend_newline=True),
    block("both_newlines", OLD, append_newline=True, prepend_newline=True),
    block("newlines_absent", OLD, append_newline=True, prepend_newline=True, state="absent"),
    block("not_utf8", having(f="a\udcff\nb\n")),
    block("other_line_ends", having(f="a\x0cb\x85\n"), block="x\ry\x0cz"),
    block("missing", having(), phases=("check", "run")),
    block("create", having(), create=True, mode="0640"),
    block("create_folder", having(), create=True, path="ROOT/a/b/f", phases=RUN),
    block("create_empty", having(), create=True, block=""),
    block("directory", folders("f"), phases=RUN),
    block("link", also(TEXT, link("l", "f")), path="ROOT/l"),
    block("backup", backup=True),
    block("mode", OLD, block="old", mode="0600"),
    block("block_and_mode", mode="0600", group="nogroup"),
    block("validated", validate="grep -q first %s"),
    block("refused", validate="grep nothing %s", phases=RUN),
    block("validate_wrong", validate="true", phases=RUN),
]

WITHOUT_DIFF = ["block_appended", "block_block_and_mode"]
CASES += without_diff(CASES, WITHOUT_DIFF)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, assert_as_ansible):
    assert_as_ansible(case)

"""The ``lineinfile`` module beside ansible-core's."""

from typing import Any

import pytest

from tests.agent.modules.trees import Make, also, folders, having, link, mode
from tests.agent.sidebyside import Case, without_diff
from tests.agent.thishost import run_task

# One run of ansible-core's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("lineinfile-module")

TEXT = having(f="# start\nalpha=1\nbeta=2\nalpha=3\n\n# end\n")
RUN = ("run",)


def line(
    name: str, make: Make = TEXT, phases: Any = ("check", "run", "again"), **args: Any
) -> Case:
    args.setdefault("path", "ROOT/f")
    return Case(f"line_{name}", "lineinfile", args, make, phases)


CASES = [
    line("appended", line="gamma=4"),
    line("there", line="beta=2"),
    line("there_without_end", having(f="a\nb"), line="b"),
    line("no_final_newline", having(f="a\nb"), line="c"),
    line("empty", having(f=""), line="c"),
    line("windows", having(f="a\r\nb\r\n"), line="b"),
    line("windows_new", having(f="a\r\nb\r\n"), line="c"),
    line("windows_regexp", having(f="a\r\nb\r\n"), line="c", regexp="^a"),
    line("old_mac_end", having(f="a\rb\r"), line="c"),
    line("regexp", line="alpha=9", regexp="^alpha="),
    line("regexp_first", line="alpha=9", regexp="^alpha=", firstmatch=True),
    line("regexp_none", line="gamma=9", regexp="^gamma="),
    line("regexp_none_but_line", line="beta=2", regexp="^gamma="),
    line("regexp_end", line="# END", regexp="end$"),
    line("regexp_empty", line="x", regexp="", phases=RUN),
    line("regexp_bad", line="x", regexp="(", phases=RUN),
    line("search", line="beta = 2", search_string="beta="),
    line("search_none", line="delta", search_string="delta="),
    line("search_special", having(f="a[1]=(x)\n"), line="b", search_string="[1]=("),
    line("search_first", line="x", search_string="alpha", firstmatch=True),
    line("backrefs", line=r"\1=\2\2", regexp="^(beta)=(.)", backrefs=True),
    line("backrefs_none", line=r"\1", regexp="^(nothing)", backrefs=True),
    line("backrefs_bad", line=r"\2", regexp="^(beta)", backrefs=True, phases=RUN),
    line("backrefs_named", line=r"\g<k>: 7", regexp="^(?P<k>beta)", backrefs=True),
    line("no_backrefs", line=r"\1=5", regexp="^(beta)"),
    line("backrefs_no_regexp", line="x", backrefs=True, phases=RUN),
    line("after", line="x", insertafter="^alpha"),
    line("after_first", line="x", insertafter="^alpha", firstmatch=True),
    line("after_none", line="x", insertafter="^nothing"),
    line("after_last", line="x", insertafter="end"),
    line("after_there", line="beta=2", insertafter="^# start"),
    line("after_next", having(f="a\nx\nb\n"), line="x", insertafter="^a"),
    line("after_eof", line="x", insertafter="EOF"),
    line("after_bof", line="x", insertafter="BOF"),
    line("before", line="x", insertbefore="^alpha"),
    line("before_first", line="x", insertbefore="^alpha", firstmatch=True),
    line("before_none", line="x", insertbefore="^nothing"),
    line("before_bof", line="x", insertbefore="BOF"),
    line("before_eof", line="x", insertbefore="EOF"),
    line("before_bof_there", line="# start", insertbefore="BOF"),
    line("before_there", line="beta=2", insertbefore="^# start"),
    line("regexp_and_after", line="alpha=7", regexp="^alpha", insertafter="^# start"),
    line("regexp_none_after", line="gamma=7", regexp="^gamma", insertafter="^# start"),
    line("regexp_none_before", line="gamma=7", regexp="^gamma", insertbefore="^# end"),
    line("regexp_none_after_first", line="g", regexp="^g", insertafter="^alpha", firstmatch=True),
    line("regexp_none_bof", line="g", regexp="^g", insertbefore="BOF"),
    line("search_none_after", line="g", search_string="gg", insertafter="^alpha"),
    line("both_places", line="g", insertbefore="BOF", insertafter="EOF", phases=RUN),
    line("multiline", line="x\ny"),
    line("multiline_after", line="x\ny\n", insertafter="^beta"),
    line("with_newline", line="x\n"),
    line("not_utf8", having(f="a\udcff\nb\n"), line="c", regexp="^b"),
    line("accents", having(f="é\n"), line="ü", regexp="é"),
    line("missing", having(), line="x", phases=("check", "run")),
    line("create", having(), line="x", create=True, mode="0600"),
    line("create_folder", having(), line="x", create=True, path="ROOT/a/b/c", phases=RUN),
    line("directory", folders("f"), line="x", phases=RUN),
    line("no_line", phases=RUN),
    line("mode", line="beta=2", mode="0600", owner="nobody"),
    line("line_and_mode", line="x", mode="0600"),
    line("mode_kept", also(TEXT, mode("f", 0o4751)), line="x"),
    line("link", also(TEXT, link("l", "f")), path="ROOT/l", line="x"),
    line("backup", line="x", backup=True),
    line("validated", line="x", validate="grep -q alpha %s"),
    line("refused", line="x", validate="grep nothing %s"),
    line("refused_stderr", line="x", validate="ls --nonsense-option %s", phases=RUN),
    line("validate_wrong", line="x", validate="true", phases=RUN),
    line("absent", state="absent", line="beta=2"),
    line("absent_part", state="absent", line="beta"),
    line("absent_regexp", state="absent", regexp="^alpha", backup=True),
    line("absent_search", state="absent", search_string="a"),
    line("absent_windows", having(f="a\r\nb\r\n"), state="absent", line="b"),
    line("absent_nothing", state="absent", phases=RUN),
    line("absent_missing", having(), state="absent", line="x", phases=RUN),
    line("absent_mode", state="absent", line="beta=2", mode="0600"),
    line("absent_refused", state="absent", line="beta=2", validate="false %s", phases=RUN),
    line("aliases", dest="ROOT/f", value="x", regex="^beta", path="ROOT/f", phases=RUN),
]

WITHOUT_DIFF = ["line_appended", "line_line_and_mode", "line_absent", "line_create"]
CASES += without_diff(CASES, WITHOUT_DIFF)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, assert_as_ansible):
    assert_as_ansible(case)


def test_a_line_after_the_last_one_is_a_line_of_its_own(tmp_path):
    # ansible-core 2.19 glues the two together when the last line has no newline.
    (tmp_path / "f").write_text("a\nend")
    task = {"path": str(tmp_path / "f"), "line": "x", "insertafter": "end"}
    run_task("lineinfile", task, tmp_path)
    assert (tmp_path / "f").read_text() == "a\nend\nx\n"

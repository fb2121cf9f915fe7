"""The ``replace`` module beside ansible-core's."""

from typing import Any

import pytest

from tests.agent.modules.trees import Make, also, folders, having, link
from tests.agent.sidebyside import Case, without_diff

# One run of ansible-core's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("replace-module")

TEXT = having(f="one two\n<a>\ntwo\nthree two\n</a>\ntwo\n")
RUN = ("run",)


def case(
    name: str, make: Make = TEXT, phases: Any = ("check", "run", "again"), **args: Any
) -> Case:
    args.setdefault("path", "ROOT/f")
    args.setdefault("regexp", "two")
    return Case(f"replace_{name}", "replace", args, make, phases)


CASES = [
    case("removed"),
    case("words", replace="2"),
    case("nothing", regexp="absent", replace="x"),
    case("itself", replace="two"),
    case("lines", regexp="^two$", replace="2"),
    case("groups", regexp=r"(\w+) (two)", replace=r"\2 \1"),
    case("named", regexp=r"(?P<first>\w+) two", replace=r"\g<first>!"),
    case("group_bad", regexp="(two)", replace=r"\2", phases=RUN),
    case("regexp_bad", regexp="(", phases=RUN),
    case("after", replace="2", after="<a>"),
    case("before", replace="2", before="</a>"),
    case("between", replace="2", after="<a>", before="</a>"),
    case("between_none", replace="2", after="<b>", before="</b>"),
    case("after_none", replace="2", after="<b>"),
    case("after_bad", replace="2", after="(", phases=RUN),
    case("after_group", regexp="t(w)o", replace=r"\1", after="(<)a>"),
    case("newlines", regexp="\\n", replace=r"\r\n"),
    case("empty_match", regexp="^", replace="> "),
    case("empty_file", having(f=""), regexp="^", replace="x"),
    case("encoding", having(f="\udce9\n"), regexp="é", replace="e", encoding="latin-1"),
    case("accents", having(f="é two\n"), regexp="é", replace="ü"),
    case("missing", having(), phases=("check", "run")),
    case("directory", folders("f"), phases=RUN),
    case("link", also(TEXT, link("l", "f")), path="ROOT/l", replace="2"),
    case("backup", backup=True, replace="2"),
    case("mode", regexp="absent", mode="0600"),
    case("text_and_mode", replace="2", mode="0600"),
    case("none_and_mode", after="<b>", mode="0600"),
    case("validated", replace="2", validate="grep -q one %s"),
    case("refused", replace="2", validate="grep nothing %s", phases=RUN),
]

WITHOUT_DIFF = ["replace_words", "replace_text_and_mode", "replace_nothing"]
CASES += without_diff(CASES, WITHOUT_DIFF)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, assert_as_ansible):
    assert_as_ansible(case)

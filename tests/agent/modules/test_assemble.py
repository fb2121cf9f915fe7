"""The ``assemble`` module beside ansible-core's, with fragments on the host."""

from typing import Any

import pytest

from tests.agent.modules.trees import Make, also, folders, having, link
from tests.agent.sidebyside import Case, without_diff

# One run of ansible-core's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("assemble-module")

PARTS = also(
    folders("d/sub"),
    having(
        **{
            "d/10-b": "b\n",
            "d/2-a": "a without end",
            "d/.hidden": "h\n",
            "d/30-c": "c\n",
            "d/40": "",
        }
    ),
)
RUN = ("run",)


def case(
    name: str, make: Make = PARTS, phases: Any = ("check", "run", "again"), **args: Any
) -> Case:
    args = {"src": "ROOT/d", "dest": "ROOT/f", **args}
    return Case(f"assemble_{name}", "assemble", args, make, phases)


CASES = [
    case("all"),
    case("delimiter", delimiter="---"),
    case("delimiter_newline", delimiter="---\n"),
    case("delimiter_escapes", delimiter=r"\n# \x41\t\\ \q", phases=RUN),
    case("regexp", regexp="^[13]"),
    case("regexp_none", regexp="nothing"),
    case("regexp_bad", regexp="(", phases=RUN),
    case("not_hidden", ignore_hidden=True),
    case("there", also(PARTS, having(f="old\n")), backup=True, mode="0600"),
    case("missing", src="ROOT/no", phases=("check", "run")),
    case("no_folder", also(PARTS, having(x="")), src="ROOT/x", phases=RUN),
    case("validated", validate="grep -q b %s"),
    case("refused", validate="grep -q nothing %s", phases=("check", "run")),
    case("no_place", dest="ROOT/no/f", phases=RUN),
    case("link", also(PARTS, having(x="old\n"), link("f", "x"))),
]

WITHOUT_DIFF = ["assemble_all", "assemble_there"]
CASES += without_diff(CASES, WITHOUT_DIFF)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, assert_as_ansible):
    assert_as_ansible(case)

"""The ``ini_file`` module beside community.general's."""

from pathlib import Path
from typing import Any

import pytest

from tests.agent.modules.trees import Make, also, folders, having, link, mode
from tests.agent.sidebyside import Case, without_diff
from tests.agent.thishost import run_task

# One run of the real module is for all the tests here.
pytestmark = pytest.mark.xdist_group("ini-file-module")

TEXT = having(
    f="# about\ntop = 1\n\n[drinks]\nfav=coke\n; fav = tea\nlong = a = b\n\n# food is next\n"
    "[food]\nbare\nlist = a\nlist = b\nlist = c\n"
)
PEERS = having(f="[Peer]\nkey = A\nips = 1\n\n[Peer]\nkey = B\nips = 2\nips = 3\n")
RUN = ("run",)


def ini(name: str, make: Make = TEXT, phases: Any = ("check", "run", "again"), **args: Any) -> Case:
    args.setdefault("path", "ROOT/f")
    return Case(f"ini_{name}", "community.general.ini_file", args, make, phases)


def drink(name: str, **args: Any) -> Case:
    return ini(name, section="drinks", **args)


def food(name: str, **args: Any) -> Case:
    return ini(name, section="food", **args)


CASES = [
    drink("changed", option="fav", value="beer"),
    ini(
        "spaces_in_the_header",
        having(f="[ drinks\t] ; all\nfav = tea\n[food]\n"),
        section=" drinks",
        option="fav",
        value="beer",
    ),
    drink("there", option="fav", value="coke"),
    drink("spaces_matter", option="long", value="a = b", no_extra_spaces=True),
    drink("spaces_ignored", option="fav", value="coke", ignore_spaces=True),
    drink("spaces_ignored_other_value", option="fav", value="beer", ignore_spaces=True),
    drink("spaces_ignored_comment", option="fav", value="tea", ignore_spaces=True),
    drink("no_extra_spaces", option="fav", value="beer", no_extra_spaces=True),
    drink("comment_is_used", option="fav", value="tea"),
    drink("comment_is_left", option="fav", value="tea", modify_inactive_option=False),
    drink("comment_beside", option="fav", value="coke", modify_inactive_option=False),
    drink("added", option="new", value="1"),
    drink("added_values", option="new", values=["1", "2", "1"]),
    drink("empty_value", option="fav", value=""),
    drink("empty_value_new", option="new", value=""),
    drink("not_exclusive", option="fav", value="beer", exclusive=False),
    drink("not_exclusive_there", option="fav", value="coke", exclusive=False),
    drink("special", option="a.b*", value="(x)"),
    drink("absent", option="fav", state="absent"),
    drink("absent_other", option="nothing", state="absent"),
    drink("absent_section", state="absent"),
    drink("absent_value", option="fav", value="coke", state="absent", exclusive=False),
    drink("absent_other_value", option="fav", value="x", state="absent", exclusive=False),
    drink("absent_no_values", option="fav", state="absent", exclusive=False),
    drink("no_value", option="fav", phases=RUN),
    drink("value_and_values", option="fav", value="a", values=["b"], phases=RUN),
    drink("nothing", allow_no_value=True),
    food("values", option="list", values=["c", "x"]),
    food("values_same", option="list", values=["a", "b", "c"]),
    food("values_more", option="list", values=["a", "d", "e", "f"]),
    food("value_of_many", option="list", value="b"),
    food("values_not_exclusive", option="list", values=["d", "a"], exclusive=False),
    food("absent_list", option="list", state="absent"),
    food("absent_values", option="list", values=["a", "c"], state="absent", exclusive=False),
    food("absent_section_last", state="absent"),
    food("bare_there", option="bare", allow_no_value=True),
    food("bare_from_value", option="list", allow_no_value=True),
    food("bare_new", option="naked", allow_no_value=True),
    food("bare_gets_value", option="bare", value="x", allow_no_value=True, phases=RUN),
    food("bare_gets_value_strictly", option="bare", value="x"),
    food("bare_empty_value", option="bare", value="", allow_no_value=True, phases=RUN),
    ini("top_changed", option="top", value="2"),
    ini("top_added", option="first", value="2"),
    ini("top_absent", option="top", state="absent"),
    ini("top_of_sections", having(f="[a]\nb=1\n"), option="x", value="2"),
    ini("top_only_comments", having(f="# a\n\n[a]\nb=1\n"), option="x", value="2"),
    ini("top_without_sections", having(f="a = 1\nb = 2"), option="b", value="3"),
    ini("empty_name", section="", option="top", value="2"),
    ini("new_section", section="new", option="a", value="1"),
    ini("new_section_values", section="new", option="a", values=["1", "2"]),
    ini("new_section_bare", section="new", option="a", allow_no_value=True),
    ini("new_section_alone", section="new", allow_no_value=True),
    ini("absent_no_section", section="new", state="absent"),
    ini("absent_option_no_section", section="new", option="x", state="absent"),
    ini("new_file", having(), section="a", option="b", value="c", phases=("check", "run", "again")),
    ini("new_file_no_section", having(), option="b", value="c"),
    ini("new_file_mode", having(), section="a", option="b", value="c", mode="0600", phases=RUN),
    ini("new_folder", having(), path="ROOT/a/b/f", option="b", value="c", phases=RUN),
    ini("not_created", having(), option="b", value="c", create=False, phases=RUN),
    ini("no_final_newline", having(f="[a]\nb = 1"), section="a", option="b", value="1"),
    ini("windows", having(f="[a]\r\nb = 1\r\n"), section="a", option="b", value="2"),
    ini("windows_there", having(f="[a]\r\nb = 1\r\n"), section="a", option="b", value="1"),
    ini("byte_order", having(f="\ufeff[a]\nb = 1\n"), section="a", option="b", value="2"),
    ini("accents", having(f="[ä]\nb = é\n"), section="ä", option="b", value="ü"),
    ini("long_section", having(f="[abc]\nx = 1\n"), section="ab", option="x", value="2"),
    ini("section_comment", having(f="[ab] # x\nx = 1\n"), section="ab", option="x", value="2"),
    ini("twice", having(f="[a]\nx = 1\n[b]\n[a]\nx = 3\n"), section="a", option="x", value="2"),
    ini("indented", having(f="[a]\n\tx = 1\n  ;x = 3\n"), section="a", option="x", value="2"),
    ini("hashed", having(f="[a]\n#x = 1\n## x = 3\n"), section="a", option="x", value="2"),
    ini("colon", having(f="[a]\nx: 1\n"), section="a", option="x", value="2"),
    ini("backup", section="food", option="bare", value="x", backup=True, phases=RUN),
    ini("link", also(TEXT, link("l", "f")), path="ROOT/l", option="top", value="2", phases=RUN),
    ini(
        "followed", also(TEXT, link("l", "f")), path="ROOT/l", option="top", value="2", follow=True
    ),
    ini("mode_kept", also(TEXT, mode("f", 0o640)), option="top", value="2"),
    ini("owner", option="top", value="2", owner="nobody", mode="0600", phases=("run", "again")),
    ini("only_mode", option="top", value="1", mode="0600", phases=("run", "again")),
    ini("alias", dest="ROOT/f", path="ROOT/f", option="top", value="2", phases=RUN),
    ini(
        "has",
        PEERS,
        section="Peer",
        section_has_values=[{"option": "ips", "value": "2"}],
        option="key",
        value="C",
    ),
    ini(
        "has_values",
        PEERS,
        section="Peer",
        section_has_values=[{"option": "ips", "values": ["7", "3"]}, {"option": "key"}],
        state="absent",
        phases=RUN,
    ),
    ini(
        "has_not",
        PEERS,
        section="Peer",
        section_has_values=[{"option": "ips", "values": ["7", "8"]}, {"option": "x", "value": "y"}],
        option="key",
        value="C",
        phases=RUN,
    ),
    ini(
        "has_not_same_option",
        PEERS,
        section="Peer",
        section_has_values=[{"option": "ips", "values": ["7", "8"]}],
        option="ips",
        value="1",
        exclusive=False,
        phases=RUN,
    ),
    ini(
        "has_not_absent",
        PEERS,
        section="Peer",
        section_has_values=[{"option": "ips", "value": "7"}],
        state="absent",
    ),
    ini("has_two", section="a", section_has_values=[{"option": "x", "value": "1", "values": []}]),
]
CASES += without_diff(CASES, ["ini_changed", "ini_new_file", "ini_there"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_community_general(case, assert_as_ansible):
    assert_as_ansible(case)


def run_ini(folder: Path, *, check_mode: bool = False, **args: Any) -> dict[str, Any]:
    args.setdefault("path", str(folder / "f"))
    return run_task("ini_file", args, folder, check_mode=check_mode)


def test_what_is_before_the_first_section_can_go(tmp_path):
    # community.general 11 takes the first section's header with it, at every run the next one.
    TEXT(tmp_path)
    results = [run_ini(tmp_path, state="absent") for _ in range(2)]
    assert [result["changed"] for result in results] == [True, False]
    assert (tmp_path / "f").read_text().startswith("[drinks]\nfav=coke\n")


def test_check_mode_tells_of_the_mode(tmp_path):
    # community.general 11 does not look at it then.
    TEXT(tmp_path)
    result = run_ini(tmp_path, option="top", value="1", mode="0600", check_mode=True)
    assert result["changed"]
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o644


def test_bytes_that_are_no_text_stay_as_they_are(tmp_path):
    # community.general 11 ends with a traceback.
    (tmp_path / "f").write_bytes(b"[a]\nx = \xff\ny = 1\n")
    run_ini(tmp_path, section="a", option="y", value="2")
    assert (tmp_path / "f").read_bytes() == b"[a]\nx = \xff\ny = 2\n"


def test_a_folder_is_no_file(tmp_path):
    folders("f")(tmp_path)
    assert "is a directory" in run_ini(tmp_path, option="a", value="b")["msg"]

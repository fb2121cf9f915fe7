"""One-line sources of apt: what a line says, and what becomes of files."""

import pytest

from lpse_ops.agent.aptsources import (
    Line,
    parse_line,
    plan_absent,
    plan_present,
    suggest_name,
    wanted_source,
)
from lpse_ops.agent.context import Failed
from lpse_ops.agent.modules.apt_repository import Ppa, parse_ppa

SOURCE = "deb http://a ./"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("deb  http://a   ./ ", Line(True, True, "deb http://a ./", "")),
        ("#deb http://a ./ # mine", Line(True, False, "deb http://a ./", "mine")),
        ("# words", Line(False, False, "words", "")),
        ("", Line(False, True, "", "")),
        ("deb-src [a=b] http://a b c", Line(True, True, "deb-src [a=b] http://a b c", "")),
    ],
)
def test_a_line_is_read(text, line):
    assert parse_line(text) == line


@pytest.mark.parametrize("text", ["http://a ./", "# deb http://a ./", "rpm http://a"])
def test_what_is_no_source_is_refused(text):
    with pytest.raises(Failed, match="Invalid repository string"):
        wanted_source(text)


def test_a_new_source_goes_to_the_end_of_its_file():
    files = {"f": "# no end"}
    assert plan_present(files, SOURCE, "f") == ({"f": f"# no end\n{SOURCE}\n"}, "f")
    assert plan_present({}, SOURCE, "g") == ({"g": f"{SOURCE}\n"}, "g")


def test_one_that_is_commented_out_is_let_in_where_it_is():
    files = {"f": "#x\n#deb  http://a ./  #  why\n\n", "g": "deb b\n"}
    after, added_to = plan_present(files, SOURCE, "h")
    assert after == {"f": f"#x\n{SOURCE} # why\n\n", "g": "deb b\n"}
    assert added_to is None


def test_a_source_is_taken_out_of_every_file():
    files = {
        "f": "deb http://a  ./\n",
        "g": "# keep\n deb http://a ./\n",
        "h": "",
        "i": "#deb http://a ./\n",
    }
    after = plan_absent(files, SOURCE)
    assert after == {"g": "# keep\n", "h": "", "i": "#deb http://a ./\n"}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("deb http://archive.canonical.com/ubuntu hardy partner", "archive_canonical_com_ubuntu"),
        ("deb [a=b c=d] https://user:secret@x.org:80/y/ ./", "x_org_80_y"),
        ("deb-src file:/srv/z ./", "file_srv_z"),
    ],
)
def test_a_file_is_named_by_the_address(source, name):
    assert suggest_name(source) == name


def test_the_archive_of_a_person():
    ppa = parse_ppa("ppa:nginx/stable", "jammy")
    assert ppa == Ppa("nginx", "stable", "jammy")
    assert ppa.source() == "deb https://ppa.launchpadcontent.net/nginx/stable/ubuntu jammy main"
    assert parse_ppa("ppa:nginx", "jammy").name == "ppa"
    with pytest.raises(Failed, match="Invalid repository string"):
        parse_ppa("ppa:../x", "jammy")

"""Which names of an archive stay in the folder they go to."""

import os

import pytest

from lpse_ops.agent.archivenames import inner_name, refuse_overflow, refuse_ways_out, unescape
from lpse_ops.agent.context import Failed


@pytest.mark.parametrize(
    ("name", "inner"), [("a/b", "a/b"), ("/a", "a"), ("//a/", "a/"), ("./a", "./a"), ("..a", "..a")]
)
def test_a_name_inside(name, inner):
    assert inner_name(name) == inner


@pytest.mark.parametrize("name", ["..", "../a", "a/..", "a/../b", "/../a"])
def test_a_name_that_climbs(name):
    with pytest.raises(Failed, match="leads out of the destination"):
        inner_name(name)


@pytest.mark.parametrize(
    ("links", "name"),
    [
        ({"l": ".."}, "l/a"),
        ({"l": "/"}, "l/a/"),
        ({"a/l": "../.."}, "a/l/b"),
        ({"l": "m", "m": "n", "n": "../x"}, "l/a"),
        ({"l": "l"}, "l/a"),
        ({"a": "b", "b/c": "../.."}, "a/c/d"),
        ({"./l": ".."}, "./l/a"),
        ({"a//./l": "../.."}, "a/l/b"),
    ],
)
def test_a_way_out_through_links(links, name):
    with pytest.raises(Failed, match="through a link of the archive"):
        refuse_ways_out([name], links)


def test_one_link_to_two_places():
    with pytest.raises(Failed, match="to different places"):
        refuse_ways_out([], {"l": "..", "./l": "here"})


@pytest.mark.parametrize(
    ("links", "name"),
    [
        ({"lib64": "lib"}, "lib64/a"),
        ({"a/l": "../b"}, "a/l/c"),
        ({"l": "/etc/passwd"}, "l"),
        ({"l": ".."}, "other/l"),
    ],
)
def test_links_that_do_no_harm(links, name):
    refuse_ways_out([name], links)


def test_too_much_and_too_many(tmp_path):
    refuse_overflow(1, 1, str(tmp_path))
    with pytest.raises(Failed, match="bytes or more"):
        refuse_overflow(1 << 60, 1, str(tmp_path))
    with pytest.raises(Failed, match="files or more"):
        refuse_overflow(1, 1 << 40, str(tmp_path))


@pytest.mark.parametrize(
    ("text", "name"),
    [("a b", "a b"), (r"a\nb", "a\nb"), (r"\303\251", "é"), (r"a\\n", r"a\n"), (r"\377", "\udcff")],
)
def test_a_name_as_tar_prints_it(text, name):
    assert unescape(text) == name
    assert os.fsencode(name)

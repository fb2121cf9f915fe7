"""What needs no judge: splitting, errors and hints.  Choices are in ``test_against_ansible``."""

import pytest

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import HostStated
from lpse_ops.inventory.pattern import Hosts, select, split_limit, split_pattern
from lpse_ops.inventory.tree import Tree
from lpse_ops.marked import Origin


def choose(*patterns, warn=pytest.fail):
    tree = Tree()
    here = Origin("h")
    tree.apply([HostStated(f"w{n}", "web", None, here) for n in range(3)], None)
    tree.settle()
    hosts = Hosts(tree.groups, tree.hosts, {}.get, warn)
    return [host.name for host in select(patterns, hosts)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("web:&prod:!db", ["web", "&prod", "!db"]),
        ("web, db ,", ["web", "db"]),
        ("web[0:2]:db[1:]", ["web[0:2]", "db[1:]"]),
        ("web[1:2]", ["web[1:2]"]),
        ("2001:db8::1", ["2001:db8::1"]),
        ("~(a|b)[0-9]:c", ["~(a|b)[0-9]", "c"]),
        (["web:db", "lone"], ["web", "db", "lone"]),
        ("", []),
    ],
)
def test_a_pattern_is_split_into_single_ones(pattern, expected):
    assert split_pattern(pattern) == expected


def test_a_limit_may_be_the_lines_of_a_file(tmp_path):
    (tmp_path / "site.retry").write_text("w1\n\n w2\n")
    assert split_limit(f"w0,@{tmp_path}/site.retry") == ["w0", "w1", "w2"]


@pytest.mark.parametrize("content", [None, b"\xff\n"])
def test_a_limit_file_that_cannot_be_read_is_an_error(content, tmp_path):
    if content:
        (tmp_path / "x").write_bytes(content)
    with pytest.raises(InventoryError, match="cannot read the hosts in") as wrong:
        split_limit(f"@{tmp_path}/x")
    assert "must be a file" in wrong.value.hint


def test_a_pattern_that_names_nothing_is_a_warning():
    warnings = []
    assert choose("db", "w1", warn=warnings.append) == ["w1"]
    assert warnings == ["Could not match supplied host pattern, ignoring: db"]


def test_an_index_behind_the_last_host_is_an_error_that_counts_them():
    with pytest.raises(InventoryError, match=r"'web\[3\]' .* 'web' has 3") as wrong:
        choose("web[3]")
    assert "web[-1]" in wrong.value.hint


def test_a_sign_alone_is_an_error():
    with pytest.raises(InventoryError, match="nothing else"):
        choose("w1", "!")


def test_a_broken_expression_is_an_error():
    with pytest.raises(InventoryError, match=r"'~\(' is no regular expression"):
        choose("~(")

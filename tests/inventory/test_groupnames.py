import pytest

from lpse_ops.inventory.declaration import ChildStated, GroupStated, HostStated, VariableStated
from lpse_ops.inventory.groupnames import GroupNames, safe_name
from lpse_ops.inventory.growth import grow_host
from lpse_ops.inventory.ini import parse_ini
from lpse_ops.inventory.tree import Tree, remarks
from lpse_ops.marked import Origin, Text

HERE = Origin("h.yml", 3, 5)


@pytest.mark.parametrize(
    ("name", "safe"), [("web", "web"), ("a-b c", "a_b_c"), ("2nd", "_nd"), ("büro_1", "büro_1")]
)
def test_a_safe_name_is_that_of_a_variable(name, safe):
    assert safe_name(name) == safe


NEVER = "Invalid characters were found in group names but not replaced: a-b"
ALWAYS = "Invalid characters were found in group names and automatically replaced: a-b"


@pytest.mark.parametrize(
    ("transform", "used", "remark"),
    [
        ("never", "a-b", NEVER),
        ("ignore", "a-b", ""),
        ("always", "a_b", ALWAYS),
        ("silently", "a_b", ""),
    ],
)
def test_the_setting_says_what_becomes_of_a_name(transform, used, remark):
    tree = Tree(GroupNames(transform))
    statements = [
        GroupStated("a-b", HERE),
        HostStated("h", "a-b", None, HERE),
        ChildStated("top-1", "a-b", HERE),
        VariableStated("a-b", Text("x", HERE), 1),
        VariableStated("h", Text("y", HERE), 2),
    ]
    tree.apply(statements, None)
    tree.settle()
    assert list(tree.groups[used].hosts) == ["h"]
    assert [str(key) for key, _ in tree.groups[used].variables.winners()] == ["x"]
    assert [str(key) for key, _ in tree.hosts["h"].variables.winners()] == ["y"]
    assert list(remarks(tree)) == ([f"{remark}, top-1"] if remark else [])
    assert list(remarks(tree)) == []
    # Sources and tasks that come later write the same name.
    later = parse_ini("[a-b:vars]\nz=1\n", "l.ini", tree.groups.keys() | tree.names.written)
    tree.apply(later, None)
    assert grow_host(tree, "h2", ["a-b"], {})
    assert not grow_host(tree, "h2", ["a-b"], {})
    assert tree.groups.keys() == {"all", "ungrouped", used, tree.names.use("top-1")}


def test_of_many_names_some_are_shown():
    names = GroupNames()
    for number in range(12):
        names.use(f"g-{number}")
    assert names.remark().endswith(": g-0, g-1, g-2, g-3, g-4, g-5, g-6, g-7, g-8, g-9, ...")

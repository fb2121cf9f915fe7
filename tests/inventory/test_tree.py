import pytest

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import ChildStated, GroupStated, HostStated, VariableStated
from lpse_ops.inventory.tree import Tree, remarks
from lpse_ops.marked import Origin, Text

HERE = Origin("h.yml", 3, 5)


def grow(*statements):
    tree = Tree()
    tree.apply(statements, "h.yml")
    tree.settle()
    return tree


def child(group, name):
    return ChildStated(group, name, HERE)


def host(name, group="ungrouped", port=None):
    return HostStated(name, group, port, HERE)


def variable(owner, key, value):
    return VariableStated(owner, Text(key, HERE), value)


def test_every_group_is_under_all_and_every_host_in_a_group():
    tree = grow(host("lone"), host("a", "web"), host("b"), host("b", "web"), child("top", "web"))
    assert list(tree.groups["all"].children) == ["ungrouped", "top"]
    assert list(tree.groups["ungrouped"].hosts) == ["lone"]
    assert [each.name for each in tree.groups["all"].every_host()] == ["lone", "a", "b"]


def test_groups_are_ranked_by_depth_priority_and_name():
    tree = grow(
        *(host("h", name) for name in ("c", "b", "a", "deep")),
        *(child("a", "deep"), child("x", "y"), child("y", "a")),
        variable("b", "ansible_group_priority", 2),
    )
    assert [each.name for each in tree.groups_of(tree.hosts["h"])] == [
        *("c", "x", "b", "y", "a", "deep")
    ]


def test_the_last_assignment_counts_and_all_are_remembered():
    tree = grow(host("h"), variable("h", "x", 1), variable("h", "x", 2))
    said = tree.hosts["h"].variables
    assert [each.value for each in said.winners()] == [2]
    assert [each.value for each in said.history("x")] == [1, 2]


def test_a_port_counts_only_where_the_host_is_new():
    tree = grow(host("h", port=22), host("h", port=23))
    winners = {each.key: each.value for each in tree.hosts["h"].variables.winners()}
    assert winners == {"ansible_port": 22}


def test_names_leave_their_place_behind():
    tree = grow(GroupStated(Text("web", HERE), HERE), host(Text("h", HERE), Text("web", HERE)))
    assert [type(each) for each in (*tree.groups, *tree.hosts)] == [str] * 4
    assert type(tree.hosts["h"].name) is str


def test_groups_in_a_circle_are_an_error():
    with pytest.raises(InventoryError, match=r"in a circle: .* -> ") as wrong:
        grow(child("a", "b"), child("b", "c"), child("c", "a"))
    assert "children" in wrong.value.hint


def test_a_group_in_itself_is_an_error_with_its_place():
    with pytest.raises(InventoryError, match=r"h.yml:3:5: the group 'a' is its own child"):
        grow(child("a", "a"))


def test_all_cannot_be_a_child():
    with pytest.raises(InventoryError, match="in a circle"):
        grow(child("a", "all"), child("all", "a"))


def test_groups_nested_too_deeply_are_an_error():
    with pytest.raises(InventoryError, match="'g101' is a child of 102 groups"):
        grow(*(child(f"g{n}", f"g{n + 1}") for n in range(101)))


def test_a_priority_that_is_no_number_is_an_error_with_its_place():
    with pytest.raises(InventoryError, match=r"h.yml:3:5: ansible_group_priority is 'high'"):
        grow(GroupStated("a", HERE), variable("a", "ansible_group_priority", "high"))


def test_surprising_names_are_remarked():
    tree = grow(host("db", "db"), host("x", "my-group"))
    assert list(remarks(tree)) == [
        "'db' is a group and a host; variables of that name are set for the group",
        "Invalid characters were found in group names but not replaced: my-group",
    ]

from lpse_ops.inventory.growth import grow_group, grow_host
from lpse_ops.inventory.model import Host
from lpse_ops.inventory.tree import Tree


def test_a_host_is_new_only_once():
    tree = Tree()
    assert grow_host(tree, "h", ["web"], {"x": 1})
    assert not grow_host(tree, "h", ["web"], {"x": 1})
    assert grow_host(tree, "h", [], {"x": 2})
    assert grow_host(tree, "h", ["db"], {})
    tree.settle()
    assert [group.name for group in tree.groups_of(tree.hosts["h"])] == ["db", "web"]


def test_a_group_is_new_only_once():
    tree = Tree()
    host = tree.add_host("h", tree.groups["all"])
    assert grow_group(tree, host, "debian", ["systems"])
    assert not grow_group(tree, host, "debian", ["systems", "debian"])
    assert grow_group(tree, host, "debian", ["other"])


def test_a_localhost_that_no_source_names_may_join_a_group_but_not_all():
    tree = Tree()
    assert grow_group(tree, Host("localhost", implicit=True), "here", ["all"])
    tree.settle()
    assert [host.name for host in tree.groups["here"].every_host()] == ["localhost"]
    assert tree.groups["all"].every_host() == []

"""What ``add_host`` takes for a host and its groups."""

import pytest

from lpse_ops.inventory.inventory import load_inventory
from lpse_ops.playbook.actions import add_host
from lpse_ops.playbook.actions.context import ActionFailed
from tests.playbook.actions.localaction import LocalAction


@pytest.fixture
def action(tmp_path):
    action = LocalAction(tmp_path)
    action.inventory = load_inventory((), playbook_folder=None, vault=None, warn=print)
    return action


@pytest.mark.parametrize("groups", [5, 1.5, True, {"a": 1}])
def test_groups_have_to_be_a_list(action, groups):
    with pytest.raises(ActionFailed, match="groups of add_host has to be a list"):
        add_host.run({"name": "web1", "groups": groups}, action)


@pytest.mark.parametrize("name", ["/tmp/escaped", "a/b", "..", ".", "a\0b", "../x:22"])
def test_a_path_is_no_host(action, name):
    with pytest.raises(ActionFailed, match="is no name of a host"):
        add_host.run({"name": name}, action)


@pytest.mark.parametrize(
    ("name", "host"), [("web1:2222", "web1"), ("a..b", "a..b"), ("fe80::1", "fe80::1")]
)
def test_names_and_groups_are_as_written(action, name, host):
    result = add_host.run({"name": name, "groups": "a, b"}, action)
    assert result["changed"]
    assert result["add_host"]["host_name"] == host
    assert result["add_host"]["groups"] == ["a", "b"]

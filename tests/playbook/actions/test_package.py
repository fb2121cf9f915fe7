"""Which module ``package`` asks for, and who says so."""

import pytest

from lpse_ops.playbook.actions import package
from lpse_ops.playbook.actions.context import ActionFailed
from tests.playbook.actions.localaction import LocalAction


def asked(tmp_path, args, **variables):
    action = LocalAction(tmp_path, variables=variables)
    return package.plan({"name": "nginx", "state": "present", **args}, action)


@pytest.mark.parametrize(
    ("args", "variables", "module"),
    [
        ({}, {"ansible_facts": {"pkg_mgr": "apt"}}, "apt"),
        ({}, {"ansible_facts": {"pkg_mgr": "dnf5"}}, "dnf"),
        ({}, {"ansible_facts": {"pkg_mgr": "yum"}}, "dnf"),
        ({"use": "auto"}, {"ansible_facts": {"pkg_mgr": "apt"}}, "apt"),
        ({"use": "dnf"}, {"ansible_facts": {"pkg_mgr": "apt"}}, "dnf"),
        ({"use": "ansible.builtin.apt"}, {}, "apt"),
        ({}, {"ansible_package_use": "dnf", "ansible_facts": {"pkg_mgr": "apt"}}, "dnf"),
    ],
)
def test_one_request_when_the_manager_is_known(tmp_path, args, variables, module):
    request = asked(tmp_path, args, **variables)
    assert request.module == module
    assert request.args == {"name": "nginx", "state": "present"}


def test_other_arguments_are_the_modules(tmp_path):
    request = asked(tmp_path, {"use": "apt", "update_cache": True})
    assert request.args["update_cache"] is True


def test_the_host_is_asked_when_nobody_knows(tmp_path):
    assert asked(tmp_path, {}) is None
    assert asked(tmp_path, {}, ansible_facts={}) is None
    action = LocalAction(tmp_path, check_mode=True)
    # What every Debian has: no apt-get is needed to see it.
    assert package.run({"name": "dpkg", "state": "present"}, action)["changed"] is False
    assert action.requests == ["setup", "apt"]


def test_a_delegated_task_is_for_the_other_hosts_manager(tmp_path):
    facts = {"ansible_facts": {"pkg_mgr": "dnf"}}
    action = LocalAction(
        tmp_path,
        delegated_to="db",
        variables={"ansible_facts": {"pkg_mgr": "apt"}, "hostvars": {"db": facts}},
    )
    assert package.plan({"name": "x"}, action).module == "dnf"
    action.delegated_to = "elsewhere"
    assert package.plan({"name": "x"}, action) is None


def test_a_manager_that_is_none_of_ours(tmp_path):
    with pytest.raises(ActionFailed, match=r'for the "pacman" package manager\..* apt, dnf'):
        asked(tmp_path, {"use": "pacman"})

"""The ``sysctl`` module beside the one of ansible.posix; here it only edits files."""

from typing import Any

import pytest

from tests.agent.modules.trees import Make, having
from tests.agent.sidebyside import Case

# One run of ansible.posix's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("sysctl-module")

FILE = having(f="# kernel\n\nvm.swappiness=10\nnet.ipv4.ip_forward=0\n; old\nnonsense\n")
ALL = ("check", "run", "again")


def setting(case: str, make: Make = FILE, phases: Any = ALL, **args: Any) -> Case:
    args = {"sysctl_file": "ROOT/f", "reload": False, **args}
    return Case(f"setting_{case}", "ansible.posix.sysctl", args, make, phases)


CASES = [
    setting("new", name="vm.dirty_ratio", value=10),
    setting("there", name="vm.swappiness", value=10),
    setting("other", name="vm.swappiness", value="60"),
    setting("yes", name="net.ipv4.ip_forward", value=True),
    setting("no", name="net.ipv4.ip_forward", value="no"),
    setting("several_words", name="net.ipv4.ip_local_port_range", value="32768 60999"),
    setting("not_known", name="net.no.such_thing", value="1"),
    setting("spaces", having(f="vm.swappiness = 10\n"), name="vm.swappiness", value="10"),
    setting("spaces_other", having(f="vm.swappiness = 10\n"), name="vm.swappiness", value="1"),
    setting("twice", having(f="a.b=1\na.b=2\n"), name="a.b", value="2"),
    setting("twice_other", having(f="a.b=1\na.b=2\n"), name="a.b", value="3"),
    setting("absent", name="vm.swappiness", state="absent"),
    setting("absent_not_there", name="vm.dirty_ratio", state="absent"),
    setting("absent_value", name="vm.swappiness", value="7", state="absent"),
    setting("absent_reload", name="vm.dirty_ratio", state="absent", reload=True, phases=("check",)),
    setting("no_file", having(), name="a.b", value="1"),
    setting("no_file_absent", having(), name="a.b", state="absent"),
    setting("no_value", name="a.b", phases=("run",)),
    setting("blank_value", name="a.b", value="", phases=("run",)),
    setting("blank", name="", value="1", phases=("run",)),
    setting("no_end", having(f="a.b=1"), name="c.d", value="2"),
    setting("same_in_kernel", name="kernel.ostype", value="Linux", reload=True, phases=("check",)),
    setting("other_in_kernel", name="kernel.ostype", value="x", reload=True, phases=("check",)),
    setting("check_set", name="kernel.ostype", value="x", sysctl_set=True, phases=("check",)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, assert_as_ansible):
    assert_as_ansible(case)

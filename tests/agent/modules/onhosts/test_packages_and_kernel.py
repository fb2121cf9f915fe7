"""``debconf`` beside ansible-core's, and ``modprobe``, on real hosts."""

from typing import Any

import pytest

from lpse_ops.remote.request import RunOptions
from tests.agent.modules.onhosts.conftest import CHECK_CHECK_RUN_AGAIN, ask_as_operator
from tests.agent.modules.onhosts.sametasks import Step, assert_same, do_ours, do_theirs

pytestmark = pytest.mark.xdist_group("lab-modules")

ONCE = [True, True, False]


def debconf(name: str, /, **args: object) -> Step:
    return Step(name, "debconf", {"name": "tzdata", **args}, "debconf-show tzdata lab-x | sort")


STEPS = [
    debconf("all answers"),
    debconf("no answers", name="lab-nihil"),
    debconf("chosen", question="tzdata/Areas", vtype="select", value="Asia"),
    debconf("in part", question="tzdata/Areas", vtype="select"),
    debconf("unseen", question="tzdata/Zones/Asia", vtype="select", value="Jakarta", unseen=True),
    debconf("a new question", name="lab-x", question="lab-x/yes", vtype="boolean", value=True),
    debconf("a text", name="lab-x", setting="lab-x/text", vtype="string", answer="a b"),
    debconf(
        "several",
        name="lab-x",
        question="lab-x/many",
        vtype="multiselect",
        value=["b", "a"],
    ),
    debconf("no such type", name="lab-x", question="lab-x/x", vtype="x", value="y"),
]


@pytest.fixture(scope="module")
def done(hosts, link):
    return do_theirs(STEPS, hosts[0]), do_ours(STEPS, link)


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_ansible(done, name):
    theirs, ours = done
    assert_same(comparable(theirs[name]), comparable(ours[name]))


def comparable(answer: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without the diff, which repeats the answers before and after; choices as debconf has them."""
    for result in answer.values():
        result.pop("diff", None)
        for name, value in result.get("current", {}).items():
            if isinstance(value, list):
                result["current"][name] = ", ".join(value)
    return answer


def ask(link, module: str, *, check: bool = False, **args: object):
    return link.run(module, args, options=RunOptions(check_mode=check))


def ask_twice(link, module: str, **args: object) -> list[bool]:
    """What a check, a run and another run say of ``changed``."""
    results = [ask(link, module, check=check, **args) for check in (True, False, False)]
    assert not any(result.get("failed") for result in results), results
    return [result["changed"] for result in results]


def test_a_choice_that_is_no_text_is_refused(link):
    asked = {"name": "lab-x", "question": "lab-x/more", "vtype": "multiselect"}
    assert ask_twice(link, "debconf", **asked, value=["b", "a"]) == ONCE
    assert ask_twice(link, "debconf", **asked, value=["a", "b"]) == [False] * 3
    assert ask_twice(link, "debconf", **asked, value="a, b") == ONCE
    result = ask(link, "debconf", **asked, value=["a", 1])
    assert result["msg"] == "Invalid value provided for 'multiselect': no text: 1"


def test_a_password_is_compared_and_told_to_nobody(hosts, link):
    # ansible-core's needs debconf-utils for it, and its results hold the password.
    asked = {"name": "lab-x", "question": "lab-x/secret", "vtype": "password"}
    assert ask_twice(link, "debconf", **asked, value="rahasia") == ONCE
    result = ask(link, "debconf", **asked, value="rahasia lain")
    assert result["changed"]
    assert "rahasia" not in str(result)
    got = hosts[1].run("debconf-communicate", "lab-x", stdin="GET lab-x/secret\n")
    assert got.stdout == "0 rahasia lain\n"


# The lab's kernel has no modules: one that is "loaded" goes into the list of built-in ones.
MODPROBE = """#!/bin/sh
echo "$*" >>/run/asked
case "$*" in
*nihil*) echo "modprobe: FATAL: Module nihil not found." >&2; exit 1 ;;
*-n*) ;;
-r*) : >"/lib/modules/$(uname -r)/modules.builtin" ;;
*) echo "kernel/drivers/net/$1.ko" >>"/lib/modules/$(uname -r)/modules.builtin" ;;
esac
"""


@pytest.fixture
def asked(hosts):
    """Gives what ``modprobe`` was asked since the last time."""
    setup = (
        "mkdir -p /lib/modules/$(uname -r); cd /usr/local/sbin; cat >modprobe; chmod +x modprobe"
    )
    hosts[1].run("sh", "-c", setup, stdin=MODPROBE)
    read = "cat /run/asked; rm -f /run/asked"
    return lambda: hosts[1].run("sh", "-c", read, check=False).stdout.splitlines()


def test_a_kernel_module_is_loaded_and_unloaded_once(link, asked):
    assert ask_twice(link, "modprobe", name="dummy", params="numdummies=2 'a=b c'") == ONCE
    assert asked() == ["-n dummy numdummies=2 a=b c", "dummy numdummies=2 a=b c"]
    assert ask_twice(link, "modprobe", name="dummy", state="absent") == ONCE
    assert asked() == ["-n -r dummy", "-r dummy"]


def test_a_kernel_module_that_is_not_there(link, asked):
    result = ask(link, "modprobe", name="nihil")
    assert (result["failed"], result["rc"]) == (True, 1)
    assert "not found" in result["msg"]
    assert asked() == ["nihil"]
    assert "is no name" in ask(link, "modprobe", name="../x")["msg"]


def test_a_kernel_module_of_the_next_boot(hosts, link, asked):
    def files() -> str:
        folders = "/etc/modules-load.d/dummy.conf /etc/modprobe.d/dummy.conf"
        return hosts[1].run("sh", "-c", f"cat {folders}", check=False).stdout

    args = {"name": "dummy", "params": "numdummies=2", "persistent": "present"}
    assert ask_twice(link, "modprobe", **args) == ONCE
    assert files() == "dummy\noptions dummy numdummies=2\n"
    assert ask_twice(link, "modprobe", **{**args, "params": "numdummies=3"}) == ONCE
    assert files() == "dummy\noptions dummy numdummies=3\n"
    assert ask_twice(link, "modprobe", name="dummy", persistent="absent") == ONCE
    assert files() == "#dummy\n#options dummy numdummies=3\n"
    assert ask_twice(link, "modprobe", **args) == ONCE
    assert files() == "dummy\noptions dummy numdummies=2\n"


def test_a_kernel_module_as_a_sudo_user(hosts, asked):
    args = {"name": "dummy", "persistent": "present", "params": "numdummies=4"}
    assert ask_as_operator(hosts[1], "modprobe", **args) == CHECK_CHECK_RUN_AGAIN
    args = {"name": "dummy", "persistent": "absent", "state": "absent"}
    assert ask_as_operator(hosts[1], "modprobe", **args) == CHECK_CHECK_RUN_AGAIN

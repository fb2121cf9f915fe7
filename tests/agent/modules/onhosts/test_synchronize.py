"""``synchronize`` with real rsync: on one host beside the collection's, and from host to host."""

import dataclasses
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lpse_ops.playbook.actions import synchronize
from lpse_ops.remote.request import RunOptions
from tests.agent.modules.onhosts.conftest import (
    CHECK_CHECK_RUN_AGAIN,
    ask_as_operator,
    target_of,
)
from tests.agent.modules.onhosts.sametasks import Step, assert_same, do_ours, do_theirs
from tests.lab.lab import Host
from tests.playbook.actions.localaction import LocalAction

pytestmark = pytest.mark.xdist_group("lab-packages")

# How many bytes a second that were.
_SPEED = re.compile(r"sent [\d,]+ bytes .*? bytes/sec")
LOOK = (
    "cd /srv/s; find d -printf '%p %m %u %l\\n' | sort; find d -type f -printf '%p %T@\\n' | sort; "
    "cat d/* d/*/*"
)
MAKE = """
rm -rf /srv/s; mkdir -p /srv/s/a/deep /srv/s/d; cd /srv/s
echo 1 >a/one; echo 2 >'a/deep/two words'; ln -s one a/link; chmod 640 a/one; chown nobody a/one
echo old >d/extra
find a d -exec touch -h -d @1600000000 {} +
"""


def sync(name: str, **args: object) -> Step:
    args = {"src": "/srv/s/a/", "dest": "/srv/s/d", **args}
    return Step(name, "ansible.posix.synchronize", args, LOOK)


STEPS = [
    sync("without recursion", recursive=False, dirs=True),
    sync("some parts", archive=False, recursive=True, links=True, times=True),
    sync("filtered", rsync_opts=["--exclude=one", "--no-motd"], compress=False),
    sync("all", checksum=True, partial=True, delay_updates=False),
    sync("only existing", src="/srv/s/a", existing_only=True),
    sync("deleted", delete=True, rsync_timeout=30),
    sync("not owned", dest="/srv/s/d/new", owner=False, group=False, perms=False),
    sync("linked", dest="/srv/s/d/linked/", link_dest=["/srv/s/a"]),
    sync("links followed", dest="/srv/s/d/followed", copy_links=True),
    sync("missing", src="/srv/nihil"),
    sync("recursion into itself", link_dest=["/srv/s"]),
]


def prepare(host: Host) -> None:
    host.reach_debian()
    host.run("apt-get", "install", "-qy", "--no-install-recommends", "rsync")
    host.run("sh", "-c", MAKE)


@pytest.fixture(scope="module")
def ready(hosts):
    with ThreadPoolExecutor() as pool:
        list(pool.map(prepare, hosts))


@pytest.fixture(scope="module")
def done(ready, hosts, link):
    both = [
        json.loads(_SPEED.sub("", json.dumps(side)))
        for side in (do_theirs(STEPS, hosts[0]), do_ours(STEPS, link))
    ]
    for answer in (answer for side in both for step in side.values() for answer in step.values()):
        # Only theirs was asked for a diff; and how the words of a command line are quoted.
        answer.pop("diff", None)
        answer.pop("cmd", None) if "out-format" in str(answer.get("cmd")) else None
    return both


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_ansible(done, name):
    theirs, ours = done
    assert_same(theirs[name], ours[name])


def test_from_host_to_host_as_another_account(done, hosts, link):
    """What ``delegate_to`` does: rsync runs on one host, and reaches the other by ssh."""
    there, here = hosts
    key = there.lab.key_file.read_text()
    here.run("sh", "-c", "umask 77; mkdir -p ~/.ssh; cat >~/.ssh/key", stdin=key)
    target = dataclasses.replace(
        target_of(there), user="debian", ssh_common_args=(), host_key_checking=False
    )
    there.run("sh", "-c", "rm -rf /srv/t; mkdir /srv/t; chmod 700 /srv/t")
    action = LocalAction(Path(), host=there.name, delegated_to=here.name)
    asked = {"src": "/srv/s/a/", "dest": "/srv/t", "private_key": "/root/.ssh/key"}
    refused = synchronize.plan_sides(asked, target, action)
    result = link.run("synchronize", refused.args, options=RunOptions())
    assert "Permission denied" in result["msg"]
    become = dataclasses.replace(target, become=synchronize.Become())
    sides = synchronize.plan_sides(asked, become, action)
    assert not sides.is_here
    for changed in (True, False):
        result = link.run("synchronize", sides.args, options=RunOptions())
        assert result["changed"] is changed
    assert there.run("stat", "-c", "%U", "/srv/t/one").stdout == "nobody\n"
    pulled = synchronize.plan_sides(
        {**asked, "src": "/srv/t/", "dest": "/srv/pulled", "mode": "pull"}, become, action
    )
    assert link.run("synchronize", pulled.args, options=RunOptions())["changed"]
    assert here.run("cat", "/srv/pulled/one").stdout == "1\n"


def test_as_a_sudo_user(ready, hosts):
    args = {"src": "/srv/s/a/", "dest": "/srv/operator/", "_local_rsync_path": "rsync"}
    hosts[1].run("mkdir", "-p", "/srv/operator")
    told = ask_as_operator(hosts[1], "synchronize", **args)
    assert told == CHECK_CHECK_RUN_AGAIN
    assert hosts[1].run("stat", "-c", "%U", "/srv/operator/one").stdout == "nobody\n"

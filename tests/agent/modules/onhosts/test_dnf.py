"""``dnf``, and the facts of rpm, on hosts of Debian that have both, beside ansible-core's.

The dnf is Debian's, version 4; the repository is a folder of packages that are made here.
"""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lpse_ops.remote.connect import open_link
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.request import RunOptions
from tests.agent.modules.onhosts.conftest import (
    CHECK_CHECK_RUN_AGAIN,
    ask_as_operator,
    target_of,
)
from tests.agent.modules.onhosts.sametasks import (
    ONCE,
    Step,
    assert_same,
    do_ours,
    do_theirs,
    send_judge,
)
from tests.lab.lab import Host, Lab

pytestmark = pytest.mark.xdist_group("lab-packages")

LOOK = "rpm -qa | sort; cat /opt/lab-*"
SPEC = """Name: {name}
Version: {version}
Release: 1
Summary: for tests
License: MIT
BuildArch: noarch
{more}
%description
For tests.
%install
mkdir -p %{{buildroot}}/opt
echo {version} >%{{buildroot}}/opt/{name}
%files
/opt/{name}
"""
PACKAGES = (
    ("lab-hello", "1.0", ""),
    ("lab-hello", "2.0", ""),
    ("lab-world", "1.0", "Requires: lab-hello\nRecommends: lab-weak"),
    ("lab-weak", "1.0", "Provides: lab-virtual"),
    ("lab-a-very-long-name-of-a-package-that-needs-a-line", "1.0", ""),
    ("lab-lost", "1.0", "Requires: lab-nowhere"),
)
REPOSITORIES = """[lab]
name=lab
baseurl=file:///srv/rpms
gpgcheck=0
[other]
name=other
baseurl=file:///srv/other
gpgcheck=0
enabled=0
"""
BUILD = """set -e
for spec in /tmp/*.spec; do rpmbuild -bb --quiet --define '_rpmdir /srv/rpms' $spec; done
mkdir -p /srv/other/noarch
mv /srv/rpms/noarch/lab-weak* /srv/other/noarch
createrepo_c -q /srv/rpms
createrepo_c -q /srv/other
"""


def step(name: str, /, **args: Any) -> Step:
    return Step(name, "dnf", args, LOOK)


def once(name: str, /, **args: Any) -> Step:
    return Step(name, "dnf", args, LOOK, ONCE)


STEPS = [
    step("an old version", name="lab-hello-1.0"),
    once("there", name="lab-hello"),
    step("latest", name="lab-hello", state="latest"),
    once("older than what is here", name="lab-hello-1.0"),
    step("older, allowed", name="lab-hello-1.0-1.noarch", allow_downgrade=True),
    step("at least more", name="lab-hello >= 2.0"),
    once("no such package", name=["lab-nothing", "lab-hello"]),
    once("unfulfilled", name="lab-lost"),
    once("spaces", name="lab-hello lab-world"),
    step("a repository that is off", name="lab-virtual", enablerepo="other"),
    once("provided", name="lab-virtual"),
    once("several", name="lab-world,lab-hello"),
    once("a long name", name="lab-a-very-long-name-of-a-package-that-needs-a-line"),
    step("remove with what needs it", name="lab-hello", state="absent"),
    once("remove what is not there", name=["lab-nothing"], state="removed"),
    step("by wildcard", name="lab-w*", state="latest", exclude="lab-weak"),
    step("remove by wildcard", name="lab-w*", state="absent"),
    step("a file", name="/srv/rpms/noarch/lab-hello-1.0-1.noarch.rpm", disable_gpg_check=True),
    once("a file that is none", name="/etc/passwd.rpm"),
    once("everything up to date", name="*", state="latest"),
    once("only what is here", name=["lab-world", "lab-hello"], state="latest", update_only=True),
    step("to be recommended", name="lab-world", enablerepo="other", install_weak_deps=True),
    step("without what was needed", name="lab-world", state="absent", autoremove=True),
    step("what nobody needs", autoremove=True),
    once("autoremove and present", name="lab-world", autoremove=True, state="present"),
    step("lists", update_cache=True),
    once("a path is not removed", name="/srv/x.rpm", state="absent"),
    step("only downloaded", name="lab-world", download_only=True, download_dir="/var/tmp/rpms"),
    once("as yum had it", name="lab-hello", state="installed", update_cache=True),
    Step("rpm's facts", "package_facts", {"manager": "dnf"}, phases=ONCE),
    Step("all facts", "package_facts", {"manager": ["rpm", "apt"], "strategy": "all"}, phases=ONCE),
]


def prepare(host: Host) -> None:
    host.reach_debian()
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends"
    packages = "dnf rpm createrepo-c python3-rpm"
    host.run("sh", "-c", f"{install} {packages}", timeout_seconds=300)
    host.run("mkdir", "-p", "/etc/yum.repos.d")
    host.run("tee", "/etc/yum.repos.d/lab.repo", stdin=REPOSITORIES)


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> Iterator[tuple[Host, Host]]:
    theirs, ours = lab.up("dnf-theirs", "dnf-ours")
    with ThreadPoolExecutor() as pool:
        list(pool.map(prepare, (theirs, ours)))
    for name, version, more in PACKAGES:
        text = SPEC.format(name=name, version=version, more=more)
        theirs.run("tee", f"/tmp/{name}-{version}.spec", stdin=text)
    theirs.run("sh", "-c", BUILD)
    folders = subprocess.run(
        theirs.ssh_argv("tar -C /srv -c rpms other"), check=True, capture_output=True
    )
    subprocess.run(ours.ssh_argv("tar -C /srv -x"), input=folders.stdout, check=True)
    send_judge(theirs)
    yield theirs, ours
    for host in (theirs, ours):
        host.remove()


@pytest.fixture(scope="module")
def link(hosts: tuple[Host, Host]) -> Iterator[AgentLink]:
    opened = open_link(target_of(hosts[1]))
    yield opened
    opened.close()


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    # Which release there is only python-dnf complains of; sets have no order.
    kept = {key: value for key, value in answer.items() if key != "warnings"}
    if isinstance(kept.get("results"), list):
        kept["results"] = sorted(kept["results"])
    # Its section is one thing to dpkg and another to Debian's archive.
    kept.get("ansible_facts", {}).get("packages", {}).pop("debugedit", None)
    return kept


@pytest.fixture(scope="module")
def done(hosts, link):
    with ThreadPoolExecutor() as pool:
        theirs = pool.submit(do_theirs, STEPS, hosts[0])
        sides = do_ours(STEPS, link), theirs.result()
    return [
        {
            name: {phase: comparable(answer) for phase, answer in phases.items()}
            for name, phases in side.items()
        }
        for side in reversed(sides)
    ]


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_ansible(done, name):
    theirs, ours = done
    assert_same(theirs[name], ours[name])


def test_what_is_there_by_its_file(hosts, link):
    link.run("dnf", {"name": "lab-hello"}, options=RunOptions())
    result = link.run("dnf", {"name": "/opt/lab-hello"}, options=RunOptions())
    assert (result["msg"], result["changed"]) == ("Nothing to do", False)


def test_another_dnf_is_named_and_waited_for(hosts, link):
    lock = "/var/cache/dnf/metadata_lock.pid"
    hosts[1].run("tee", lock, stdin="1")
    args = {"name": "lab-nothing", "lock_timeout": 0}
    refused = link.run("dnf", args, options=RunOptions())
    assert "already locked by 1" in refused["msg"]
    exact = "--timer-property=AccuracySec=100ms"
    hosts[1].run("systemd-run", "--on-active=1", exact, "rm", lock)
    waited = link.run("dnf", {**args, "lock_timeout": 30}, options=RunOptions())
    assert waited["failures"] == ["No package lab-nothing available."]


def test_what_is_there_needs_no_dnf(hosts, link):
    assert not link.run("dnf", {"name": "lab-hello"}, options=RunOptions()).get("failed")
    hosts[1].run("sh", "-c", "mkdir /opt/no; ln -s /bin/false /opt/no/dnf")
    options = RunOptions(environment={"PATH": "/opt/no:/usr/bin:/bin"})
    for args in ({"name": "lab-hello"}, {"name": "lab-nothing", "state": "absent"}):
        result = link.run("dnf", args, options=options)
        assert (result["msg"], result["changed"]) == ("Nothing to do", False), (args, result)


def test_as_a_sudo_user(hosts, link):
    assert link.run("dnf", {"name": "lab-a-*", "state": "absent"}, options=RunOptions())["rc"] == 0
    package = "lab-a-very-long-name-of-a-package-that-needs-a-line"
    assert ask_as_operator(hosts[1], "dnf", name=package) == CHECK_CHECK_RUN_AGAIN
    assert ask_as_operator(hosts[1], "dnf", name=package, state="absent") == CHECK_CHECK_RUN_AGAIN

"""``apt`` on real hosts, beside ansible-core's, with archives of packages that are quick."""

import dataclasses
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lpse_ops.remote.connect import open_link
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.request import RunOptions
from lpse_ops.remote.target import Become
from tests.agent.modules.onhosts.conftest import target_of
from tests.agent.modules.onhosts.debarchive import put_archive
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

HERE = (
    "dpkg-query -W -f '${Package} ${Version} ${Status}\\n' 'lab-*' build-essential;"
    "cat /var/tmp/policy; ls /usr/sbin/policy-rc.d /etc/lab*;"
)
# Which of them are there only because others need them.
LOOK = HERE + (
    "awk '/^Package: lab-/{name=$2} /^Auto-Installed: 1/{if (name) print name; name=0}' "
    "/var/lib/apt/extended_states | sort"
)


def step(name: str, look: str = LOOK, /, **args: Any) -> Step:
    return Step(name, "apt", args, look)


def once(name: str, look: str = LOOK, /, **args: Any) -> Step:
    return dataclasses.replace(step(name, look, **args), phases=ONCE)


STEPS = [
    step("lists", update_cache=True),
    once("lists that are new enough", update_cache=True, cache_valid_time=3600),
    once("nothing at all", name=[]),
    step("an old version", name="lab-hello=1.0"),
    once("there in another version", name="lab-hello"),
    once("at least more", name="lab-hello>=1.5"),
    once("an older one", name="lab-hello=1.0"),
    step("an older one, allowed", name="lab-hello=1.0", allow_downgrade=True),
    step("latest", name="lab-hello", state="latest"),
    once("no such version", name="lab-hello=7"),
    once("no such package", name=["lab-hello", "lab-nothing"]),
    once("two signs", name="lab-hello=1=2"),
    once("absent in another version", name="lab-hello=1.0", state="absent"),
    step("absent", name="lab-hello", state="absent"),
    once("absent, what there never was", name=["lab-nothing", "lab-two"], state="absent"),
    step("purge what is left", name="lab-hello", state="absent", purge=True),
    step("with what it needs", name="lab-world", install_recommends=False),
    step("removed with it", name="lab-world", state="absent", autoremove=True, purge=True),
    once("needed again", name="lab-world", install_recommends=True),
    once("what came along is wanted now", name="lab-hello"),
    step(
        "several at once",
        pkg="lab-hello=1.0,lab-a , lab-c",
        allow_downgrade=True,
        dpkg_options="force-confnew",
        force_apt_get=True,
    ),
    once("a single provider", name="lab-single"),
    once("by wildcard", name="lab-[ab]"),
    once("no match", name="nothing-*"),
    once("only newer", name=["lab-two", "lab-hello"], only_upgrade=True, state="latest"),
    once("a release", name="lab-two", default_release="baru", state="latest"),
    once("back", name="lab-two=1.*", allow_downgrade=True),
    once("another release is not asked", name="lab-two", state="latest"),
    step("policy", name="lab-asks", policy_rc_d=101),
    once("an old one again", name="lab-hello=1.0", allow_downgrade=True),
    step("the whole", upgrade="dist"),
    once("one to go up", name="lab-hello=1.0", allow_downgrade=True),
    once("by a star", name="*", state="latest"),
    once("a star and more", name=["*", "lab-a"], state="latest"),
    once("would remove", name="lab-enemy", fail_on_autoremove=True),
    step("removes", name="lab-enemy"),
    once("something nobody needs", name="lab-world", state="absent"),
    once("nothing that nobody needs", autoremove=True),
    once("autoclean", autoclean=True),
    step("build dependencies", name="lab-source", state="build-dep"),
    once("unfulfilled", name="lab-unfulfilled"),
    once("a package that fails", name="lab-broken"),
    once("not there as far as it goes", name="lab-broken", state="absent"),
    once("away with it", name="lab-broken", state="absent", purge=True),
    step("file", deb="/srv/loose/lab-loose_1.0_all.deb"),
    once("a newer file", HERE, deb="/srv/loose/lab-loose_2.0_all.deb"),
    once("an older file", HERE, deb="/srv/loose/lab-loose_1.0_all.deb"),
    once("older, allowed", deb="/srv/loose/lab-loose_1.0_all.deb", allow_downgrade=True),
    once("needs what there is not", deb="/srv/loose/lab-lost_1.0_all.deb"),
    once("a file in another place", deb="/srv/loose/nothing.deb"),
    once("a wrong state", deb="/srv/loose/lab-loose_1.0_all.deb", state="latest"),
    once("two things at once", deb="/srv/loose/x.deb", name="lab-a"),
]
# ansible-core installs files by dpkg, we do it by apt-get.
FILES = [step.name for step in STEPS if step.args.get("deb")]
# The commands are ours; what they say is apt's.
_COMMAND = re.compile(r"^'.*?' failed: ", re.DOTALL)
_OUTPUT = ("msg", "stdout", "stderr", "diff", "rc")
_APART = {
    **dict.fromkeys(FILES, _OUTPUT),
    # Two fetches within a second leave the same time.
    "lists": ("changed", "cache_updated"),
    # It says what is true of the lists as well.
    "no such package": ("cache_updated", "cache_update_time"),
}


def comparable(answer: dict[str, Any], apart: tuple[str, ...]) -> dict[str, Any]:
    kept = {key: value for key, value in answer.items() if key not in apart}
    if kept.get("cache_update_time"):
        kept["cache_update_time"] = "some time"
    if isinstance(kept.get("msg"), str):
        kept["msg"] = _COMMAND.sub("failed: ", kept["msg"])
    return kept


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> Iterator[tuple[Host, Host]]:
    """Two of our own: what is installed and where from is what it is all about."""
    theirs, ours = lab.up("apt-theirs", "apt-ours")
    send_judge(theirs)
    yield theirs, ours
    for host in (theirs, ours):
        host.remove()


@pytest.fixture(scope="module")
def link(hosts: tuple[Host, Host]) -> Iterator[AgentLink]:
    opened = open_link(target_of(hosts[1]))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def done(hosts, link):
    put_archive(hosts)
    with ThreadPoolExecutor() as pool:
        theirs = pool.submit(do_theirs, STEPS, hosts[0])
        sides = do_ours(STEPS, link, diff=True), theirs.result()
    return [
        {
            name: {
                phase: comparable(answer, _APART.get(name, ())) for phase, answer in phases.items()
            }
            for name, phases in side.items()
        }
        for side in reversed(sides)
    ]


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_ansible(done, name):
    theirs, ours = done
    assert_same(theirs[name], ours[name])


def ask(link: AgentLink, check: bool = False, **args: Any) -> dict[str, Any]:
    return link.run("apt", args, options=RunOptions(check_mode=check, diff_mode=True))


def versions(host: Host) -> str:
    return host.run("dpkg-query", "-W", "-f", "${Package} ${Version}\n", "lab-*").stdout


def test_what_is_there_needs_no_apt(done, hosts, link):
    hosts[1].run("sh", "-c", "mkdir /opt/only && ln -s $(which dpkg-query) /opt/only")
    options = RunOptions(environment={"PATH": "/opt/only"})
    args = {"name": ["lab-a", "dash", "bash"], "state": "present"}
    assert link.run("apt", args, options=options)["changed"] is False
    gone = {"name": ["lab-nothing", "lab-unfulfilled"], "state": "absent"}
    assert link.run("apt", gone, options=options)["changed"] is False
    failed = link.run("apt", {"name": "lab-nothing"}, options=options)
    assert failed["msg"].startswith('Failed to find required executable "apt-cache"')


def test_lists_that_were_fetched_are_a_change(done, hosts, link):
    hosts[1].run("touch", "-d", "2020-01-01", "/var/lib/apt/lists")
    assert not ask(link, cache_valid_time=10**9)["changed"]
    result = ask(link, cache_valid_time=3600, name="bash")
    assert (result["changed"], result["cache_updated"]) == (False, True)
    assert result["cache_update_time"] > 1_600_000_000


def test_several_providers_one_of_them_here(done, link):
    # ansible-core asks apt-get each time, and says it changed something.
    assert ask(link, name="lab-several")["changed"] is False


HOLD = """import fcntl, sys, time
files = [open(path, "w") for path in sys.argv[2:]]
for file in files:
    fcntl.lockf(file, fcntl.LOCK_EX)
time.sleep(float(sys.argv[1]))
"""
LOCKS = {
    "packages": ("/var/lib/dpkg/lock-frontend", {"name": "lab-service"}),
    "lists": ("/var/lib/apt/lists/lock", {"update_cache": True}),
}


def hold(host: Host, seconds: str, path: str) -> None:
    unit = ("systemd-run", "--unit=hold", "--collect", "python3", "-c", HOLD, seconds, path)
    host.run(*unit)
    is_held = f"until grep -q :$(stat -c %i {path}) /proc/locks; do sleep 0.05; done"
    host.run("sh", "-c", is_held)


@pytest.mark.parametrize("lock", LOCKS)
def test_another_apt_is_named_and_waited_for(done, hosts, link, lock):
    path, args = LOCKS[lock]
    hold(hosts[1], "60", path)
    failed = ask(link, **args, lock_timeout=1)
    assert "Could not get lock" in failed["msg"]
    assert "(python3)" in failed["msg"]
    hosts[1].run("systemctl", "stop", "hold")
    hold(hosts[1], "1", path)
    waited = ask(link, **args, lock_timeout=30)
    assert not waited.get("failed"), waited


def test_the_policy_that_was_there_is_there_again(done, hosts, link):
    hosts[1].run("sh", "-c", "printf '#!/bin/sh\nexit 104\n' >/usr/sbin/policy-rc.d")
    hosts[1].run("chmod", "750", "/usr/sbin/policy-rc.d")
    for version, told in (("101", "101\n"), (None, "104\n")):
        ask(link, name="lab-asks", state="absent", purge=True)
        args = {"policy_rc_d": version} if version else {}
        hosts[1].run("chmod", "755" if version is None else "750", "/usr/sbin/policy-rc.d")
        assert ask(link, name="lab-asks", **args)["changed"]
        assert hosts[1].run("cat", "/var/tmp/policy").stdout == told
    look = hosts[1].run("sh", "-c", "stat -c %a /usr/sbin/policy*; tail -1 /usr/sbin/policy-rc.d")
    assert look.stdout == "755\nexit 104\n"
    hosts[1].run("rm", "/usr/sbin/policy-rc.d")


def test_a_file_from_the_web(done, hosts, link):
    serve = ("systemd-run", "--unit=serve", "--working-directory=/srv/loose", "--collect")
    hosts[1].run(*serve, "python3", "-m", "http.server", "8123")
    hosts[1].run("sh", "-c", "until curl -sf -o /dev/null 127.0.0.1:8123; do sleep 0.1; done")
    url = "http://127.0.0.1:8123/lab-loose_2.0_all.deb"
    results = [ask(link, check=check, deb=url) for check in (True, False, False)]
    assert [result["changed"] for result in results] == [True, True, False]
    assert "lab-loose 2.0\n" in versions(hosts[1])
    missing = ask(link, deb=url + "x?token=rahasia")
    assert missing["msg"].startswith("Failure downloading http://127.0.0.1:8123/lab-loose_2.0_all")
    hosts[1].run("systemctl", "stop", "serve")


def test_a_file_of_another_name(done, hosts, link):
    hosts[1].run("cp", "/srv/loose/lab-loose_1.0_all.deb", "/srv/loose/latest")
    args = {"deb": "/srv/loose/latest", "allow_downgrade": True}
    assert [ask(link, **args)["changed"] for _ in range(2)] == [True, False]
    assert "lab-loose 1.0\n" in versions(hosts[1])


def test_recommended_by_a_file(done, hosts, link):
    ask(link, name=["lab-loose", "lab-b"], state="absent", purge=True)
    ask(link, deb="/srv/loose/lab-loose_2.0_all.deb", install_recommends=True)
    assert "lab-b 1.0\n" in versions(hosts[1])


def test_downloads_are_removed(done, hosts, link):
    look = ("sh", "-c", "ls /var/cache/apt/archives | grep deb || true")
    hosts[1].run("touch", "/var/cache/apt/archives/lab-a_0.1_all.deb")
    assert ask(link, check=True, clean=True)["changed"]
    assert hosts[1].run(*look).stdout == "lab-a_0.1_all.deb\n"
    assert ask(link, clean=True, name="bash")["changed"] is False
    assert hosts[1].run(*look).stdout == ""


def test_lists_that_cannot_be_fetched(done, hosts, link):
    source = "deb [trusted=yes] file:/srv/nowhere ./\n"
    hosts[1].run("tee", "/etc/apt/sources.list.d/nowhere.list", stdin=source)
    failed = ask(link, update_cache=True, update_cache_retries=1)
    hosts[1].run("rm", "/etc/apt/sources.list.d/nowhere.list")
    assert failed["msg"].startswith("Failed to update apt cache after 1 retries: E: ")
    assert "/srv/nowhere" in failed["msg"]


def test_names_that_are_options_are_no_packages(done, link):
    failed = ask(link, name="-oAPT::Get::Simulate=1")
    assert failed["msg"] == "No package matching '-oAPT::Get::Simulate' is available"
    assert ask(link, name="--purge", state="absent")["changed"] is False
    hook = "-oAPT::Update::Pre-Invoke::=touch /opt/hook"
    assert "No package matching '-oAPT" in ask(link, name=hook, state="build-dep")["msg"]


def test_by_a_sudo_user_and_by_one_who_may_not(done, hosts):
    target = dataclasses.replace(target_of(hosts[1]), user="debian")
    by_sudo = open_link(dataclasses.replace(target, become=Become()))
    ask(by_sudo, name="lab-asks", state="absent", purge=True)
    results = [ask(by_sudo, check=check, name="lab-asks") for check in (True, False, False)]
    assert [result["changed"] for result in results] == [True, True, False]
    by_sudo.close()
    plain = open_link(target)
    refused = ask(plain, name="lab-asks", state="absent")
    assert "are you root?" in refused["msg"]
    lists = ask(plain, update_cache=True)
    assert lists["msg"].startswith("Failed to lock apt for exclusive operation: ")
    assert "Permission denied" in lists["msg"]
    plain.close()

"""``systemd_service`` and ``service`` on hosts that run systemd, beside ansible-core's."""

import pytest

from lpse_ops.remote.request import RunOptions
from tests.agent.modules.onhosts.sametasks import Step, assert_same, do_ours, do_theirs

pytestmark = pytest.mark.xdist_group("lab-modules")

TEXT = """[Unit]
Description=Waits
[Service]
ExecStart=/bin/sleep 1000
ExecReload=/bin/true
[Install]
WantedBy=multi-user.target
"""
SOCKET = """[Socket]
ListenDatagram=69
[Install]
WantedBy=sockets.target
"""
INDIRECT = """[Service]
ExecStart=/bin/yes
StandardInput=socket
[Install]
Also=jauh.socket
"""
UNITS = {"tunggu.service": TEXT, "jauh.socket": SOCKET, "jauh.service": INDIRECT}
STATE = "systemctl is-active tunggu; systemctl is-enabled tunggu"


def step(name: str, **args: object) -> Step:
    return Step(name, "systemd_service", {"name": "tunggu", **args}, STATE)


STEPS = [
    Step("reload all", "systemd_service", {"daemon_reload": True}, STATE),
    Step("reexec", "systemd_service", {"daemon_reexec": True}, STATE),
    step("start", state="started"),
    step("reload", state="reloaded"),
    step("restart", state="restarted"),
    step("enable", enabled=True),
    step("disable and stop", enabled=False, state="stopped"),
    step("restart what is stopped", state="restarted"),
    step("stop", state="stopped"),
    step("reload what is stopped", state="reloaded"),
    step("stop without waiting", state="stopped", no_block=False),
    step("mask", masked=True),
    Step("mask another", "systemd_service", {"name": "e2scrub_reap", "masked": True}),
    Step("start what is masked", "systemd_service", {"name": "e2scrub_reap", "state": "started"}),
    Step("stop what is masked", "systemd_service", {"name": "e2scrub_reap", "state": "stopped"}),
    Step("enable what is masked", "systemd_service", {"name": "e2scrub_reap", "enabled": True}),
    Step("unmask", "systemd_service", {"name": "e2scrub_reap", "masked": False}),
    step("unmask and start and enable", masked=False, enabled=True, state="started"),
    step("by its whole name", state="started", enabled=True),
    step("stop again", state="stopped", enabled=False, daemon_reload=True),
    Step("mask what is not there", "systemd_service", {"name": "nihil", "masked": True}),
    Step("start what is not there", "systemd_service", {"name": "nihil2", "state": "started"}),
    Step("enable what is not there", "systemd_service", {"name": "nihil2", "enabled": True}),
    Step("stop what is not there", "systemd_service", {"name": "nihil2", "state": "stopped"}),
    Step("enable one that is", "systemd_service", {"name": "ssh", "enabled": True}),
    Step("disable what another enables", "systemd_service", {"name": "jauh", "enabled": False}),
    Step("enable what another enables", "systemd_service", {"name": "jauh", "enabled": True}),
    Step("a pattern", "systemd_service", {"name": "tung*", "state": "started"}),
    Step("a timer", "systemd_service", {"name": "apt-daily.timer", "enabled": False}),
    Step("static", "systemd_service", {"name": "systemd-journald", "enabled": True}),
    Step("an alias", "systemd_service", {"name": "dbus-org.freedesktop.login1", "enabled": True}),
    Step("globally", "systemd_service", {"name": "tunggu", "scope": "global", "enabled": True}),
]


@pytest.fixture(scope="module")
def done(hosts, link):
    for host in hosts:
        for name, text in UNITS.items():
            host.run("tee", f"/etc/systemd/system/{name}", stdin=text)
    return do_theirs(STEPS, hosts[0]), do_ours(STEPS, link)


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_ansible(done, name):
    theirs, ours = done
    assert_same(theirs[name], ours[name])


def test_service_lets_systemd_do_it(done, hosts, link):
    args = {"name": "tunggu", "state": "started", "enabled": True}
    results = [link.run("service", args, options=RunOptions()) for _ in range(2)]
    assert [result["changed"] for result in results] == [True, False]
    assert results[0]["status"]["Id"] == "tunggu.service"
    assert hosts[1].run("systemctl", "is-active", "tunggu").stdout == "active\n"


def test_service_takes_what_systemd_takes(done, hosts, link):
    unit = "/etc/systemd/system/muat.service"
    hosts[1].run("tee", unit, stdin="[Service]\nExecStart=/bin/sleep 1000\n")
    link.run("service", {"name": "muat", "state": "started"}, options=RunOptions())
    hosts[1].run("sed", "-i", "s/1000/2000/", unit)
    args = {"name": "muat", "state": "restarted", "daemon-reload": True}
    assert link.run("service", args, options=RunOptions())["changed"]
    assert "sleep 2000" in hosts[1].run("systemctl", "show", "-p", "ExecStart", "muat").stdout
    alone = link.run("service", {"daemon_reload": True}, options=RunOptions())
    assert not alone.get("failed"), alone
    refused = link.run("service", {**args, "use": "sysvinit"}, options=RunOptions())
    assert refused["msg"].startswith("Unsupported parameters for (service) module: daemon_reload.")


SCRIPT = """#!/bin/sh
### BEGIN INIT INFO
# Provides: palsu
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
# Its daemon keeps the output open, as many did.
pid=/run/palsu.pid
case $1 in
start) sleep 1000 & echo $! >$pid ;;
stop) kill $(cat $pid); rm $pid ;;
status) test -e $pid && echo palsu is running || exit 3 ;;
*) exit 1 ;;
esac
"""


def test_a_host_without_systemd_has_scripts(hosts, link):
    hosts[1].run("sh", "-c", "cat >/etc/init.d/palsu; chmod 755 /etc/init.d/palsu", stdin=SCRIPT)
    asked = {"name": "palsu", "use": "sysvinit"}

    def change(*, check: bool = False, **args: object) -> tuple[bool, bool]:
        options = RunOptions(check_mode=check)
        answers = [link.run("service", {**asked, **args}, options=options) for _ in range(2)]
        assert "failed" not in {key for each in answers for key in each}, answers
        return answers[0]["changed"], answers[1]["changed"]

    def is_running() -> bool:
        return hosts[1].run("/etc/init.d/palsu", "status", check=False).status == 0

    assert change(check=True, state="started") == (True, True)
    assert not is_running()
    assert change(state="started", enabled=True) == (True, False)
    assert is_running()
    assert hosts[1].run("sh", "-c", "ls /etc/rc2.d | grep S..palsu").stdout
    assert change(state="restarted") == (True, True)
    assert change(state="stopped", enabled=False) == (True, False)
    assert not is_running()
    missing = link.run(
        "service", {**asked, "name": "nihil", "state": "started"}, options=RunOptions()
    )
    assert missing["msg"] == "Could not find the requested service nihil: host"

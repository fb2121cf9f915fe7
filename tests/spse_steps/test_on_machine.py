"""Upgrades of an application that systemd starts and stops, in a unit of their own."""

import pytest

from tests.lab.lab import Lab
from tests.lab.waiting import wait_until
from tests.spse_steps.machine import UNIT, bring_up
from tests.standin.build import find_packages
from tests.standin.toolchain import say_missing_java

pytestmark = pytest.mark.xdist_group("steps")


@pytest.fixture(scope="module")
def machine(lab: Lab):
    if reason := say_missing_java():
        pytest.skip(reason)
    made = bring_up(lab, find_packages())
    assert wait_until(lambda: "SPSE v4.4" in made.login_page())
    yield made
    made.host.remove()


def test_a_migration_that_fails_is_taken_back_also_when_it_had_crashed_before(machine):
    """systemd, which would start it again and again, is told to leave it."""
    machine.sh("kill -ABRT $(cat /home/appserv/spse/server.pid)")
    plan = machine.write_plan("fails", "4.5-fails")
    assert machine.transient("run", plan) == 6
    machine.assert_is("4.4")
    status = machine.status()
    assert status["reason"].startswith("migrate: ")
    assert "Removed" in next(s for s in status["steps"] if s["name"] == "stop")["output"]


def test_an_upgrade_and_its_way_back(machine):
    assert machine.transient("run", machine.write_plan("upgrade", "4.5")) == 0
    machine.assert_is("4.5")
    checks = next(s for s in machine.status()["steps"] if s["name"] == "prove")["notes"]["checks"]
    assert all(each["ok"] for each in checks)
    code, answer = machine.steprunner("health", "/etc/lpse-ops/upgrade.json")
    assert (code, answer["healthy"]) == (0, True), answer
    assert machine.steprunner("rollback", "--accept-lost-writes", "percobaan")[0] == 0
    machine.assert_is("4.4")


def test_its_unit_is_stopped_in_the_middle_and_it_goes_back(machine):
    machine.sh("touch /run/spse-slow")
    plan = machine.write_plan("stopped", "4.5")
    machine.transient("run", plan, wait=False)
    assert wait_until(machine.is_migrating)
    progress = machine.status()["progress"]
    assert (progress["step"], progress["left"]) == ("migrate", ["start", "prove", "let-in", "tidy"])
    assert progress["since"]
    code, _ = machine.steprunner("run", plan)
    assert code == 11
    machine.host.run("systemctl", "stop", UNIT)
    journal = machine.host.run("journalctl", "-u", UNIT, "-o", "cat").stdout
    assert "status=130" in journal
    assert "migrate: migrate epns_prod to 4.5" in journal
    assert machine.status()["phase"] == "stopped"
    # The server has not noticed yet that the migration is gone.
    assert machine.is_migrating()
    assert machine.state_of("spse") == ("inactive", "disabled")
    machine.sh("rm /run/spse-slow")
    assert machine.steprunner("rollback")[0] == 0
    machine.assert_is("4.4")


def test_a_power_cut_in_the_migration_starts_nothing_and_is_gone_on_with(machine):
    machine.sh("touch /run/spse-slow")
    machine.transient("run", machine.write_plan("cut", "4.5"), wait=False)
    assert wait_until(machine.is_migrating)
    machine.host.kill()
    machine.host.on()
    assert machine.state_of("spse") == ("inactive", "disabled")
    assert machine.status()["progress"]["step"] == "migrate"
    # The boot may take longer with the database than somebody with "resume".
    machine.sh("systemctl stop postgresql && systemd-run --on-active=3 systemctl start postgresql")
    assert machine.transient("resume") == 0
    machine.assert_is("4.5")
    machine.host.reboot()
    assert wait_until(lambda: "SPSE v4.5" in machine.login_page())
    machine.assert_is("4.5")

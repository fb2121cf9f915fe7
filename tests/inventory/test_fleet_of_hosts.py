"""The fleets that are timed in benchmarks are sound, and read as Ansible reads them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.fleetinventory import write_fleet
from benchmarks.inventories import commands
from lpse_ops.inventory.look import Beside, look
from lpse_ops.inventory.validate import load_rules, validate
from tests.inventory.rules.fleetsites import TODAY

HOSTS = 24


@pytest.fixture(params=["yaml", "ini"])
def fleet(request, tmp_path):
    return write_fleet(tmp_path / "inventory", HOSTS, as_ini=request.param == "ini")


def test_a_sound_fleet_gives_no_finding(fleet):
    report = validate(look([str(fleet)], Beside(TODAY)), load_rules(), [])
    assert (report.findings, report.notes) == ([], [])


def test_what_is_timed_runs_and_says_nothing(fleet):
    argv = commands(fleet)["lpse-ops"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=fleet.parent)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_fleet_is_what_it_is_for_ansible(fleet):
    program = Path(sys.executable).with_name("ansible-inventory")
    done = subprocess.run(
        [program, "--list", "-i", fleet], capture_output=True, text=True, check=True
    )
    groups = json.loads(done.stdout)
    seen = look([str(fleet)], Beside(TODAY))
    assert sorted(groups["_meta"]["hostvars"]) == sorted(seen.effective)
    assert sorted(groups["spse"]["hosts"]) == sorted(seen.members["spse"])
    assert len(seen.effective) == HOSTS

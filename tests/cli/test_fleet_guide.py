"""Every command of docs/fleet.md, in its order, by both engines on machines of the lab.

The playbooks are small ones that leave the states of real upgrades: see spsefleet.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import clean_environment
from tests.cli.spsefleet import (
    PLAYBOOK,
    STATE,
    prepare,
    put_state,
    rolled_back,
    upgrade_state,
    write_inventory,
)
from tests.lab.lab import Host, Lab
from tests.spse_steps.values import state_up_to
from tests.standin.build import find_packages

pytestmark = pytest.mark.xdist_group("fleet")

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/fleet.md").read_text()
STAMP = "20261122T021500Z_ab12"
BEFORE = upgrade_state("4.3", "4.4", "20261101T021500Z_ab12")
DONE = upgrade_state("4.4", "4.5", STAMP)
STOPPED = upgrade_state("4.4", "4.5", STAMP, state=state_up_to("migrate", "begun")) | {"calls": []}
BACK = rolled_back("4.4", "4.5", STAMP, "halaman login rusak")
BACK |= {"calls": BACK["calls"] * 2}
# What each machine has before the first command of that kind.
STANDS = {"resume": STOPPED, "rollback": STOPPED, "lost": DONE}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> Iterator[list[Host]]:
    hosts = lab.up(*(f"spse-{number}" for number in range(1, 4)))
    prepare(hosts, BEFORE)
    yield hosts
    for host in hosts:
        host.remove()


@pytest.fixture
def folder(tmp_path: Path, hosts: list[Host]) -> Path:
    """What lpse-ops init lays out, as far as the guide needs it."""
    ends = {"upgrade": DONE, "resume": DONE, "rollback": BACK}
    (tmp_path / "inventory").mkdir()
    write_inventory(tmp_path / "inventory", hosts, **{host.name: {"ends": ends} for host in hosts})
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks/upgrade.yml").write_text(PLAYBOOK)
    rollback = PLAYBOOK.replace("default('upgrade')", "default('rollback')")
    (tmp_path / "playbooks/rollback.yml").write_text(rollback)
    shutil.copy(ROOT / "ansible.cfg", tmp_path)
    settings = "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n"
    (tmp_path / "lpse-ops.yml").write_text(settings)
    shutil.copy(find_packages()["spse-4.5"].archive, tmp_path)
    [variables] = blocks("json")
    assert json.loads(variables)["spse_version"] == "4.5"
    (tmp_path / "upgrade.json").write_text(variables)
    return tmp_path


def kind_of(command: str) -> str:
    return next((kind for kind in ("lost", *STANDS) if kind in command), "")


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A short path: names of sockets have no room."""
    with tempfile.TemporaryDirectory(prefix="cp-") as name:
        yield Path(name)


def test_each_command_does_what_the_guide_says(folder: Path, hosts: list[Host], sockets: Path):
    environment = clean_environment() | {
        "LPSE_OPS_STATE": str(folder / "state"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANSIBLE_PIPELINING": "1",
        # Its connections end soon after the test.
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=5s",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
    }
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert {shlex.split(each)[0] for each in commands} == {"lpse-ops", "ansible-playbook"}
    stands = ""
    for command in commands:
        if kind_of(command) != stands:
            stands = kind_of(command)
            for host in hosts:
                put_state(host, STANDS[stands])
        done = subprocess.run(
            shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        last = [json.loads(host.run("cat", STATE).stdout) for host in hosts]
        if "--check" in command:
            assert last == [BEFORE] * 3, command
        limit = re.search(r"--limit spse-(\d)", command)
        if limit:
            wanted = BACK if "rollback" in command else DONE
            assert last[int(limit[1]) - 1] == wanted, command
    assert [each == BACK for each in last] == [True, True, False]


def test_every_result_and_option_is_in_the_guide():
    from typing import get_args

    from lpse_ops.spse.fleetresult import Result

    told = set(re.findall(r"^\| `([a-z-]+)` \|", GUIDE, re.MULTILINE))
    assert told == set(get_args(Result))

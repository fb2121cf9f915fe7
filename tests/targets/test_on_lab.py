"""Targets that change the machine they run on, on machines of the lab; only those that are quick.

All of them: ``python -m tests.targets.run --listed``.
"""

from pathlib import Path

import pytest

from tests.lab.fixtures import fresh_host, lab
from tests.lab.lab import Host, Lab
from tests.targets.labhost import fresh_machine, inventory_words
from tests.targets.listing import load_entries
from tests.targets.run import run_target

__all__ = ["fresh_host", "lab"]

pytestmark = pytest.mark.xdist_group("lab")

ENTRIES = load_entries()
# They install nothing, so that their machine needs no way to Debian's packages.
QUICK = ("become", "find", "service_facts", "slurp")


@pytest.mark.parametrize("name", QUICK)
def test_target_passes(name: str, fresh_host: Host, tmp_path: Path) -> None:
    assert ENTRIES[name].word == "lab"
    ending = run_target(name, tmp_path, host=fresh_host)
    assert ending.status == 0, ending.output[-4000:]
    assert "changed=0 " not in ending.output.rpartition("PLAY RECAP")[2]


def test_what_a_target_does_happens_on_the_machine(fresh_host: Host, tmp_path: Path) -> None:
    source = tmp_path / "integration"
    (source / "targets" / "role" / "tasks").mkdir(parents=True)
    tasks = "- copy: {content: x, dest: /srv/lpse-ops-target}\n- command: hostname\n"
    (source / "targets" / "role" / "tasks" / "main.yml").write_text(tasks)
    (tmp_path / "scratch").mkdir()
    ending = run_target("role", tmp_path / "scratch", source=source, host=fresh_host)
    assert ending.status == 0, ending.output
    assert fresh_host.run("cat", "/srv/lpse-ops-target").stdout == "x"
    assert not Path("/srv/lpse-ops-target").exists()


def test_the_inventory_names_the_machine_and_its_own_python(fresh_host: Host) -> None:
    words = inventory_words(fresh_host)
    assert f'ansible_host="{fresh_host.address}"' in words
    assert 'ansible_connection="ssh" ansible_python_interpreter="/usr/bin/python3"' in words


def test_a_machine_reaches_debian_and_goes_away(lab: Lab) -> None:
    with fresh_machine(lab) as host:
        assert "Package: faketime\n" in host.run("apt-cache", "show", "faketime").stdout
        assert host.name in {each.name for each in lab.hosts()}
    assert host.name not in {each.name for each in lab.hosts()}

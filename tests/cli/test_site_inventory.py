"""The inventory that ``init`` lays out asks to be filled in, and for nothing else."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lpse_ops.cli.settings import load_settings
from lpse_ops.inventory.fleetvariables import VARIABLES
from tests.cli.test_init import run_init

PROJECT = Path(__file__).parents[2]
TODAY = ["--today", "2026-11-21"]
FILLED = {
    "ansible_host: 192.0.2.10": "ansible_host: 10.20.0.10",
    "spse_public_address:": "spse_public_address: 36.37.64.10",
    "spse_domain:": "spse_domain: spse.contohkab.go.id",
    "ansible_ssh_host_key:": next(
        each.example for each in VARIABLES if each.name == "ansible_ssh_host_key"
    ),
    "ups:": "ups: smart-ups",
    "warranty_until:": "warranty_until: 2029-03-31",
    "time_zone:": "time_zone: Asia/Makassar",
    "lkpp_addresses: []": "lkpp_addresses: [103.55.160.0/28]",
    "backup_destinations: []": "backup_destinations: [{location: /mnt/a, kept_at: Brankas}]",
}


@pytest.fixture
def site(tmp_path):
    run_init(tmp_path / "site", quiet=True)
    return tmp_path / "site"


def validate(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [str(Path(sys.executable).with_name("lpse-ops")), "inventory", "validate"]
    command = [*program, "-i", "site/inventory", *TODAY, *arguments]
    return subprocess.run(command, cwd=site.parent, capture_output=True, text=True)


def test_it_asks_to_be_filled_in(site):
    done = validate(site, "--strict")
    assert done.returncode == 1, done.stderr
    found = re.findall(r"^(\S+:\d+:\d+): error: (.*) \[", done.stdout, re.MULTILINE)
    assert [place for place, _ in found] == [
        "site/inventory/group_vars/spse.yml:9:11",
        "site/inventory/group_vars/spse.yml:12:17",
        "site/inventory/group_vars/spse.yml:18:22",
        "site/inventory/hosts.yml:12:31",
        "site/inventory/hosts.yml:13:23",
        "site/inventory/hosts.yml:15:32",
        "site/inventory/hosts.yml:17:15",
        "site/inventory/hosts.yml:18:26",
    ]
    assert all("is empty" in message or "is not pinned" in message for _, message in found)


def test_filled_in_there_is_nothing_to_find(site):
    for path in (site / "inventory/hosts.yml", site / "inventory/group_vars/spse.yml"):
        lines = path.read_text().splitlines()
        path.write_text("\n".join(_filled(line) for line in lines) + "\n")
    done = validate(site, "--strict")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def _filled(line: str) -> str:
    text = line.strip()
    return line.replace(text, FILLED.get(text, text)) if text else line


def test_what_may_be_said_to_the_roles_is_known_to_them(tmp_path):
    text = (PROJECT / "inventory/group_vars/spse.yml").read_text()
    examples = text.partition("# --- For playbooks/")[2]
    lines = [line[2:] for line in examples.splitlines() if re.match(r"#( {2,}| \w+: ?)", line)]
    settings = [line for line in lines if re.match(r" |[a-z_]+:( |$)", line)]
    said = yaml.safe_load("\n".join(settings))
    known = {
        name
        for defaults in PROJECT.glob("roles/*/defaults/main.yml")
        for name in yaml.safe_load(defaults.read_text())
    }
    assert len(said) == 7
    assert set(said) <= known
    path = tmp_path / "lpse-ops.yml"
    path.write_text(yaml.safe_dump(said["backup_client_settings"]))
    assert load_settings(path).backup.destinations[0].kept_at == "Brankas Setda"

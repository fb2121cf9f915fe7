"""From an inventory and flags to the way to a server, as ``playbook run`` finds it."""

import io
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.cli.pull_options import PullFlags
from lpse_ops.cli.pull_target import read_target
from lpse_ops.cli.wiring import App
from lpse_ops.errors import InventoryError, PlaybookError, UsageError
from lpse_ops.remote.target import Become, Target
from lpse_ops.vault import seal

SETTINGS = "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WIT}\n"
HOSTS = """\
spse:
  hosts:
    spse-1:
      ansible_host: "{{ network }}.10"
      ansible_become_password: !vault |
{sealed}
    spse-2: {ansible_connection: docker}
  vars:
    network: 192.0.2
    ansible_user: cadangan
    ansible_port: 2222
    ansible_become: true
"""


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # An ansible.cfg of where one stands names an inventory of its own.
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "inventory"
    folder.mkdir()
    sealed = seal(b"sandi sudo", b"pembuka").decode().splitlines()
    text = HOSTS.replace("{sealed}", "\n".join(" " * 10 + line for line in sealed))
    (folder / "hosts.yml").write_text(text)
    (tmp_path / "vault.password").write_text("pembuka\n")
    (tmp_path / "vault.password").chmod(0o600)
    (tmp_path / "lpse-ops.yml").write_text(SETTINGS)
    return folder


def read(site: Path, name: str = "spse-1", **flags: Any) -> Target:
    settings = site.parent / "lpse-ops.yml"
    app = App(environment={}, stderr=io.StringIO(), settings_file=settings)
    known = {"vault_password_file": (str(site.parent / "vault.password"),), **flags}
    return read_target(app, name, PullFlags(**known))


def test_variables_templates_and_vault_say_how_to_get_there(inventory: Path):
    target = read(inventory)
    assert (target.name, target.address, target.port) == ("spse-1", "192.0.2.10", 2222)
    assert (target.user, target.host_key_checking) == ("cadangan", True)
    assert target.become == Become(password="sandi sudo")
    assert "sandi" not in repr(target)


def test_variables_are_stronger_than_flags_and_extra_variables_than_both(inventory: Path):
    target = read(inventory, user="somebody", extra_vars=("ansible_port=22",), timeout=3)
    assert (target.user, target.port, target.timeout_seconds) == ("cadangan", 22, 3)


def test_an_inventory_that_is_named_is_read_instead_of_the_site_s(inventory: Path):
    target = read(inventory, "db-1", inventory=("db-1,",), become=True, become_user="spse")
    assert (target.address, target.user) == ("db-1", "")
    assert target.become == Become(user="spse")


def test_an_unknown_host_is_said_with_the_nearest(inventory: Path):
    with pytest.raises(UsageError) as unknown:
        read(inventory, "spse1")
    assert f"no host 'spse1' in {inventory}" in unknown.value.message
    assert "did you mean --host spse-1?" in unknown.value.hint


def test_an_inventory_that_is_not_there_is_said_before_the_host(inventory: Path):
    missing = str(inventory / "hots.yml")
    with pytest.raises(InventoryError) as none:
        read(inventory, inventory=(missing,))
    assert none.value.message == f"the inventory {missing} is not there"
    assert "with -i, or as backup.inventory in lpse-ops.yml" in none.value.hint
    # One of several is a warning, as it is for playbooks.
    both = (missing, str(inventory))
    assert read(inventory, inventory=both).address == "192.0.2.10"
    with pytest.raises(UsageError, match=f"there is no host 'spse-3' in {inventory}$"):
        read(inventory, "spse-3", inventory=both)


def test_an_inventory_that_cannot_be_read_is_not_said_to_be_missing(inventory: Path):
    with pytest.raises(InventoryError, match="Not a directory"):
        read(inventory, inventory=(str(inventory / "hosts.yml" / "x"),))


def test_a_connection_that_there_is_not_names_the_host(inventory: Path):
    with pytest.raises(PlaybookError, match="host spse-2: there is no connection 'docker' here"):
        read(inventory, "spse-2")

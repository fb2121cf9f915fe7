from pathlib import Path

import pytest

from lpse_ops.vault import Vault, VaultSecret
from tests.cli.commands import Ended, lpse_ops
from tests.inventory.judges import ask_ansible, write_site

VAULT = Vault([VaultSecret("default", b"rahasia")])
HOSTS = """\
all:
  vars: {day: 1, url: "http://{{ inventory_hostname }}/"}
  children:
    db: {hosts: {db-1: {day: 6}, db-2: }}
"""


def seal(text: str) -> str:
    return VAULT.encrypt(text.encode(), vault_id=None).decode()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An inventory with a secret value, and a file of them."""
    secret = seal("hidden").replace("\n", "\n  ")
    files = {
        "inventory/hosts.yml": HOSTS,
        "inventory/group_vars/db/main.yml": f"day: 4\ncode: !vault |\n  {secret}\n",
        "inventory/group_vars/db/vault.yml": seal("opened: also hidden\nnumbers: [1, 2]\n"),
        "password": "rahasia\n",
    }
    return write_site(tmp_path, files)


@pytest.fixture
def inventory(site: Path):
    """Runs a command with the password, in that folder; no inventory is named."""

    def run_inventory(*args: str, **options) -> Ended:
        vault = ["--vault-password-file", "password"]
        return lpse_ops("inventory", *args, *vault, cwd=site, **options)

    return run_inventory


def test_list_shows_templates_and_no_secrets(inventory):
    ended = inventory("list")
    assert ended.code == 0, ended.stderr
    shown = ended.json()["_meta"]["hostvars"]["db-1"]
    assert shown["url"] == "http://{{ inventory_hostname }}/"
    assert shown["day"] == 6
    assert shown["opened"] == shown["numbers"] == "<sealed>"
    assert shown["code"]["__ansible_vault"].startswith("$ANSIBLE_VAULT")
    assert "hidden" not in ended.stdout


def test_list_with_secrets_shows_them(inventory):
    shown = inventory("list", "--show-secrets").json()["_meta"]["hostvars"]["db-1"]
    assert (shown["code"], shown["opened"]) == ("hidden", "also hidden")
    assert shown["numbers"] == [1, 2]


def test_what_list_writes_in_yaml_is_an_inventory_for_ansible(inventory, site):
    ended = inventory("list", "--yaml", "--export", "--show-secrets", "--output", "copy.yml")
    assert (ended.code, ended.stdout) == (0, "")
    (site / "alone").mkdir()
    (site / "copy.yml").rename(site / "alone" / "copy.yml")
    theirs = ask_ansible("ansible-inventory", "-i", "alone/copy.yml", "--list", folder=site)
    ours = inventory("list", "-i", "alone/copy.yml")
    assert ours.stdout == theirs
    assert '"code": "hidden"' in theirs


def test_list_with_a_limit_shows_only_its_hosts(inventory):
    listed = inventory("list", "--limit", "db[0]").json()
    assert list(listed["_meta"]["hostvars"]) == listed["db"]["hosts"] == ["db-1"]


def test_graph_draws_groups_and_hosts(inventory):
    drawn = "@all:\n  |--@ungrouped:\n  |--@db:\n  |  |--db-1\n  |  |--db-2\n"
    assert inventory("graph").stdout == drawn
    assert inventory("graph", "db").stdout == "@db:\n  |--db-1\n  |--db-2\n"


def test_graph_with_variables_hides_secrets(inventory):
    ended = inventory("graph", "db", "--vars")
    assert "  |  |--{day = 6}\n" in ended.stdout
    assert "  |--{code = <sealed>}\n" in ended.stdout
    assert "hidden" not in ended.stdout


def test_host_shows_its_variables(inventory):
    assert inventory("host", "db-1", "day", "url").json() == {
        "day": 6,
        "url": "http://{{ inventory_hostname }}/",
    }
    assert inventory("host", "db-1", "day", "--yaml").stdout == "day: 6\n"
    assert inventory("host", "db-1", "--export").json() == {"day": 6}


def test_explain_says_which_file_and_line_won_and_what_it_beat(inventory):
    ended = inventory("host", "db-1", "--explain", "day", "code", "opened")
    inventory_folder = "beside the inventory"
    assert [" ".join(line.split()) for line in ended.stdout.splitlines()] == [
        "Variable Value Written in Set by",
        f"code <sealed> inventory/group_vars/db/main.yml:2:1 group_vars/db {inventory_folder}",
        "day 6 inventory/hosts.yml:4:25 host db-1",
        f"4 inventory/group_vars/db/main.yml:1:1 beats group_vars/db {inventory_folder}",
        "1 inventory/hosts.yml:2:10 beats group all",
        f"opened <sealed> inventory/group_vars/db/vault.yml:1:1 group_vars/db {inventory_folder}",
    ]


def test_explain_in_json_has_the_winner_first(inventory):
    (day,) = inventory("host", "db-1", "--explain", "day", "--format", "json").json()["variables"]
    assert [each["value"] for each in day["settings"]] == [6, 4, 1]
    assert day["settings"][0] == {
        "value": 6,
        "file": "inventory/hosts.yml",
        "line": 4,
        "column": 25,
        "set_by": "host db-1",
    }


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["host", "db-3"], 5, "there is no host 'db-3'"),
        (["host", "db-1", "dya"], 5, "nothing sets 'dya' for db-1"),
        (["graph", "web"], 5, "there is no group 'web'"),
        (["host", "db-1", "--explain", "--yaml"], 2, "hint: leave --yaml"),
        (["list", "-i", "none.yml"], 78, "hint: give the inventory with -i FILE"),
        (
            ["list", "-i", "password", "--limit", "@none"],
            78,
            "hint: what follows --limit @ must be a file",
        ),
    ],
)
def test_what_is_not_there_is_said(args, code, said, inventory):
    ended = inventory(*args)
    assert ended.code == code
    assert said in ended.stderr


def test_without_the_password_a_sealed_file_is_an_error_that_says_what_to_give(site):
    ended = lpse_ops("inventory", "list", cwd=site)
    assert ended.code == 1
    assert "group_vars/db/vault.yml" in ended.stderr
    assert "--vault-password-file" in ended.stderr


def test_the_settings_of_ansible_name_the_inventory(inventory, site):
    (site / "other").write_text("h x=1\n")
    assert inventory("host", "h", env={"ANSIBLE_INVENTORY": "other"}).json() == {"x": 1}
    (site / "ansible.cfg").write_text("[defaults]\ninventory = other\n")
    assert inventory("host", "h").json() == {"x": 1}


def test_the_inventory_beside_the_settings_is_found_from_elsewhere(site):
    (site / "lpse-ops.yml").write_text(
        "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WIB}\n"
    )
    args = ["--vault-password-file", site / "password", "--settings", site / "lpse-ops.yml"]
    ended = lpse_ops("inventory", "host", "db-2", "day", *args, cwd=Path("/"))
    assert ended.json() == {"day": 4}

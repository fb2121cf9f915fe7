import os
import sys
import threading
import time
from pathlib import Path

import pytest

from lpse_ops.errors import InventoryError, VaultError
from lpse_ops.inventory.declaration import Policy
from lpse_ops.inventory.inventory import load_inventory
from lpse_ops.inventory.layers import Setting
from lpse_ops.marked import Origin, Sealed, Text, key_origin
from lpse_ops.vault import Vault, VaultSecret
from tests.inventory.judges import write_site

FILES = {
    "inventory/hosts.yml": """\
all:
  vars: {day: 1}
  children:
    db:
      hosts: {db-1: {day: 6}}
      vars: {day: 2}
""",
    "inventory/more.ini": "[db:vars]\nday=3\n[db]\ndb-1 day=7\ndb-2\n",
    "inventory/group_vars/all.yml": "day: 4\nport: {{ day }}\n".replace("{{ day }}", "'{{ day }}'"),
    "inventory/host_vars/db-1/a.yml": "day: 8\n",
    "inventory/host_vars/db-1/b.yml": "x: 1\nday: 9\n",
    "play/group_vars/db.yml": "day: 5\n",
    "play/host_vars/db-1.yml": "day: 10\n",
}


@pytest.fixture
def load(tmp_path, monkeypatch):
    def load_files(files=FILES, sources=("inventory",), **options):
        write_site(tmp_path, files)
        monkeypatch.chdir(tmp_path)
        settings = {"playbook_folder": tmp_path / "play", "vault": None, "warn": pytest.fail}
        return load_inventory(sources, **settings | options)

    return load_files


def test_explain_names_every_layer_from_the_weakest_to_the_winner(load, tmp_path):
    inventory = load()
    play = f"{tmp_path}/play"
    assert inventory.explain("db-1", "day") == [
        Setting("group all", Origin("inventory/hosts.yml", 2, 10), 1),
        Setting("group db", Origin("inventory/hosts.yml", 6, 14), 2),
        Setting("group db", Origin("inventory/more.ini", 2, 1), 3),
        Setting(
            "group_vars/all beside the inventory", Origin("inventory/group_vars/all.yml", 1, 1), 4
        ),
        Setting("group_vars/db beside the playbook", Origin(f"{play}/group_vars/db.yml", 1, 1), 5),
        Setting("host db-1", Origin("inventory/hosts.yml", 5, 22), 6),
        Setting("host db-1", Origin("inventory/more.ini", 4, 6), 7),
        Setting(
            "host_vars/db-1 beside the inventory",
            Origin("inventory/host_vars/db-1/a.yml", 1, 1),
            8,
        ),
        Setting(
            "host_vars/db-1 beside the inventory",
            Origin("inventory/host_vars/db-1/b.yml", 2, 1),
            9,
        ),
        Setting(
            "host_vars/db-1 beside the playbook", Origin(f"{play}/host_vars/db-1.yml", 1, 1), 10
        ),
    ]


def test_a_folder_of_both_inventory_and_playbook_is_told_once(load):
    files = {"h": "db-1 day=2\n", "group_vars/all.yml": "day: 1\n"}
    inventory = load(files, ["h"], playbook_folder=Path())
    assert inventory.explain("db-1", "day") == [
        Setting("group_vars/all beside the playbook", Origin("group_vars/all.yml", 1, 1), 1),
        Setting("host db-1", Origin("h", 1, 6), 2),
    ]


def test_the_winner_is_what_the_variables_say_with_its_place(load):
    inventory = load()
    for name in ("db-1", "db-2", "localhost"):
        variables = inventory.variables(name)
        for variable in ("day", "port"):
            winner = inventory.explain(name, variable)[-1]
            assert variables[variable] == winner.value
            assert key_origin(variables, variable) == winner.origin
    assert inventory.variables("db-2")["day"] == 5
    assert isinstance(inventory.variables("db-2")["port"], Text)


def test_where_a_host_was_first_named_is_a_variable(load, tmp_path):
    inventory = load()
    assert inventory.variables("db-1")["inventory_file"] == f"{tmp_path}/inventory/hosts.yml"
    assert inventory.variables("db-2")["inventory_dir"] == f"{tmp_path}/inventory"
    assert load(sources=["a,b"]).variables("b")["inventory_file"] == "a,b"


def test_localhost_is_there_though_no_source_names_it(load):
    inventory = load()
    assert inventory.host("db-3") is None
    assert inventory.host("localhost").implicit
    variables = inventory.variables("localhost")
    assert variables["ansible_connection"] == "local"
    assert variables["ansible_python_interpreter"] == sys.executable
    assert "localhost" not in inventory.groups_magic()["all"]
    assert [host.name for host in inventory.match("all")] == ["db-1", "db-2"]
    assert inventory.host("127.0.0.1") is inventory.host("localhost")


def test_a_localhost_of_the_inventory_is_taken(load):
    inventory = load({"h": "127.0.0.1 x=1\n"}, ["h"])
    assert inventory.host("localhost") is inventory.hosts["127.0.0.1"]


def test_a_stranger_has_the_variables_of_all(load):
    assert load().variables("elsewhere")["day"] == 4


def test_another_playbook_folder_brings_its_own_variables(load, tmp_path):
    inventory = load()
    inventory.variables("db-2")
    inventory.use_playbook_folder(tmp_path / "other")
    assert inventory.variables("db-2")["day"] == 4


def test_what_tasks_add_shows_at_once_and_stays_when_sources_are_read_again(load, tmp_path):
    inventory = load()
    assert inventory.variables("db-2")["day"] == 5
    assert inventory.add_host("db-2", variables={"day": 0})
    assert inventory.add_host("new", groups=["db", "web"])
    assert inventory.group_by("db-1", "debian")
    write_site(tmp_path, {"inventory/more.ini": "[db]\ndb-9\ndb-2\n"})
    inventory.refresh()
    assert inventory.variables("db-2")["day"] == 0
    assert inventory.groups_magic()["db"] == ["db-1", "db-9", "db-2", "new"]
    assert inventory.group_names("new") == ["db", "web"]
    assert inventory.group_names("db-1") == ["db", "debian"]


def test_what_a_task_adds_is_never_a_template(load):
    inventory = load()
    inventory.add_host("new", variables={"x": "{{ y }}"})
    assert type(inventory.variables("new")["x"]) is str


def test_a_group_in_a_circle_is_refused(load):
    inventory = load()
    inventory.group_by("db-1", "a", parents=["b"])
    with pytest.raises(InventoryError, match="'b' cannot be below 'a'"):
        inventory.group_by("db-1", "b", parents=["new", "a"])
    assert inventory.group_names("db-1") == ["a", "b", "db", "new"]
    inventory.refresh()
    assert inventory.group_names("db-1") == ["a", "b", "db"]


def test_nobody_can_be_put_into_a_group_who_is_not_there(load):
    with pytest.raises(InventoryError, match="'x' is no host"):
        load().group_by("x", "a")


def test_a_source_that_cannot_be_read_is_an_error_or_a_warning(load):
    with pytest.raises(InventoryError, match="none: No such file"):
        load(sources=["none"])
    warnings = []
    lenient = Policy(missing_warns=True, none_warns=True)
    inventory = load(sources=["none", "inventory"], policy=lenient, warn=warnings.append)
    assert list(inventory.hosts) == ["db-1", "db-2"]
    assert warnings == [f"Unable to parse {os.getcwd()}/none as an inventory source"]


def test_sealed_values_stay_sealed_and_sealed_files_are_known(load):
    vault = Vault([VaultSecret("default", b"rahasia")])
    sealed = vault.encrypt(b"opened: 1\n", vault_id=None).decode()
    value = vault.encrypt(b"hidden", vault_id=None).decode().replace("\n", "\n  ")
    files = {"h": "db-1\n", "group_vars/all/a.yml": sealed}
    files["group_vars/all/b.yml"] = f"secret: !vault |\n  {value}\n"
    inventory = load(files, ["h"], vault=vault)
    variables = inventory.variables("db-1")
    assert variables["opened"] == 1
    assert isinstance(variables["secret"], Sealed)
    assert inventory.sealed_files == {"group_vars/all/a.yml"}
    assert not vault.revealed
    with pytest.raises(VaultError):
        load(files, ["h"], vault=Vault([])).variables("db-1")


def test_any_thread_may_ask_while_another_one_adds(load):
    inventory = load()
    problems = []

    def ask():
        try:
            for _ in range(200):
                assert inventory.variables("db-1")["day"] == 10
                inventory.groups_magic()
                assert all(name in inventory.groups_magic()["all"] for name in inventory.hosts)
                inventory.match("db:&all")
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(50):
        inventory.add_host(f"new{number}", groups=["db"])
    for thread in threads:
        thread.join()
    assert not problems


def test_a_thousand_hosts_take_no_time_worth_mentioning(load):
    groups = "".join(
        f"[g{g}]\nhost[{g}0:{g}9]\n[g{g}:vars]\n" + "".join(f"v{v}={g}\n" for v in range(30))
        for g in range(1, 101)
    )
    files = {"h": groups} | {f"group_vars/g{g}.yml": f"x: {g}\n" for g in range(1, 101)}
    began = time.process_time()
    inventory = load(files, ["h"], warn=[].append)
    assert len(inventory.hosts) == 1000
    for name in inventory.hosts:
        assert len(inventory.variables(name)) == 33
    inventory.groups_magic()
    assert time.process_time() - began < 20


def test_it_knows_what_it_was_read_from(load):
    inventory = load()
    assert (inventory.sources, inventory.is_parsed) == (("inventory",), True)
    lenient = Policy(missing_warns=True)
    assert not load(sources=["none"], policy=lenient, warn=[].append).is_parsed


def test_an_odd_name_that_a_task_gives_is_told_of_once(load):
    warnings = []
    inventory = load(warn=warnings.append)
    inventory.add_host("x", groups=["a-b"])
    inventory.add_host("y", groups=["a-b"])
    words = "Invalid characters were found in group names but not replaced: a-b"
    assert warnings == [words]


def test_a_host_that_is_gone_takes_nobody_along(load, tmp_path):
    inventory = load({"h": "a\nb\n"}, ["h"])
    inventory.group_by("a", "g")
    inventory.group_by("b", "g")
    write_site(tmp_path, {"h": "b\n"})
    inventory.refresh()
    assert inventory.groups_magic()["g"] == ["b"]


def test_hosts_and_groups_show_nothing_but_their_names(load):
    inventory = load()
    assert repr(inventory.hosts["db-1"]) == "<host db-1>"
    assert repr(inventory.groups["db"]) == "<group db>"

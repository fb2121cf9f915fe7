"""The real Ansible as judge: what it says of an inventory is what we say."""

import json
import random
from pathlib import Path

import pytest

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.document import to_json, to_line, to_yaml
from lpse_ops.inventory.inventory import Inventory, load_inventory
from lpse_ops.inventory.listing import View, graph, list_inventory, nest_inventory
from lpse_ops.inventory.plugins import Plugins
from lpse_ops.markedyaml import parse_marked
from lpse_ops.templating.engine import Templating
from tests.inventory.judges import answer, ask_ansible, ask_inventory, ask_playbook, write_site
from tests.inventory.pluginsites import PLUGIN_SITES
from tests.inventory.sites import HASHES, SITES

SEALED_VALUE = "secret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n"


def read(folder: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> Inventory:
    """Read an inventory with the arguments of ``ansible-inventory``, standing in its folder."""
    monkeypatch.chdir(folder)
    pairs = [arguments[at : at + 2] for at, each in enumerate(arguments) if each.startswith("-")]
    options = {pair[0]: pair[1] for pair in pairs if len(pair) > 1}
    return load_inventory(
        [pair[1] for pair in pairs if pair[0] == "-i"],
        playbook_folder=Path(options.get("--playbook-dir", ".")),
        vault=None,
        warn=[].append,
        plugins=Plugins(Templating),
    )


def keep(key: object, value: object) -> object:
    return value


@pytest.mark.parametrize("name", SITES | PLUGIN_SITES)
def test_the_list_is_that_of_ansible_inventory(name, tmp_path, monkeypatch):
    files, arguments = (SITES | PLUGIN_SITES)[name]
    write_site(tmp_path, files)
    expected = ask_inventory(tmp_path, "--list", *arguments)
    inventory = read(tmp_path, arguments, monkeypatch)
    limit = arguments[arguments.index("--limit") + 1] if "--limit" in arguments else None
    listed = list_inventory(
        View(inventory, keep, export="--export" in arguments), inventory.match("all", limit)
    )
    assert json.loads(to_json(listed, mark_unsafe=True)) == expected


@pytest.mark.parametrize("behaviour", ["replace", "merge"])
def test_mappings_are_replaced_or_merged_as_ansible_does(behaviour, tmp_path, monkeypatch):
    config = f"[defaults]\nhash_behaviour = {behaviour}\n"
    write_site(tmp_path, {**HASHES, "ansible.cfg": config})
    sources = ["hosts.yml", "more.yml"]
    expected = ask_inventory(tmp_path, "--list", *(f"-i={each}" for each in sources))
    monkeypatch.chdir(tmp_path)
    inventory = load_inventory(
        sources,
        playbook_folder=None,
        vault=None,
        warn=pytest.fail,
        merge_hashes=behaviour == "merge",
    )
    listed = list_inventory(View(inventory, keep), inventory.match("all"))
    assert json.loads(to_json(listed, mark_unsafe=True)) == expected


def as_yaml(text: str) -> object:
    """What a YAML inventory says, ciphertexts included."""
    return json.loads(
        to_json(parse_marked(text.encode(), "x.yml", warn=pytest.fail), mark_unsafe=False)
    )


@pytest.mark.parametrize("export", [False, True])
def test_yaml_is_that_of_ansible_inventory(export, tmp_path, monkeypatch):
    files, arguments = SITES["yaml"]
    write_site(tmp_path, {**files, "group_vars/all": SEALED_VALUE})
    options = ["--export"] if export else []
    expected = ask_ansible(
        "ansible-inventory", "--list", "--yaml", *options, *arguments, folder=tmp_path
    )
    inventory = read(tmp_path, arguments, monkeypatch)
    nested = nest_inventory(View(inventory, keep, export=export), inventory.match("all"))
    assert as_yaml(to_yaml(nested)) == as_yaml(expected)
    assert "!vault |" in to_yaml(nested)


@pytest.mark.parametrize("name", ["ini", "merged"])
def test_the_graph_is_that_of_ansible_inventory(name, tmp_path, monkeypatch):
    files, arguments = SITES[name]
    write_site(tmp_path, files)
    expected = ask_ansible("ansible-inventory", "--graph", "--vars", *arguments, folder=tmp_path)
    inventory = read(tmp_path, arguments, monkeypatch)
    lines = graph(View(inventory, keep), inventory.groups["all"], render=to_line)
    assert lines == expected.splitlines()


def test_one_host_is_shown_as_ansible_inventory_shows_it(tmp_path, monkeypatch):
    files, arguments = SITES["yaml"]
    write_site(tmp_path, files)
    expected = ask_inventory(tmp_path, "--host", "h1", *arguments)
    inventory = read(tmp_path, arguments, monkeypatch)
    values = View(inventory, keep).host_values(inventory.hosts["h1"])
    assert json.loads(to_json(values, mark_unsafe=False)) == expected


LITERAL_PARTS = [
    *[
        "1",
        "0",
        "-",
        "+",
        "0x1F",
        "0o17",
        "0b1",
        "1e5",
        "1e999",
        "2j",
        ".5",
        "1_0",
        "True",
        "None",
        "false",
        "yes",
        "'a'",
        "u'b'",
        "r'\\d'",
        "b'c'",
    ],
    *[
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ":",
        ",",
        "a",
        "b.c",
        "==",
        "=",
        "{{x}}",
        "set()",
        "\\",
        "é",
        "...",
        "not",
        "$HOME",
        "%",
        "@",
        "!",
        "*",
        "~",
        "`",
        ";",
    ],
    " ",
]


def test_values_in_ini_are_read_as_ansible_reads_them(tmp_path, monkeypatch):
    chance = random.Random(4)
    texts = ["".join(chance.choices(LITERAL_PARTS, k=chance.randint(1, 4))) for _ in range(600)]
    lines = [f"v{number}={text}" for number, text in enumerate(texts)]
    quoted = [f'q{number}="{text}"' for number, text in enumerate(texts) if not text.endswith("\\")]
    words = [f"h {each}" for each in quoted]
    write_site(tmp_path, {"h.ini": "\n".join(["[g]", *words, "[g:vars]", *lines, ""])})
    expected = ask_inventory(tmp_path, "--host", "h", "-i", "h.ini")
    inventory = read(tmp_path, ["-i", "h.ini"], monkeypatch)
    values = View(inventory, keep).host_values(inventory.hosts["h"])
    assert json.loads(to_json(values, mark_unsafe=False)) == expected


NAME_PARTS = [
    "a",
    "web",
    "-",
    "_",
    ".",
    "[1:3]",
    "[a:c]",
    "[01:03]",
    "[1:9:4]",
    ":22",
    ":",
    "[",
    "]",
    "1",
    "::",
    "fe80",
    "[x]",
    "é",
    "!",
    "10.0.0.1",
    "[2001:db8::5]",
    "[0:1]",
    "::1",
    "*",
    "[A:B]",
]


def test_names_of_hosts_are_read_as_ansible_reads_them(tmp_path, monkeypatch):
    """One file for each name, because a name that Ansible refuses takes its whole file along."""
    chance = random.Random(5)
    names = {"".join(chance.choices(NAME_PARTS, k=chance.randint(1, 4))) for _ in range(500)}
    files = {f"h/{at:03}.ini": f"{name} at={at}\n" for at, name in enumerate(sorted(names))}
    write_site(tmp_path, files)
    expected = ask_inventory(tmp_path, "--list", "-i", "h", may_leave_out=True)
    monkeypatch.chdir(tmp_path)
    for file in files:
        try:
            load_inventory([file], playbook_folder=None, vault=None, warn=[].append)
        except InventoryError:
            Path(file).unlink()
    inventory = load_inventory(["h"], playbook_folder=None, vault=None, warn=[].append)
    listed = list_inventory(View(inventory, keep), inventory.match("all"))
    assert json.loads(to_json(listed, mark_unsafe=True)) == expected


def draw_groups(chance: random.Random) -> str:
    """Groups in groups, with priorities, that all set the same variables."""
    names = [f"g{number}" for number in range(14)]
    lines = []
    for at, name in enumerate(names):
        lines += [f"[{name}]", *chance.sample([f"h{number}" for number in range(20)], k=4)]
        lines += [f"[{name}:vars]", f"own_{name}=1"]
        lines += [f"v{number}={name}" for number in range(8) if chance.random() < 0.5]
        if chance.random() < 0.4:
            lines.append(f"ansible_group_priority={chance.randint(-1, 3)}")
        children = [each for each in names[at + 1 :] if chance.random() < 0.2]
        lines += [f"[{name}:children]", *children] if children else []
    chance.shuffle(names)
    return "\n".join(lines) + "\n"


def test_groups_in_groups_are_merged_as_ansible_merges_them(tmp_path, monkeypatch):
    files = {
        f"{seed}/{name}.ini": draw_groups(random.Random(seed * 10 + part))
        for seed in range(3)
        for part, name in enumerate(("a", "b")[: seed + 1])
    }
    write_site(tmp_path, files)
    for seed in range(3):
        expected = ask_inventory(tmp_path, "--list", "-i", str(seed))
        inventory = read(tmp_path, ["-i", str(seed)], monkeypatch)
        listed = list_inventory(View(inventory, keep), inventory.match("all"))
        assert json.loads(to_json(listed, mark_unsafe=True)) == expected


GROWING = {
    "hosts.yml": """\
all:
  vars: {from_all: 1, over: all}
  hosts: {h1: {own: 1}, h2: }
  children:
    web: {hosts: {h1: }, vars: {over: web}}
    os_h2: {vars: {over: os}}
""",
    "group_vars/new.yml": "over: new file\n",
    "group_vars/all.yml": "file_all: 1\n",
    "host_vars/later.yml": "hv: 1\n",
    "host_vars/localhost.yml": "hv: local\n",
}


def test_hosts_and_groups_that_tasks_add_are_as_in_ansible(tmp_path, monkeypatch):
    write_site(tmp_path, GROWING)
    names = ["h1", "h2", "later", "localhost"]
    shown = ["over", "own", "hv", "from_all", "file_all", "x", "ansible_connection"]
    values = [
        answer(f"{name}_{key}", f"hostvars['{name}']['{key}'] | default('none')")
        for name in names
        for key in shown
    ]
    add = [
        {"add_host": {"name": "later", "groups": ["new", "web"], "x": 1, "own": 2}},
        {"add_host": {"name": "later", "groups": "new", "x": 3}},
        {"add_host": {"name": "alone"}},
        {"add_host": {"name": "h1", "own": 5}},
    ]
    by = [{"group_by": {"key": "os_{{ inventory_hostname }}", "parents": ["systems", "web"]}}]
    told = [answer("groups", "groups"), answer("local", "groups.os_localhost")]
    told += [answer(f"names_{name}", f"hostvars['{name}'].group_names") for name in names]
    plays = [
        {"hosts": "localhost", "gather_facts": False, "tasks": [*add, *by]},
        {"hosts": "h1,h2", "gather_facts": False, "tasks": by},
        {"hosts": "localhost", "gather_facts": False, "tasks": [*told, *values]},
    ]
    expected = ask_playbook(tmp_path, plays, "-i", "hosts.yml")

    inventory = read(tmp_path, ["-i", "hosts.yml"], monkeypatch)
    assert inventory.add_host("later", groups=["new", "web"], variables={"x": 1, "own": 2})
    assert inventory.add_host("later", groups=["new"], variables={"x": 3})
    assert not inventory.add_host("later", groups=["new"], variables={"x": 3})
    inventory.add_host("alone")
    inventory.add_host("h1", variables={"own": 5})
    for name in ("localhost", "h1", "h2"):
        assert inventory.group_by(name, f"os_{name}", parents=["systems", "web"])
    assert not inventory.group_by("h2", "os_h2", parents=["systems", "web"])

    groups = {name: sorted(hosts) for name, hosts in inventory.groups_magic().items()}
    assert groups == {name: sorted(hosts) for name, hosts in expected["groups"].items()}
    assert [host.name for host in inventory.match("os_localhost")] == expected["local"]
    for name in names:
        assert inventory.group_names(name) == expected[f"names_{name}"]
        ours = inventory.variables(name)
        assert {key: ours.get(key, "none") for key in shown} == {
            key: expected[f"{name}_{key}"] for key in shown
        }
    inventory.refresh()
    assert inventory.groups_magic()["new"] == ["later"]
    assert inventory.variables("h1")["own"] == 5

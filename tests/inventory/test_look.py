"""What ``validate`` looks at is what a run has: the same hosts, groups and winners."""

import itertools
import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.cli.findings import FORMATS
from lpse_ops.errors import InventoryError
from lpse_ops.inventory.inventory import load_inventory
from lpse_ops.inventory.listing import INTERNAL
from lpse_ops.inventory.look import Beside, look
from lpse_ops.inventory.validate import load_rules, validate
from lpse_ops.marked import Origin, plain
from lpse_ops.vault import Vault, VaultSecret
from tests.inventory.judges import write_site
from tests.inventory.sites import FOLDER, SITES

TODAY = Beside(date(2027, 1, 15))
VAULT = Vault([VaultSecret("default", b"rahasia")])
# Programs are not run.
READ = {name: site for name, site in SITES.items() if "#!" not in str(site[0])} | {
    "folder": (
        {name: text for name, text in FOLDER.items() if "#!" not in text},
        SITES["folder"][1],
    )
}


def sources_of(arguments: list[str]) -> tuple[list[str], str | None]:
    pairs = list(itertools.pairwise(arguments))
    folders = [value for option, value in pairs if option == "--playbook-dir"]
    return [value for option, value in pairs if option == "-i"], next(iter(folders), None)


@pytest.mark.parametrize("name", READ)
def test_the_winner_of_every_variable_is_that_of_a_run(name, tmp_path, monkeypatch):
    files, arguments = READ[name]
    monkeypatch.chdir(write_site(tmp_path, files))
    sources, folder = sources_of(arguments)
    inventory = load_inventory(sources, playbook_folder=folder, vault=None, warn=[].append)
    seen = look(sources, TODAY, playbook_folder=folder)
    assert seen.effective.keys() == inventory.hosts.keys()
    assert {name: list(hosts) for name, hosts in seen.members.items()} == inventory.groups_magic()
    for host in inventory.hosts:
        theirs = {
            str(key): plain(value)
            for key, value in inventory.variables(host).items()
            if key not in INTERNAL
        }
        cells = seen.effective[host]
        assert {name: plain(cell.value) for name, cell in cells.items()} == theirs
        for name, cell in cells.items():
            assert cell.name_at == inventory.explain(host, name)[-1].origin


def test_there_are_sites_of_every_kind():
    assert {"ini", "yaml", "merged", "toml", "list of hosts", "same name"} <= READ.keys()


def value_of(text: str, name: str, tmp_path, monkeypatch) -> str:
    """What the file has at the place of a value, and at that of its name."""
    monkeypatch.chdir(write_site(tmp_path, {name: text}))
    lines = text.splitlines()
    seen = look([name], TODAY)
    assert not seen.faults
    found = {cell.name: (cell.name_at, cell.value_at) for cell in seen.cells}
    return {
        key: tuple(lines[at.line - 1][at.column - 1 :] for at in places)
        for key, places in found.items()
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("h.yml", 'all:\n  vars: {a: 1, "b": yes, c: , d: "x", e: [1]}\n'),
        ("h.json", '{"all": {"vars": {"a": 1, "b": true, "d": "x"}}}'),
        ("h.toml", "[all.vars]\na = 1\nb = true\nd = 'x'\n"),
        ("h.ini", "[all:vars]\na=1\nb =  True\nd='x'\n"),
        ("h.ini", "h a=1 b=True d='x'\n"),
    ],
)
def test_numbers_and_truth_values_have_places_too(name, text, tmp_path, monkeypatch):
    at = value_of(text, name, tmp_path, monkeypatch)
    assert at["a"][1].startswith("1")
    assert at["b"][1].lower().startswith(("true", "yes"))
    assert at["d"][1].startswith(("'x'", '"x"'))
    assert at["a"][0].lstrip('"').startswith("a")


def test_a_merged_key_leads_to_where_its_value_is_written(tmp_path, monkeypatch):
    text = "all:\n  vars:\n    <<: &low {p: 1, q: 2}\n    q: 3\n  hosts: {h: }\n"
    monkeypatch.chdir(write_site(tmp_path, {"h.yml": text}))
    cells = look(["h.yml"], TODAY).effective["h"]
    assert (cells["p"].value_at, cells["q"].value_at) == (
        Origin("h.yml", 3, 18),
        Origin("h.yml", 4, 8),
    )


def test_of_a_duplicate_the_last_value_has_its_place(tmp_path, monkeypatch):
    text = "all:\n  vars:\n    a: 1\n    a: 2\n"
    monkeypatch.chdir(write_site(tmp_path, {"h.yml": text}))
    (cell,) = look(["h.yml"], TODAY).cells
    assert (cell.value, cell.value_at) == (2, Origin("h.yml", 4, 8))


def test_sealed_files_are_opened_with_a_password_and_told_of_without(tmp_path, monkeypatch):
    sealed = VAULT.encrypt(b"secret: 1\nport: 2\n", vault_id=None).decode()
    files = {"hosts": "h\n", "group_vars/all/vault.yml": sealed}
    monkeypatch.chdir(write_site(tmp_path, files))
    seen = look(["hosts"], TODAY, open_sealed=VAULT.decrypt)
    assert {cell.name: cell.in_sealed_file for cell in seen.cells} == {"secret": True, "port": True}
    assert seen.is_complete
    closed = look(["hosts"], TODAY)
    (note,) = closed.faults["not-checked"]
    assert (note.origin.file, closed.is_complete) == ("group_vars/all/vault.yml", False)
    assert "--vault-password-file" in note.hint
    wrong = Vault([VaultSecret("default", b"another")])
    (note,) = look(["hosts"], TODAY, open_sealed=wrong.decrypt).faults["not-checked"]
    assert note.origin.file == "group_vars/all/vault.yml"


def test_a_sealed_inventory_is_read_like_an_open_one(tmp_path, monkeypatch):
    sealed = VAULT.encrypt(b"[web]\nw1 a=1\n", vault_id=None).decode()
    monkeypatch.chdir(write_site(tmp_path, {"hosts": sealed}))
    seen = look(["hosts"], TODAY, open_sealed=VAULT.decrypt)
    assert seen.members["web"] == ["w1"]
    assert [cell.in_sealed_file for cell in seen.cells] == [True]


PIECES = ["'", '"', "[", "]", "{", "}", ":", "\n", "  ", "- ", "=", "[1:3]", "{{ a }}", "1", ": {}"]
TEXTS = [text for files, _ in READ.values() for text in files.values()]
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(PIECES)), max_size=3)


@given(st.sampled_from(TEXTS), CHANGES, st.sampled_from(["hosts", "hosts.yml", "hosts.ini"]))
def test_what_a_run_takes_is_read_as_by_a_run(text, changes, name):
    for share, piece in changes:
        at = int(share * len(text))
        text = text[:at] + piece + text[at:]
    with tempfile.TemporaryDirectory() as folder:
        file = str(write_site(Path(folder), {name: text}) / name)
        seen = look([file], TODAY)
        try:
            inventory = load_inventory([file], playbook_folder=None, vault=None, warn=[].append)
        except InventoryError:
            assert seen.faults or seen.cells
            return
        assert seen.effective.keys() == inventory.hosts.keys()
        for host, cells in seen.effective.items():
            theirs = inventory.variables(host)
            assert {name: plain(cell.value) for name, cell in cells.items()} == {
                str(key): plain(value) for key, value in theirs.items() if key not in INTERNAL
            }


def test_of_a_sealed_file_no_value_is_told(tmp_path, monkeypatch):
    text = b"ansible_host: 10.77.0.300\nansible_port: 77777\nansible_become: seventy-seven\n"
    text += b"ansible_user: [seventy-seven]\nansible_connection: ssh\n"
    sealed = VAULT.encrypt(text, vault_id=None).decode()
    site = {"hosts": "[web]\na\nb\n", "group_vars/web.yml": sealed}
    monkeypatch.chdir(write_site(tmp_path, site))
    report = validate(look(["hosts"], TODAY, open_sealed=VAULT.decrypt), load_rules(), [])
    assert {each.rule for each in report.findings} == {
        "bad-address",
        "bad-port",
        "same-address",
        "wrong-type",
    }
    for render in FORMATS.values():
        assert "10.77.0.300" not in render(report)
        assert "77777" not in render(report)
        assert "seventy" not in render(report)


HOSTILE = {
    "bomb": "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(9)
    ),
    "deep": "all: " + "{a: " * 5000,
    "deep list": "[" * 100_000,
    "many hosts": "all: {hosts: {'h[1:99999999]': }}\n",
    "control characters": 'all:\n  hosts:\n    "a\\e[31m\\0b": {ansible_host: "\\x1b]0;x\\a"}\n',
    "long": "all: {hosts: {" + "h" * 100_000 + ": {ansible_host: " + "1." * 50_000 + "}}}\n",
    "huge number": "all: {hosts: {h: {ansible_port: " + "9" * 900 + "}}}\n",
    "odd keys": "? [a, b]\n: 1\n",
    "nothing but text": "\x00\x01\x02",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_file_holds_it_is_looked_at_to_the_end(name, tmp_path, monkeypatch):
    monkeypatch.chdir(write_site(tmp_path, {"hosts.yml": HOSTILE[name], "more": "fine\n"}))
    seen = look(["hosts.yml", "more"], TODAY)
    report = validate(seen, load_rules(), [])
    assert all("\x1b" not in render(report) for render in FORMATS.values())
    assert any(seen.faults.values()) or "h" in seen.effective or len(seen.hosts) == 2
    assert "fine" in seen.effective

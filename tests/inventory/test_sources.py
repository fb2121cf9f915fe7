from pathlib import Path

import pytest

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import HostStated
from lpse_ops.inventory.sources import (
    MAX_BYTES,
    Reading,
    files_of,
    is_host_list,
    read_source,
    run_script,
)
from lpse_ops.vault import Vault, VaultSecret
from tests.inventory.judges import no_file_may_be_opened, write_site


def hosts_of(source, reading=None):
    reading = reading or Reading(None, pytest.fail, run_script)
    return [
        (each.host, each.port)
        for each in read_source(str(source), [], reading)
        if isinstance(each, HostStated)
    ]


def test_a_list_of_hosts_is_told_by_its_comma():
    assert hosts_of("a, b:22,[2001:db8::1]:5,x!,") == [
        *(("a", None), ("b", 22), ("2001:db8::1", 5), ("x!", None))
    ]


def test_a_file_whose_name_has_a_comma_is_a_file(tmp_path):
    path = tmp_path / "a,b"
    path.write_text("inside\n")
    assert not is_host_list(str(path))
    assert hosts_of(path) == [("inside", None)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hosts", "[web]\nh x=1\n"),
        ("hosts", "h\n"),
        ("hosts", "web: {hosts: h}\n"),
        ("hosts.ini", "h: x=1\n"),
        ("hosts.yml", "[web]\nh x=1\n"),
        ("hosts.json", '{"web": {"hosts": {"h": {}}}}'),
        ("hosts.prod", "h\n"),
        ("s.sh", '#!/bin/sh\necho \'{"web": ["h"]}\'\n'),
    ],
)
def test_what_a_file_holds_says_what_it_is(name, text, tmp_path):
    if name == "hosts.ini":
        text = "h\n"
    write_site(tmp_path, {name: text})
    assert hosts_of(tmp_path / name) == [("h", None)]


def test_a_plain_file_that_is_executable_is_read_as_text(tmp_path):
    path = tmp_path / "hosts.yml"
    path.write_text("web: {hosts: h}\n")
    path.chmod(0o755)
    assert hosts_of(path) == [("h", None)]


def test_an_executable_file_that_is_neither_says_why_for_both(tmp_path):
    path = tmp_path / "hosts.yml"
    path.write_text("web: {hosts: [h]}\n")
    path.chmod(0o755)
    with pytest.raises(InventoryError, match="is a list") as wrong:
        hosts_of(path)
    assert "as a program: " in wrong.value.hint


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("hosts", "all:\n  hosts: [a]\n", "hosts:2:10: 'hosts' of the group 'all' is a list"),
        ("hosts", "[web\nh x\n", "hosts:1:1: "),
        ("hosts.yml", "all:\n  hosts: [a]\n", "hosts.yml:2:10: "),
        ("hosts.yml", "all: {\n", "hosts.yml:2:1: "),
        ("hosts.toml", "[all.hosts]\nx\n", "hosts.toml:2:2: expected '=' after a key"),
    ],
)
def test_the_error_is_that_of_the_format_which_was_meant(
    name, text, problem, tmp_path, monkeypatch
):
    write_site(tmp_path, {name: text})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InventoryError) as wrong:
        hosts_of(name)
    assert wrong.value.message.startswith(problem)


def test_a_sealed_inventory_is_opened(tmp_path):
    vault = Vault([VaultSecret("default", b"rahasia")])
    path = tmp_path / "hosts"
    path.write_bytes(vault.encrypt(b"h x=1\n", vault_id=None))
    assert hosts_of(path, Reading(vault.decrypt, pytest.fail, run_script)) == [("h", None)]


def test_a_sealed_inventory_is_never_read_as_text(tmp_path):
    path = tmp_path / "hosts"
    path.write_bytes(Vault([VaultSecret("default", b"rahasia")]).encrypt(b"h\n", vault_id=None))
    with pytest.raises(InventoryError, match="is vault-encrypted"):
        hosts_of(path)


def test_a_missing_file_is_an_error_that_says_how_to_give_one(tmp_path):
    with pytest.raises(InventoryError, match="No such file") as wrong:
        hosts_of(tmp_path / "none")
    assert "-i FILE" in wrong.value.hint


def test_a_folder_is_read_by_names_without_what_is_no_inventory(tmp_path):
    names = ["b", "a.yml", "c/d", "c/group_vars/x", "host_vars/x", ".e", "f.md", "g~", "h.cfg"]
    write_site(tmp_path, dict.fromkeys(names, ""))
    found = [str(Path(each).relative_to(tmp_path)) for each in files_of(str(tmp_path))]
    assert found == ["a.yml", "b", "c/d"]


def test_a_folder_in_itself_is_an_error(tmp_path):
    (tmp_path / "again").symlink_to(tmp_path)
    with pytest.raises(InventoryError, match="deeper than 20 levels"):
        list(files_of(str(tmp_path)))


def test_a_script_that_cannot_start_is_an_error(tmp_path):
    path = write_site(tmp_path, {"s": "#!/no/such/program\n"}) / "s"
    with pytest.raises(InventoryError, match="cannot run"):
        hosts_of(path)


def test_what_is_no_utf_8_is_an_error_with_its_line(tmp_path):
    path = tmp_path / "hosts.ini"
    path.write_bytes(b"h1\nh2 x=\xff\n")
    with pytest.raises(InventoryError, match=r"hosts.ini:2: not UTF-8"):
        hosts_of(path)


def test_a_file_without_end_is_not_read(tmp_path):
    path = tmp_path / "hosts"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InventoryError, match="is larger than 64 MiB"):
        hosts_of(path)


def test_a_plugin_s_file_is_refused_where_there_are_no_plugins(tmp_path):
    write_site(tmp_path, {"x.yml": "plugin: constructed\n"})
    with pytest.raises(InventoryError, match=r"x.yml:1:9: inventory plugins such as"):
        hosts_of(tmp_path / "x.yml")


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path):
    with no_file_may_be_opened(), pytest.raises(InventoryError, match=r"cannot read .*: Too many"):
        list(files_of(str(tmp_path)))

import os

import pytest

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.varsfiles import VarsFiles
from lpse_ops.vault import Vault, VaultSecret
from tests.inventory.judges import no_file_may_be_opened, write_site


def values_of(folder, name, **options):
    files = VarsFiles(str(folder), options.get("open_sealed"), options.get("warn", pytest.fail))
    return [dict(each.variables) for each in files.of(name)]


def test_the_first_ending_is_read_and_the_others_are_named(tmp_path):
    write_site(tmp_path, {"all": "a: 1\n", "all.yml": "a: 2\n", "all.json": '{"a": 3}'})
    warnings = []
    assert values_of(tmp_path, "all", warn=warnings.append) == [{"a": 1}]
    assert warnings == [f"{tmp_path}: all is read; not read are: all.yml, all.json"]


def test_a_folder_is_read_in_order_with_folders_inside(tmp_path):
    names = ["web/20.yml", "web/10.yml", "web/sub/a", "web/.h.yml", "web/b.yml~", "web/c.txt"]
    write_site(tmp_path, {name: f"from: {name}\n" for name in names})
    found = [each["from"] for each in values_of(tmp_path, "web")]
    assert found == ["web/10.yml", "web/20.yml", "web/sub/a"]


def test_nothing_is_read_outside_of_the_folder(tmp_path):
    write_site(tmp_path, {"secret.yml": "a: 1\n", "host_vars/sub/x.yml": "a: 2\n"})
    assert values_of(tmp_path / "host_vars", "../secret") == []
    assert values_of(tmp_path / "host_vars", str(tmp_path / "secret.yml")) == []
    assert values_of(tmp_path / "host_vars", "sub/x") == []


def test_a_broken_link_is_passed_over(tmp_path):
    (tmp_path / "web").symlink_to("nowhere")
    write_site(tmp_path, {"web.yml": "a: 1\n"})
    assert values_of(tmp_path, "web") == [{"a": 1}]


def test_empty_and_missing_files_set_nothing(tmp_path):
    write_site(tmp_path, {"web.yml": "---\n"})
    assert values_of(tmp_path, "web") == []
    assert values_of(tmp_path, "db") == []
    assert values_of(tmp_path / "none", "db") == []


def test_a_file_in_place_of_the_folder_is_a_warning(tmp_path):
    write_site(tmp_path, {"group_vars": ""})
    warnings = []
    assert values_of(tmp_path / "group_vars", "all", warn=warnings.append) == []
    assert warnings == [f"{tmp_path}/group_vars is no folder and is left out"]


def test_a_sealed_file_is_opened(tmp_path):
    vault = Vault([VaultSecret("default", b"rahasia")])
    (tmp_path / "all").write_bytes(vault.encrypt(b"a: 1\n", vault_id=None))
    assert values_of(tmp_path, "all", open_sealed=vault.decrypt) == [{"a": 1}]
    with pytest.raises(InventoryError, match="vault") as wrong:
        values_of(tmp_path, "all")
    assert "--vault-password-file" in wrong.value.hint


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("- a: 1\n", "web.yml:1:1: variables are written as NAME: VALUE", "without '-'"),
        ("text\n", "web.yml:1:1: variables are written as NAME: VALUE", "one variable"),
        ("a: 1\n2: b\n", "web.yml:1:1: the variable 2 has no name", 'write "2"'),
        ("a: {\n", "web.yml:2:1: ", "line"),
    ],
)
def test_a_file_that_sets_no_variables_is_an_error(text, problem, hint, tmp_path, monkeypatch):
    write_site(tmp_path, {"group_vars/web.yml": text})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InventoryError) as wrong:
        values_of("group_vars", "web")
    assert wrong.value.message.startswith(f"group_vars/{problem}")
    assert hint in wrong.value.hint


def test_a_file_is_read_once(tmp_path):
    write_site(tmp_path, {"web.yml": "a: 1\n"})
    files = VarsFiles(str(tmp_path), None, pytest.fail)
    before = files.of("web")
    os.unlink(tmp_path / "web.yml")
    assert files.of("web") is before


def test_folders_without_end_are_an_error(tmp_path):
    folder = tmp_path / "host_vars" / "h"
    folder.mkdir(parents=True)
    (folder / "again").symlink_to(folder)
    files = VarsFiles(str(tmp_path / "host_vars"), None, pytest.fail)
    with pytest.raises(InventoryError, match="nested deeper than 20 levels"):
        files.of("h")


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path):
    (tmp_path / "h").mkdir()
    files = VarsFiles(str(tmp_path), None, pytest.fail)
    with no_file_may_be_opened(), pytest.raises(InventoryError, match=r"cannot read .*: Too many"):
        files.of("h")

"""Roles by names that no folder can have."""

from pathlib import Path

import pytest

from lpse_ops.errors import PlaybookError
from tests.playbook.loading import load


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("~nosuchuser/x", "is no name of a file"),
        ('"a\\0b"', "is no name of a file"),
        ("x" * 300, "there is no role"),
    ],
)
def test_a_wrong_name_has_its_place(tmp_path: Path, name: str, message: str):
    with pytest.raises(PlaybookError, match=message) as refused:
        load(tmp_path, f"- hosts: all\n  roles:\n    - role: {name}\n")
    assert "site.yml:3" in refused.value.message


def test_a_role_may_be_called_by_a_number_and_as_galaxy_writes_it(tmp_path: Path):
    files = {"site.yml": "- hosts: all\n  roles: [42, {src: 'https://x.id/apache.git,v1'}]\n"}
    files |= {"roles/42/tasks/main.yml": "[]", "roles/apache/tasks/main.yml": "[]"}
    assert [each.name for each in load(tmp_path, files).plays[0].roles] == ["42", "apache"]


def test_uses_with_the_same_sealed_parameter_are_the_same_work(tmp_path: Path):
    use = "    - role: r\n      p: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        {}\n"
    uses = "".join(map(use.format, ("6162", "6162", "6163")))
    files = {"site.yml": f"- hosts: all\n  roles:\n{uses}", "roles/r/tasks/main.yml": "[]"}
    keys = [each.key for each in load(tmp_path, files).plays[0].roles]
    assert (keys[0] == keys[1], keys[0] == keys[2]) == (True, False)


def test_empty_files_say_nothing(tmp_path: Path):
    parts = ("tasks", "handlers", "defaults", "vars", "meta")
    files = {f"roles/r/{part}/main.yml": "" for part in parts}
    files["site.yml"] = "- hosts: all\n  roles: [r]\n"
    (role,) = load(tmp_path, files).plays[0].roles
    assert (role.defaults, role.vars, role.meta.dependencies) == ({}, {}, ())


def test_all_files_of_a_folder_are_merged_but_hidden_ones_and_copies(tmp_path: Path):
    files = {
        "site.yml": "- hosts: all\n  roles: [r]\n",
        "roles/r/tasks/main.yml": "[]",
        "roles/r/vars/main/a.yml": "x: 1\ny: 1\n",
        "roles/r/vars/main/b.yml": "x: 2\n",
        "roles/r/vars/main/deep/c.yml": "z: 3\n",
        "roles/r/vars/main/.hidden.yml": "h: 1\n",
        "roles/r/vars/main/a.yml~": "x: 9\n",
        "roles/r/vars/main/note.txt": "not: read\n",
    }
    (role,) = load(tmp_path, files).plays[0].roles
    assert role.vars == {"x": 2, "y": 1, "z": 3}


def test_a_role_s_own_place_and_name_may_be_in_the_name_of_a_file(tmp_path: Path):
    files = {
        "site.yml": "- hosts: all\n  roles: [r]\n",
        "roles/r/tasks/main.yml": "- import_tasks: '{{ role_path }}/{{ role_name }}.yml'\n",
        "roles/r/tasks/r.yml": "[]",
        "roles/r/r.yml": "- {ping: }\n",
    }
    assert len(load(tmp_path, files).plays[0].roles[0].tasks) > 1


def test_a_role_may_be_named_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    files = {
        "site.yml": "- hosts: all\n  roles: [~/ours/web]\n",
        "home/ours/web/tasks/main.yml": "",
    }
    (role,) = load(tmp_path, files).plays[0].roles
    assert (role.name, role.folder) == ("web", tmp_path / "home/ours/web")

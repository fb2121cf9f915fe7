"""``lpse-ops playbook lint`` as a user runs it."""

import pytest

from tests.cli.commands import lpse_ops

FINE = "- {hosts: all, tasks: [{ping: }]}\n"
TRAP = "- hosts: all\n  tasks:\n    - file: {path: /x, mode: 644}\n"


@pytest.fixture
def site(tmp_path):
    (tmp_path / "fine.yml").write_text(FINE)
    (tmp_path / "trap.yml").write_text(TRAP)
    return tmp_path


def test_nothing_to_say_is_exit_code_0(site):
    ended = lpse_ops("playbook", "lint", "fine.yml", cwd=site)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")


def test_findings_are_exit_code_1_with_place_rule_and_advice(site):
    ended = lpse_ops("playbook", "lint", "fine.yml", "trap.yml", cwd=site)
    assert ended.code == 1
    assert ended.stdout == (
        "trap.yml:3:24: mode-number: mode: 644 is a decimal number and means 01204\n"
        '    write mode: "0644"\n'
    )


def test_findings_as_json(site):
    ended = lpse_ops("playbook", "lint", "trap.yml", "--format", "json", cwd=site)
    assert ended.json()["schema"] == "lpse-ops/playbook/lint/1"
    (finding,) = ended.json()["findings"]
    assert (finding["file"], finding["line"], finding["column"]) == ("trap.yml", 3, 24)
    assert (finding["rule"], finding["advice"]) == ("mode-number", 'write mode: "0644"')


def test_the_path_of_roles_is_that_of_ansible_cfg(site):
    (site / "elsewhere/a/tasks").mkdir(parents=True)
    (site / "elsewhere/a/tasks/main.yml").write_text("- pinng:\n")
    (site / "ansible.cfg").write_text("[defaults]\nroles_path = elsewhere\n")
    (site / "roles.yml").write_text("- {hosts: all, roles: [a]}\n")
    ended = lpse_ops("playbook", "lint", "roles.yml", cwd=site)
    assert ended.code == 1
    assert "elsewhere/a/tasks/main.yml:1:3: error: there is no module 'pinng'" in ended.stdout
    assert "ansible-playbook roles.yml" in ended.stdout

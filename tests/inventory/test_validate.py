"""Whole inventories against all rules: what is found, and where."""

import os
import subprocess
from datetime import date

import pytest

from lpse_ops.finding import Report
from lpse_ops.inventory.look import Beside, look
from lpse_ops.inventory.validate import load_rules, validate
from lpse_ops.playbook.reserved import RESERVED
from tests.inventory.brokensites import FIVE, MORE
from tests.inventory.judges import BESIDE_PYTHON, ask_inventory, write_site
from tests.inventory.quietsites import QUIET
from tests.targets.sdist import find_integration

TODAY = date(2027, 1, 15)
RULES = load_rules()
EVERY = FIVE | MORE


def judge(*sources: str) -> Report:
    return validate(look(sources, Beside(TODAY, reserved=RESERVED)), RULES, [])


@pytest.mark.parametrize("name", EVERY)
def test_what_is_broken_is_found_at_its_place(name, tmp_path, monkeypatch):
    broken = EVERY[name]
    write_site(tmp_path, broken.files)
    monkeypatch.chdir(tmp_path)
    report = judge(*broken.sources)
    assert [f"{each.rule} {each.origin}" for each in report.findings] == broken.found
    assert all(each.hint and each.message for each in report.findings)


def test_there_are_more_than_forty_cases_and_some_of_every_rule():
    assert len(MORE) > 40
    found = {line.partition(" ")[0] for broken in EVERY.values() for line in broken.found}
    # Those of an SPSE server, of playbooks and of what is accepted have tests of their own.
    elsewhere = {name for name in RULES if name.startswith(("spse-", "warranty", "ignore-"))} | {
        "backup-destination",
        "host-key",
        "lkpp-addresses",
        "not-checked",
        "ssh-port",
        "template-loop",
        "time-zone",
        "undefined-variable",
        "ups",
    }
    assert found == RULES.keys() - elsewhere


@pytest.mark.parametrize("name", FIVE)
def test_ansible_takes_the_five_without_an_error(name, tmp_path):
    site = write_site(tmp_path, FIVE[name].files)
    ask_inventory(site, "-i", *FIVE[name].sources, "--list", may_leave_out=True)


# Of every style; ansible-inventory takes all of them without a warning.
HEALTHY = [
    "ansible-doc/inventory",
    "ansible-inventory/files/complex.ini",
    "ansible-inventory/files/unicode.yml",
    "ansible-inventory/files/valid_sample.toml",
    "ansible-inventory/files/valid_sample.yml",
    "any_errors_fatal/inventory",
    "callback_default/inventory",
    "connection_delegation/inventory.ini",
    "connection_local/test_connection.inventory",
    "connection_paramiko_ssh/test_connection.inventory",
    "delegate_to/inventory",
    "delegate_to/inventory_interpreters",
    "fork_safe_stdio/hosts",
    "gathering_facts/inventory",
    "handler_race/inventory",
    "handlers/inventory.handlers",
    "hosts_field/inventory.hosts_field",
    "include_import/inventory",
    "inventory/inv_with_host_vars.yml",
    "inventory/inv_with_int.yml",
    "inventory_constructed/invs/1/one.yml",
    "inventory_constructed/static_inventory.yml",
    "inventory_ini/inventory.ini",
    "inventory_toml/inventory.toml",
    "limit_inventory/hosts.yml",
    "lookup_inventory_hostnames/inventory",
    "meta_tasks/inventory.yml",
    "order/inventory",
    "special_vars_hosts/inventory",
    "strategy_host_pinned/hosts",
    "throttle/inventory",
    "unicode/inventory",
    "var_blending/inventory",
    "var_precedence/inventory",
    "vars_files/inventory",
]


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_found_in_what_only_looks_broken(name, tmp_path, monkeypatch):
    files, sources = QUIET[name]
    monkeypatch.chdir(write_site(tmp_path, files))
    assert judge(*sources).findings == []


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_found_in_what_ansible_core_tests_itself_with(name, monkeypatch):
    monkeypatch.chdir(find_integration() / "targets")
    seen = look([name], Beside(TODAY, reserved=RESERVED))
    assert seen.hosts
    assert validate(seen, RULES, []).findings == []


def test_ansible_takes_them_without_a_warning():
    sources = [word for name in HEALTHY for word in ("-i", name)]
    argv = [BESIDE_PYTHON / "ansible-inventory", "--list", *sources]
    environment = {**os.environ, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
    folder = find_integration() / "targets"
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


MIXED = {
    "inventory/01-hosts.ini": "[web]\nweb[01:03].example.go.id ansible_port=2222\n[db]\ndb-[a:c]\n",
    "inventory/02-more.yml": "db:\n  vars: {size: 5}\n  hosts:\n    db-a: {disk: !unsafe '{{'}\n",
    "inventory/03.json": '{"all": {"children": {"site": {"children": {"web": {}, "db": {}}}}}}',
    "inventory/04.toml": "[backup.hosts]\nb1 = {ansible_host = '2001:db8::5'}\n",
    "inventory/group_vars/all.yml": "ansible_user: deploy\nansible_become: yes\nday: 1\n",
    "inventory/group_vars/web/main.yml": "ansible_host: '{{ inventory_hostname_short }}.lan'\n",
    "inventory/group_vars/site.yml": "x: '{{ day }}'\n",
    "inventory/host_vars/db-a.yml": "a: 1\n",
    "inventory/host_vars/localhost.yml": "a: 1\n",
    "inventory/group_vars/README.md": "what stands here\n",
}


def test_nothing_is_found_in_a_folder_of_all_styles(tmp_path, monkeypatch):
    monkeypatch.chdir(write_site(tmp_path, MIXED))
    report = judge("inventory")
    assert (report.findings, report.notes) == ([], [])


def test_a_plugin_beside_is_not_run_and_what_it_would_give_is_not_missed(tmp_path, monkeypatch):
    plugin = "plugin: constructed\nkeyed_groups: [{key: day, prefix: day}]\n"
    files = {
        **MIXED,
        "inventory/05-constructed.yml": plugin,
        "inventory/group_vars/day_1.yml": "late: true\n",
        "inventory/06.ini": "[day_2]\n",
        "inventory/07": "#!/bin/sh\nexit 1\n",
    }
    monkeypatch.chdir(write_site(tmp_path, files))
    report = judge("inventory")
    assert report.findings == []
    assert [each.origin.file for each in report.notes] == [
        "inventory/05-constructed.yml",
        "inventory/07",
    ]
    assert {each.rule for each in report.notes} == {"not-checked"}

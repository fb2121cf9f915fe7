"""Traps that lint names, and what it leaves alone."""

import re
from pathlib import Path

import pytest

from lpse_ops.marked import Origin
from lpse_ops.playbook.lint import RESERVED, lint_playbook
from lpse_ops.playbook.mode_trap import Finding
from lpse_ops.playbook.template_check import template_checker
from lpse_ops.templating.engine import Templating
from tests.playbook.loading import make_context, run_ansible, write_tree

PLAY = "- hosts: all\n  tasks:\n"


def lint(folder: Path, files: dict[str, str] | str) -> list[Finding]:
    write_tree(folder, {"site.yml": files} if isinstance(files, str) else files)
    return lint_playbook(folder / "site.yml", make_context)


def task(text: str) -> str:
    return PLAY + "    - " + text.replace("\n", "\n      ") + "\n"


TRAPS = {
    "file: {path: /x, mode: 644}": ("mode-number", 'write mode: "0644"'),
    "file:\n  path: /x\n  mode: 755": ("mode-number", 'write mode: "0755"'),
    'ping:\nwhen: "{{ x }}"': ("condition-braces", "write when without {{ }}"),
    'ping:\nuntil: ["{{ x }}"]': ("condition-braces", "write until without {{ }}"),
    "ping:\nwhen: x | length": ("condition-type", "compare it: x | length > 0"),
    "ping:\nchanged_when: x.stdout | int": ("condition-type", "| bool"),
    'ping:\nwhen: n | int == "5"': ("quoted-number", "write 5 without quotes"),
    "set_fact: a=yes": ("text-bool", "write a: true"),
    'set_fact: {a: "No"}': ("text-bool", "write a: false"),
    "debug: msg={{ ansible_os_family }}": ("fact-variable", "ansible_facts['os_family']"),
    "ping:\nwhen: ansible_distribution == 'Debian'": (
        "fact-variable",
        "ansible_facts['distribution']",
    ),
    "ping:\nbecome_user: sari": ("become-user", "add become: true"),
    "include_tasks: fine.yml\ntags: a": ("include-tags", "apply"),
    "debug: {msg: x}\nvars: {version: 1.10}": ("yaml-number", 'write version: "1.10"'),
    "debug: {msg: x}\nvars: {deep: {at: 12:30}}": ("yaml-number", 'write at: "12:30"'),
    "debug: {msg: x}\nvars: {mask: 0644}": ("yaml-number", 'write mask: "0644"'),
    "debug: {msg: x}\nvars: {hosts: 1}": ("reserved-name", "another name"),
    "ping:\nnotify: restrat": ("unknown-handler", "did you mean 'restart'?"),
    "pinng:": ("error", "did you mean 'ping'?"),
    "include_tasks: missing.yml": ("error", "looked in"),
    "include_tasks: bad.yml": ("error", "modules: "),
    "ping:\nping:": ("yaml", "see this place"),
}
INNOCENT = [
    'file: {path: /x, mode: "0644"}',
    "file:\n  path: /x\n  mode: 0644",
    "file: path=/x mode=644",
    "ping:\nwhen: x | length > 0",
    "ping:\nwhen: x | int | bool",
    "ping:\nwhen: n == 5",
    # Facts that look like numbers are texts.
    "ping:\nwhen: ansible_facts['distribution_major_version'] == '12'",
    "set_fact: {a: true, cacheable: yes}",
    "debug: msg={{ ansible_facts['os_family'] }}",
    "debug: msg=ansible_hostname",
    "ping:\nbecome_user: sari\nbecome: true",
    "include_tasks: fine.yml\ntags: always",
    "include_tasks: {file: fine.yml, apply: {tags: a}}\ntags: a",
    "debug: {msg: x}\nvars: {a: 1.5, b: 10, c: 0, d: true, e: '1.10'}",
    "ping:\nnotify: [restart, topic]",
    'ping:\nnotify: "{{ x }}"',
    'include_tasks: "{{ x }}.yml"',
]
OTHERS = {
    "fine.yml": "- ping:\n",
    "bad.yml": "- nonsense_module:\n",
}
# Ansible says nothing, and overwrites them.
MAGIC = {
    "group_names",
    "groups",
    "hostvars",
    "inventory_hostname",
    "play_hosts",
    "playbook_dir",
    "role_path",
}
HANDLERS = "  handlers:\n    - {name: restart, ping: , listen: topic}\n"


@pytest.mark.parametrize("text", TRAPS)
def test_a_trap_is_found_and_the_way_out_is_said(text, tmp_path):
    found = lint(tmp_path, {"site.yml": task(text) + HANDLERS, **OTHERS})
    rule, advice = TRAPS[text]
    assert [each.rule for each in found] == [rule]
    assert advice in found[0].advice
    assert found[0].origin is not None or rule == "yaml"


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_fine_is_left_alone(text, tmp_path):
    assert lint(tmp_path, {"site.yml": task(text) + HANDLERS, **OTHERS}) == []


def test_all_faults_are_named_at_once_and_each_only_once(tmp_path):
    text = "- {hosts: all, roles: [a, {role: a, x: 1}]}\n" + task("pinng:") + "- {hosts: []}\n"
    files = {"site.yml": text, "roles/a/tasks/main.yml": "- {file: {path: /x, mode: 644}}\n"}
    found = lint(tmp_path, files)
    assert [each.rule for each in found] == ["mode-number", "error", "error"]
    assert [each.origin.line for each in found if each.origin] == [1, 4, 5]


def test_where_a_role_is_missing_any_handler_may_be_notified(tmp_path):
    text = task("ping:\nnotify: restart") + "  roles: [none]\n"
    assert [each.rule for each in lint(tmp_path, text)] == ["error"]


def test_variables_that_fail_whenever_they_are_used(tmp_path):
    checker = template_checker(Templating())
    files = {
        "site.yml": "- hosts: all\n  roles: [a]\n  vars: {x: '{{ y | nihil }}', z: '{{ y }}'}\n"
        "  tasks:\n    - {debug: , vars: {deep: {v: '{{ y | }}'}}}\n",
        "roles/a/defaults/main.yml": "x: \"{{ lookup('nihil') }}\"\n",
    }
    write_tree(tmp_path, files)
    found = lint_playbook(
        tmp_path / "site.yml", lambda warn: make_context(warn, check_templates=checker)
    )
    assert [each.rule for each in found] == ["variable-template"] * 3
    places = [str(each.origin).removeprefix(f"{tmp_path}/") for each in found]
    assert places == ["roles/a/defaults/main.yml:1:4", "site.yml:3:21", "site.yml:5:35"]
    assert found[1].message == "x: there is no filter 'nihil' here"


def test_a_strategy_of_somebody_else(tmp_path):
    text = "- hosts: all\n  strategy: mitogen_linear\n  gather_facts: false\n  tasks: [{debug: }]\n"
    (found,) = lint(tmp_path, text)
    assert (found.rule, found.origin) == ("error", Origin(f"{tmp_path}/site.yml", 2, 13))
    assert "linear" in found.advice
    plugin = "from ansible.plugins.strategy.linear import StrategyModule\n"
    write_tree(tmp_path, {"strategy_plugins/mitogen_linear.py": plugin})
    done = run_ansible("ansible-playbook", "-i", "localhost,", "site.yml", cwd=tmp_path)
    assert "strategy plugins not included in ansible.builtin are deprecated" in done.stderr
    for name in ("free", "ansible.builtin.linear", "'{{ x }}'"):
        assert lint(tmp_path, f"- hosts: all\n  strategy: {name}\n") == []


def test_included_roles_are_looked_into(tmp_path):
    files = {
        "site.yml": task("include_role: {name: a}"),
        "roles/a/tasks/main.yml": "- {ping: , notify: there}\n- {ping: , notify: nowhere}\n",
        "roles/a/handlers/main.yml": "- {name: there, ping: }\n",
        "roles/a/defaults/main.yml": "x: 1\n",
    }
    found = lint(tmp_path, files)
    assert [each.message for each in found] == ["there is no handler 'nowhere'"]


def test_reserved_names_are_those_that_ansible_warns_of(tmp_path):
    (tmp_path / "site.yml").write_text(
        "- hosts: localhost\n  gather_facts: false\n  vars:\n"
        + "".join(f"    {name}: 1\n" for name in sorted(RESERVED))
    )
    done = run_ansible("ansible-playbook", "-i", "localhost,", "site.yml", cwd=tmp_path)
    warned = set(re.findall(r"reserved name '(\w+)'", done.stderr + done.stdout))
    assert warned == set(RESERVED) - MAGIC


def test_a_file_that_is_no_yaml_is_one_finding(tmp_path):
    found = lint(tmp_path, "- hosts: [all\n")
    assert [each.rule for each in found] == ["error"]
    assert "site.yml:" in found[0].message


def test_a_role_that_is_not_there_hides_nothing_else(tmp_path):
    text = "- hosts: all\n  roles: [none]\n  tasks: [{set_fact: {a: ['{{ ansible_hostname }}']}}]\n"
    assert [(each.rule, each.origin.line) for each in lint(tmp_path, text)] == [
        ("error", 2),
        ("fact-variable", 3),
    ]


def test_where_a_handler_s_name_is_a_template_any_may_be_notified(tmp_path):
    handlers = "  handlers: [{name: '{{ x }}', ping: }]\n"
    assert not lint(tmp_path, task("ping:\nnotify: restrat") + handlers)

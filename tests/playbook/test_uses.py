"""Which variables a playbook uses and defines, read from files alone."""

from pathlib import Path

import pytest

from lpse_ops.playbook.uses import Uses, read_uses
from tests.playbook.loading import make_context, write_tree


def read(folder: Path, files: dict[str, str], given=()) -> Uses:
    write_tree(folder, files)
    return read_uses([folder / "site.yml"], lambda _: make_context(), given)


def missing(folder: Path, files: dict[str, str], given=()) -> dict[str, str]:
    """Names that nothing defines, with the place of their first use."""
    uses = read(folder, files, given)
    return {
        name: f"{Path(origin.file).relative_to(folder)}:{origin.line}:{origin.column}"
        for name, origin in uses.used.items()
        if name not in uses.defined | set(given)
    }


def play(*lines: str, head: str = "") -> dict[str, str]:
    tasks = "".join(f"    {line}\n" for line in lines)
    return {"site.yml": f"- hosts: all\n{head}  tasks:\n{tasks}"}


USED = [
    ("- debug: {msg: 'a {{ x }}'}", "site.yml:3:26"),
    ("- debug: {msg: x}\n      when: x", "site.yml:4:13"),
    ("- debug: {msg: x}\n      when: [true, not x]", "site.yml:4:24"),
    ("- debug: var=x", "site.yml:3:18"),
    ("- assert: {that: x == 'x'}", "site.yml:3:22"),
    ("- command: echo {{ x }}", "site.yml:3:24"),
    ("- command: |\n        echo x\n        {{ x }}", "site.yml:5:12"),
    ("- command: >-\n        echo\n\n        {{ x.y[0] }}", "site.yml:6:12"),
    ("- name: x {{ x }}\n      ping:", "site.yml:3:18"),
    ("- ping:\n      loop: '{{ x }}'", "site.yml:4:17"),
    ("- ping:\n      with_items: ['{{ x }}']", "site.yml:4:24"),
    ("- ping:\n      loop: [1]\n      loop_control: {label: '{{ x }}'}", "site.yml:5:33"),
    ("- ping:\n      delegate_to: '{{ x }}'", "site.yml:4:24"),
    ("- ping:\n      environment: {A: '{{ x }}'}", "site.yml:4:28"),
    ("- ping:\n      become_user: '{{ x }}'", "site.yml:4:24"),
    ("- ping:\n      until: x\n      register: r", "site.yml:4:14"),
    ("- set_fact: {y: '{{ x }}'}", "site.yml:3:25"),
    ("- debug: {msg: '{{ y }}'}\n      vars: {y: '{{ x }}'}", "site.yml:4:21"),
    ("- block: [ping: ]\n      when: x", "site.yml:4:13"),
    ('- debug: {msg: "{{ y | default(x) }}"}', "site.yml:3:36"),
    ("- debug: {msg: '{{ x | mandatory }}'}", "site.yml:3:24"),
    ("- debug: {msg: '{{ hostvars[x] }}'}", "site.yml:3:33"),
    ("- include_role: {name: r}\n      when: x", "site.yml:4:13"),
]
NOT_USED = [
    "- debug: {msg: '{{ x | default(1) }}'}",
    "- debug: {msg: '{{ x.y.z | d(omit) }}'}",
    "- debug: {msg: '{{ x }}'}\n      when: x is defined",
    "- block: [{debug: {msg: '{{ x }}'}}]\n      when: x is defined",
    "- set_fact: {x: 1}\n      when: x is undefined\n    - debug: {msg: '{{ x }}'}",
    "- ping:\n      register: x\n    - debug: {msg: '{{ x.ping }}'}",
    "- set_fact: {x: 1}\n    - debug: {msg: '{{ x }}'}",
    "- debug: {msg: '{{ x }}'}\n      vars: {x: 1}",
    "- block: [{debug: {msg: '{{ x }}'}}]\n      vars: {x: 1}",
    "- debug: {msg: '{{ item }}{{ x }}{{ ansible_loop.index }}'}\n      loop: [1]\n"
    "      loop_control: {index_var: x, extended: true}",
    "- debug: {msg: '{{ x }}'}\n      loop: [1]\n      loop_control: {loop_var: x}",
    "- add_host: {name: a, x: 1}\n    - debug: {msg: '{{ x }}'}",
    "- debug: {msg: '{{ ansible_facts.os_family }}{{ ansible_hostname }}{{ group_names }}'}",
    "- debug: {msg: \"{{ lookup('env', 'x') }}{{ q('x') }}{{ now() }}{{ playbook_dir }}\"}",
    "- debug: {msg: \"{{ hostvars['x'].x }}{{ groups.x }}{{ vars['x'] }}\"}",
    "- getent: {database: passwd}\n    - debug: {msg: '{{ getent_passwd }}'}",
    "- package_facts:\n    - debug: {msg: '{{ packages }}'}",
    "- debug: {msg: '{% for x in [1] %}{{ x }}{% endfor %}'}",
    "- debug: {msg: '{{ x }}'}\n      when: [false, y]",
    "- debug: {msg: !unsafe '{{ x }}'}",
    "- ping:\n      vars: {y: '{{ x }}'}",
    "- no.such.module: {a: 1}\n      register: x\n    - debug: {msg: '{{ x }}'}",
    "- include_vars: vars.yml\n    - debug: {msg: '{{ x }}'}",
    "- include_vars: '{{ ansible_os_family }}.yml'\n    - debug: {msg: '{{ x }}'}",
    "- include_vars: {dir: more}\n    - debug: {msg: '{{ x }}'}",
    "- include_vars: {file: vars.yml, name: x}\n    - debug: {msg: '{{ x }}'}",
    "- debug: {msg: '{{ x }}'}\n      nonsense: true",
    "- include_role: {name: '{{ role }}'}\n    - debug: {msg: '{{ x }}'}",
    "- include_role: {name: no-such-role}\n    - debug: {msg: '{{ x }}'}",
    "- include_vars: >\n        more/a.yml\n    - debug: {msg: '{{ x }}'}",
    "- debug: {msg: '{{ x }}'}\n      loop: [1]\n      loop_control: {loop_var: '{{ name }}'}",
    "- set_fact: {'{{ name }}': 1}\n    - debug: {msg: '{{ x }}'}",
]
VARS = {"vars.yml": "x: 1\n", "Debian.yml": "x: 1\n", "more/a.yml": "x: 1\n"}
ROLE = {"roles/r/tasks/main.yml": "- ping:\n"}


@pytest.mark.parametrize(("task", "place"), USED)
def test_a_use_is_found_at_its_place(task, place, tmp_path):
    assert missing(tmp_path, {**ROLE, **play(task)}) == {"x": place}


@pytest.mark.parametrize("task", NOT_USED)
def test_what_may_be_missing_or_is_defined_is_let_be(task, tmp_path):
    assert missing(tmp_path, {**VARS, **play(task)}) == {}


def test_variables_of_the_play_are_defined_and_what_they_need_is_used(tmp_path):
    head = (
        "  vars: {a: '{{ b }}', unused: '{{ never }}'}\n"
        "  vars_files: [vars.yml]\n"
        "  vars_prompt: [{name: c, prompt: C}]\n"
    )
    files = play("- debug: {msg: '{{ a }}{{ c }}{{ x }}'}", head=head)
    assert missing(tmp_path, {**VARS, **files}) == {"b": "site.yml:2:17"}


def test_a_role_its_defaults_templates_handlers_and_files(tmp_path):
    files = {
        "site.yml": "- hosts: all\n  roles: [{role: web, given: 1, when: flag}]\n",
        "roles/web/defaults/main.yml": (
            "port: '{{ base }}'\nunused: '{{ never }}'\nover: '{{ o }}'\n"
        ),
        "roles/web/vars/main.yml": "own: 1\n",
        "roles/web/vars/os/12/Debian.yml": "package: apache2\n",
        "roles/web/tasks/main.yml": (
            "- template: {src: a.conf, dest: /etc/a}\n  notify: restart\n"
            "- include_tasks: '{{ ansible_os_family }}.yml'\n"
            "- debug: {msg: '{{ port }}{{ package }}{{ given }}{{ own }}{{ over }}'}\n"
        ),
        "roles/web/tasks/Debian.yml": "- debug: {msg: '{{ deb }}'}\n",
        "roles/web/tasks/RedHat.yml": "- debug: {msg: '{{ rpm }}'}\n",
        "roles/web/handlers/main.yml": "- name: restart\n  command: '{{ program }}'\n",
        "roles/web/templates/a.conf": (
            "#jinja2: trim_blocks: True\n# {{ ansible_managed }} {{ template_path }}\n"
            "domain\n  {{ domain }}\n{% if extra is defined %}{{ extra }}{% endif %}\n"
        ),
    }
    assert missing(tmp_path, files, given={"over"}) == {
        "flag": "site.yml:2:39",
        "domain": "roles/web/templates/a.conf:4:6",
        "deb": "roles/web/tasks/Debian.yml:1:20",
        "rpm": "roles/web/tasks/RedHat.yml:1:20",
        "program": "roles/web/handlers/main.yml:2:16",
        "base": "roles/web/defaults/main.yml:1:11",
    }


def test_a_template_for_files_of_tasks_means_no_playbook_beside(tmp_path):
    files = {
        **play("- include_tasks: '{{ ansible_os_family }}.yml'"),
        "other.yml": "- hosts: all\n  tasks: [{debug: {msg: '{{ elsewhere }}'}}]\n",
        "all.yml": "- import_playbook: site.yml\n",
        "Debian.yml": "- debug: {msg: '{{ deb }}'}\n",
    }
    assert missing(tmp_path, files) == {"deb": "Debian.yml:1:20"}
    assert read(tmp_path, files).unread == ()


def test_includes_that_include_themselves_end(tmp_path):
    files = {
        **play("- include_tasks: a.yml"),
        "a.yml": "- include_tasks: a.yml\n  when: more\n- debug: {msg: '{{ x }}'}\n",
    }
    assert missing(tmp_path, files) == {"more": "a.yml:2:9", "x": "a.yml:3:20"}


def test_a_role_that_includes_itself_ends(tmp_path):
    files = {
        "site.yml": "- hosts: all\n  roles: [r]\n",
        "roles/r/tasks/main.yml": "- include_role: {name: r}\n- command: '{{ x }}'\n",
    }
    assert missing(tmp_path, files) == {"x": "roles/r/tasks/main.yml:2:16"}


@pytest.mark.parametrize(
    "content", ["", "x", "- hosts: [", "- hosts: all\n  tasks: {a: b}\n", "[]"]
)
def test_a_playbook_that_does_not_load_says_nothing(content, tmp_path):
    assert missing(tmp_path, {"site.yml": content}) == {}


def test_a_sealed_file_may_define_anything(tmp_path):
    files = play("- debug: {msg: '{{ x }}'}", head="  vars_files: [secret.yml]\n")
    sealed = {"secret.yml": "$ANSIBLE_VAULT;1.1;AES256\n616263\n"}
    assert missing(tmp_path, {**files, **sealed}) == {}


@pytest.mark.parametrize(
    ("task", "place", "problem"),
    [
        ("- ping:\n      nonsense: 1", "4:7", "a task has only one module"),
        ("- include_role: {name: '{{ role }}'}", "3:7", "only a run can tell what this includes"),
        ("- include_tasks: '{{ x }}/{{ y }}.yml'", "3:7", "only a run can tell what this includes"),
        ("- include_tasks: gone.yml", "3:22", "there is no file 'gone.yml' to include"),
        ("- set_fact: {'{{ x }}': 1}", "3:7", "only a run can tell which variables"),
        ("- include_vars: '{{ x }}'\n", "", ""),
    ],
)
def test_what_could_not_be_read_is_told(task, place, problem, tmp_path):
    uses = read(tmp_path, play(task))
    told = [f"{each.origin.line}:{each.origin.column} {each.problem}" for each in uses.unread]
    assert len(told) == bool(place), told
    assert all(each.startswith(f"{place} {problem}") for each in told), told

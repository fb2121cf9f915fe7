"""Faults that are found before any host is touched: each with its place and what to type."""

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.playbook.load import load_playbook, load_without_faults
from lpse_ops.playbook.problems import problem_at
from tests.playbook.loading import COMMAND, load, make_context, write_tree

PLAY = "- hosts: all\n  tasks:\n"


def task(text: str) -> str:
    """A play with one task, which begins in line 3, column 7."""
    return PLAY + "    - " + text.replace("\n", "\n      ") + "\n"


CASES = {
    "unknown module": (task("pinng:"), "3:7: there is no module 'pinng'", "did you mean 'ping'?"),
    "module of an unknown collection": (
        task("community.docker.container: {}"),
        "3:7: there is no module 'community.docker.container'",
        COMMAND,
    ),
    "module in action": (task("action: pinng x=1"), "3:15: there is no module", "'ping'"),
    "no module": (task("name: x\nwhen: true"), "3:7: this task names no module", "uptime"),
    "two modules": (task("ping:\ncommand: a"), "4:7: a task has only one module", "of each"),
    "unknown keyword": (
        task("ping:\nwehn: true"),
        "4:7: 'wehn' is not a valid attribute for a Task",
        "did you mean 'when'?",
    ),
    "keyword of a play": (
        task("ping:\nserial: 1"),
        "4:7: 'serial' is not a valid attribute for a Task",
        "keywords: ",
    ),
    "listen outside of handlers": (task("ping:\nlisten: x"), "4:7: 'listen' is no", "keywords"),
    "unsupported keyword": (task("ping:\ndebugger: always"), "4:7: the keyword", "--step"),
    "loop on a block": (
        task("block: []\nloop: [1]"),
        "4:7: 'loop' is not a valid attribute for a Block",
        "keywords: always, ",
    ),
    "rescue without block": (task("rescue: []"), "3:7: rescue and always need a block", "block:"),
    "unknown argument": (
        task("file:\n  pth: /x"),
        "4:9: file has no argument 'pth'",
        "did you mean 'path'? arguments: access_time",
    ),
    "wrong choice": (task("file: {path: /x, state: gone}"), "file: value of state must be", "corr"),
    "wrong choice among templates": (
        task('file: {path: "{{ x }}", state: gone}'),
        "file: value of state must be",
        "correct",
    ),
    "missing argument": (task("file: {state: absent}"), "missing required arguments: path", ""),
    "free text": (task("file: hello"), "file takes no free text", "name: value"),
    "reserved name": (
        task("set_fact: {_ansible_x: 1}"),
        "'_ansible_x'. The prefix '_ansible_' is reserved for internal use only.",
        "another name",
    ),
    "open quote": (task("command: echo 'a"), "a quote or a {{", "close it"),
    "two loops": (
        task("ping:\nloop: [1]\nwith_items: [1]"),
        "5:7: a task has only one loop",
        "remove",
    ),
    "unknown loop": (task("ping:\nwith_itms: [1]"), "there is no loop 'with_itms'", "'with_items'"),
    "empty loop": (task("ping:\nloop:"), "'loop' needs a value", "list"),
    "loop_control": (
        task("ping:\nloop_control: {var: x}"),
        "'var' is not a valid attribute for loop_c",
        "loop_",
    ),
    "wrong bool": (
        task("ping:\nbecome: perhaps"),
        "4:15: 'become' has to be true or false",
        "corr",
    ),
    "wrong number": (task("ping:\nretries: many"), "'retries' has to be a whole number", "correct"),
    "wrong mapping": (
        task("ping:\nvars: [1]"),
        "the variables of a task have to be a mapping",
        "vars:",
    ),
    "variable's name": (
        task("ping:\nvars: {a-b: 1}"),
        "'a-b' cannot be the name of a var",
        "letters",
    ),
    "register's name": (
        task("ping:\nregister: a b"),
        "'register' has to be the name of",
        "correct",
    ),
    "meta": (task("meta: flush_handler"), "meta cannot do flush_handler", "'flush_handlers'"),
    "end_role in a play": (task("meta: end_role"), "from outside of a role", "end_host"),
    "import with a loop": (
        task("import_tasks: x.yml\nloop: [1]"),
        "import_tasks is read before the play runs",
        "include_tasks",
    ),
    "keyword of an include": (
        task("include_tasks: x.yml\nbecome: true"),
        "4:7: 'become' is not a valid attribute for an include_tasks",
        "keywords: action",
    ),
    "option of an include": (
        task("include_role: {name: x, tasksfrom: y}"),
        "include_role has no option 'tasksfrom'",
        "did you mean 'tasks_from'?",
    ),
    "apply on an import": (task("import_role: {name: x, apply: {}}"), "no option 'apply'", "opt"),
    "missing file": (task("import_tasks: no.yml"), "there is no file 'no.yml' to import", "looked"),
    "missing role": (task("import_role: {name: nope}"), "there is no role 'nope'", "roles_path"),
    "template of a host": (
        task('import_tasks: "{{ ansible_os }}.yml"'),
        "cannot be evaluated before the play runs",
        "include_tasks",
    ),
    "tasks no list": (
        "- hosts: all\n  tasks: {a: 1}\n",
        "malformed block was encountered while loading tasks",
        "correct",
    ),
    "task no mapping": (PLAY + "    - ping\n", "a task has to be a mapping", "- name"),
    "flush as a handler": (
        "- hosts: all\n  handlers:\n    - meta: flush_handlers\n",
        "3:7: flush_handlers cannot be used as a handler",
        "next flush",
    ),
    "block as a handler": (
        "- hosts: all\n  handlers:\n    - block: []\n",
        "3:7: Using a block as a handler is not supported.",
        "notify",
    ),
    "role as a handler": (
        "- hosts: all\n  handlers:\n    - include_role: {name: x}\n",
        "as a handler is not supported",
        "include_tasks",
    ),
    "user twice": (
        "- {hosts: all, user: a, remote_user: b}\n",
        "both 'user' and 'remote_user' are set",
        "remove",
    ),
    "no hosts": ("- tasks: []\n", "1:3: this play has no hosts", "hosts: all"),
    "empty hosts": ("- hosts: []\n", "1:3: Hosts list cannot be empty", "hosts: all"),
    "keyword of a task in a play": (
        "- hosts: all\n  loop: [1]\n",
        "'loop' is not a valid attribute for a",
        "k",
    ),
    "strategy": ("- hosts: all\n  strategy: fre\n", "there is no strategy 'fre'", "did you mean"),
    "strategy of a plugin": ("- {hosts: all, strategy: mitogen_linear}\n", "no strategy", COMMAND),
    "connection": (task("ping:\nconnection: winrm"), "4:19: there is no connection", "openssh"),
    "become method": (task("ping:\nbecome_method: doas"), "no become_method 'doas'", "su, sudo"),
    "prompt": (
        "- hosts: all\n  vars_prompt: [{prompt: x}]\n",
        "Invalid vars_prompt data structure",
        "name",
    ),
    "role without name": ("- hosts: all\n  roles: [{x: 1}]\n", "2:11: a role needs a name", "role"),
    "not a list": ("hosts: all\n", "has to be a list of plays", "- hosts"),
    "defaults of no module": (
        "- hosts: all\n  module_defaults: {copyy: {}}\n",
        "2:21: there is no module 'copyy'",
        "did you mean 'copy'?",
    ),
    "defaults of no argument": (
        task("block: []\nmodule_defaults: [{ansible.builtin.file: {pth: x}}]"),
        "file has no argument 'pth'",
        "did you mean 'path'?",
    ),
    "tasks in a template": (
        "- {hosts: all, tasks: '{{ x }}'}\n",
        "1:23: this has to be a list of tasks",
        "- ",
    ),
    "an alias among templates": (
        task("copy: {thirsty: rather, src: '{{ x }}', dest: a}"),
        "copy: argument 'thirsty' is of type str and we were unable to convert to bool",
        "correct",
    ),
    "a list among templates": (
        task("find: {paths: [a], recurse: rather, pattern: '{{ x }}'}"),
        "find: argument 'recurse' is of type str and we were unable to convert to bool",
        "correct",
    ),
    "a role that is free text": (
        task("include_role: x"),
        "3:21: include_role has no option '_raw_params'",
        "name",
    ),
    "action that names none": (
        task("action: 5"),
        "3:7: action has to name a module",
        "module name",
    ),
    "action and a word that is none": (
        task("action: ping\nwehn: true"),
        "4:7: 'wehn' is not a valid attribute for a Task",
        "did you mean 'when'?",
    ),
    "arguments that are none": (
        task("ping: 5"),
        "3:7: the arguments of ping have to be a mapping or a text",
        "name: value",
    ),
    "args that are none": (task("ping:\nargs: 5"), "4:7: args has to be a mapping", "name: value"),
    "loop_control in a template": (
        task("ping:\nloop: [1]\nloop_control: '{{ x }}'"),
        "5:21: loop_control has to be a mapping, and cannot be a template itself",
        "its values may be templates",
    ),
    "delay": (task("ping:\ndelay: soon"), "4:14: 'delay' has to be a number, not 'soon'", "delay"),
    "percentage": (
        "- {hosts: all, max_fail_percentage: 'half%'}\n",
        "'max_fail_percentage' has to be a percentage, not 'half%'",
        "max_fail_percentage",
    ),
    "serial": (
        "- {hosts: all, serial: [1, '20%', few]}\n",
        "'serial' has to be a number, a percentage, or a list of them, not a list",
        "serial",
    ),
    "roles": (
        "- {hosts: all, roles: 123}\n",
        "A malformed role declaration was encountered.",
        "roles",
    ),
    "no playbook to import": ("- import_playbook: no.yml\n", "no.yml is not there", "name"),
    "name of the engine": (
        task("set_fact: {_ansible_x: 1}\nignore_errors: true"),
        "3:18: Invalid parameter specified beginning with keyword '_ansible_' for action 's",
        "another name",
    ),
    "playbook that imports itself": ("- import_playbook: site.yml\n", "imports itself", "name"),
    "playbook without a name": (
        "- import_playbook:\n",
        "1:3: import_playbook needs a file",
        "name",
    ),
    "playbook of a host": (
        "- import_playbook: '{{ ansible_os }}.yml'\n",
        "1:20: '{{ ansible_os }}.yml' cannot be evaluated before the play runs",
        "-e",
    ),
    "text among plays": ("- play\n", "1:3: a playbook is a list of plays", "- hosts"),
    "option of a prompt": (
        "- {hosts: all, vars_prompt: [{name: x, privat: true}]}\n",
        "1:40: vars_prompt has no option 'privat'",
        "private",
    ),
    "two names in one": (
        "- {hosts: all, roles: ['a, b']}\n",
        "1:24: Invalid old style role requirement: a, b",
        "name",
    ),
    "role without a name": (
        "- {hosts: all, roles: [{when: true}]}\n",
        "1:24: a role needs a name",
        "- role: NAME",
    ),
    "role that is named by nothing": (
        "- {hosts: all, vars: {n: ''}, roles: ['{{ n }}']}\n",
        "1:39: a role needs a name",
        "name",
    ),
    "file without a name": (task("include_tasks:"), "include_tasks needs a file", "`file: ...`"),
    "tasks_from a number": (
        task("include_role: {name: a, tasks_from: 5}"),
        "3:31: tasks_from of include_role has to be the name of a file",
        "tasks_from",
    ),
    "public perhaps": (
        task("include_role: {name: a, public: perhaps}"),
        "3:31: public of include_role has to be true or false",
        "public",
    ),
    "apply a list": (
        task("include_role: {name: a, apply: [1]}"),
        "3:31: apply of include_role has to be a mapping",
        "apply",
    ),
    "defaults that are a template": (
        "- {hosts: all, module_defaults: '{{ x }}'}\n",
        "1:33: module_defaults cannot be a template",
        "names of the modules",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_fault_is_named_with_its_place_and_a_way_out(name, tmp_path):
    text, message, hint = CASES[name]
    with pytest.raises(PlaybookError) as raised:
        load(tmp_path, text)
    error = raised.value
    assert message in error.message
    assert error.message.startswith(str(tmp_path / "site.yml"))
    assert hint in error.hint


def test_three_lines_of_the_file_are_shown_and_the_column(tmp_path):
    with pytest.raises(PlaybookError) as raised:
        load(tmp_path, task("name: x\npinng:\nwhen: true"))
    assert raised.value.message.split("\n")[1:] == [
        "     3 |     - name: x",
        ">    4 |       pinng:",
        "       |       ^",
        "     5 |       when: true",
    ]


def test_values_named_like_secrets_are_not_shown(tmp_path):
    with pytest.raises(PlaybookError) as raised:
        load(tmp_path, task("vars:\n  db_password: geheim\npinng:\nregister: y"))
    assert "geheim" not in raised.value.message
    assert "db_password: ********" in raised.value.message


def test_the_hint_has_the_command_for_ansible(tmp_path):
    with pytest.raises(PlaybookError) as raised:
        load(tmp_path, task("community.docker.container: {}"))
    assert raised.value.hint.endswith(f"ansible-core may know it: {COMMAND}")


def test_a_module_of_the_site_is_named(tmp_path):
    files = {"site.yml": task("ours: {}"), "library/ours.py": ""}
    with pytest.raises(PlaybookError, match="there is no module 'ours'") as raised:
        load(tmp_path, files)
    assert raised.value.hint == (
        f"{tmp_path}/library/ours.py is a module of the site, which only Ansible runs: {COMMAND}"
    )


ROLE_CASES = {
    "tasks that are no list": ({"roles/a/tasks/main.yml": "x: 1"}, "has to be a list of tasks"),
    "vars that are no mapping": ({"roles/a/vars/main.yml": "[1]"}, "has to be a mapping of var"),
    "dependencies that are no list": (
        {"roles/a/meta/main.yml": "dependencies: {b: 1}"},
        "dependencies have to be a list",
    ),
    "dependencies in a circle": (
        {
            "roles/a/meta/main.yml": "dependencies: [b]",
            "roles/b/meta/main.yml": "dependencies: [a]",
        },
        "depend on each other in a circle: a -> b -> a",
    ),
    "tasks that import themselves": (
        {"roles/a/tasks/main.yml": "- import_tasks: main.yml"},
        "imports itself",
    ),
    "meta that is no mapping": ({"roles/a/meta/main.yml": "[1]"}, "has to be a mapping"),
    "a role that imports itself": (
        {"roles/a/tasks/main.yml": "- import_role: {name: a}"},
        "imports go on without end",
    ),
}


@pytest.mark.parametrize("name", ROLE_CASES)
def test_faults_of_roles(name, tmp_path):
    files, message = ROLE_CASES[name]
    with pytest.raises(PlaybookError) as raised:
        load(tmp_path, {"site.yml": "- hosts: all\n  roles: [a]\n", **files})
    assert message in raised.value.message


@pytest.mark.parametrize("asked", ["../../../secret", "nope"])
def test_a_role_gives_only_its_own_files(asked, tmp_path):
    files = {
        "secret.yml": "[]",
        "roles/a/tasks/main.yml": "[]",
        "site.yml": task(f"import_role: {{name: a, tasks_from: {asked}}}"),
    }
    with pytest.raises(PlaybookError, match=r"not inside the expected role|has no file"):
        load(tmp_path, files)


EXPECTED = {
    "ignored": "- {file: {pth: /x}, ignore_errors: true}",
    "ignored perhaps": '- {file: {pth: /x}, ignore_errors: "{{ x }}"}',
    "judged by itself": "- {file: {state: gone}, failed_when: false}",
    "rescued": "- {block: [{file: hello}], rescue: [{ping: }]}",
    "rescued further out": "- {block: [{block: [{ping: , become: perhaps}]}], rescue: [{ping: }]}",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_failure_that_the_playbook_deals_with_is_left_to_the_run(name, tmp_path):
    play = load(tmp_path, f"- hosts: all\n  tasks:\n    {EXPECTED[name]}\n").plays[0]
    assert len(play.tasks) == 1


@pytest.mark.parametrize(
    "text",
    [
        "- {block: [], rescue: [{file: {pth: /x}}]}",
        "- {block: [{ping: }], rescue: [{ping: }], always: [{file: {pth: /x}}]}",
        "- {file: {pth: /x}, ignore_errors: false}",
        "- {pinng: , ignore_errors: true}",
    ],
)
def test_all_others_are_found_first(text, tmp_path):
    with pytest.raises(PlaybookError):
        load(tmp_path, f"- hosts: all\n  tasks:\n    {text}\n")


def test_a_playbook_that_is_not_there(tmp_path):
    with pytest.raises(PlaybookError, match=r"there is no playbook .*/none.yml"):
        load_playbook(tmp_path / "none.yml", make_context())


def test_a_fault_without_a_place_is_told_all_the_same():
    error = problem_at(None, "something is wrong", hint="do something")
    assert (error.message, error.hint) == ("something is wrong", "do something")


def all_faults(folder, text: str) -> PlaybookError:
    write_tree(folder, {"site.yml": text})
    with pytest.raises(PlaybookError) as caught:
        load_without_faults(folder / "site.yml", make_context())
    return caught.value


def test_a_run_is_told_of_every_fault(tmp_path):
    text = PLAY + "    - pinng:\n    - file: {pth: /x}\n    - ping:\n      wehn: true\n"
    error = all_faults(tmp_path, text)
    for told in ("3:7: there is no module", "4:14: file has no argument", "6:7: 'wehn' is not"):
        assert told in error.message
    assert error.hint.startswith("correct these 3; lpse-ops playbook lint ")


def test_a_single_fault_is_told_as_it_is(tmp_path):
    one = all_faults(tmp_path, task("pinng:"))
    with pytest.raises(PlaybookError) as caught:
        load(tmp_path, task("pinng:"))
    assert (one.message, one.hint) == (caught.value.message, caught.value.hint)


def test_what_two_plays_use_is_at_fault_once(tmp_path):
    write_tree(tmp_path, {"roles/r/tasks/main.yml": "- pinng:\n"})
    error = all_faults(tmp_path, "- hosts: all\n  roles: [r]\n" * 2)
    assert error.message.count("there is no module") == 1


def test_no_more_faults_are_told_than_somebody_reads(tmp_path):
    error = all_faults(tmp_path, PLAY + "".join(f"    - pinng{n}:\n" for n in range(40)))
    assert error.message.count("there is no module") == 10
    assert "correct these 40" in error.hint

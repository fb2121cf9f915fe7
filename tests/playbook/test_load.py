"""What a playbook's files become: nodes, keywords, roles, handlers and their positions."""

from pathlib import Path

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Sealed, Text
from lpse_ops.playbook.model import Block, Play, Task, every_task
from tests.playbook.loading import load


def load_play(folder: Path, text: str, **fields) -> Play:
    return load(folder, text, **fields).plays[0]


def tasks_of(play: Play) -> list[Task]:
    return [task for section in play.sections() for task in every_task(section)]


def load_task(folder: Path, text: str) -> Task:
    inner = text.replace("\n", "\n      ")
    return tasks_of(load_play(folder, f"- hosts: all\n  tasks:\n    - {inner}\n"))[0]


ACTIONS = {
    "ping:": ("ping", "ping", {}),
    "ansible.builtin.ping: {data: x}": ("ping", "ansible.builtin.ping", {"data": "x"}),
    "ansible.legacy.copy: src=a dest=b": ("copy", "ansible.legacy.copy", {"src": "a", "dest": "b"}),
    "command: echo a=b creates=/x": (
        "command",
        "command",
        {"_raw_params": "echo a=b", "creates": "/x"},
    ),
    "command: uptime\nargs: {chdir: /}": (
        "command",
        "command",
        {"chdir": "/", "_raw_params": "uptime"},
    ),
    "copy: dest=a\nargs: {dest: b, src: c}": ("copy", "copy", {"src": "c", "dest": "a"}),
    "action: copy src=a dest=b": ("copy", "copy", {"src": "a", "dest": "b"}),
    "action: {module: copy, src: a, dest: b}": ("copy", "copy", {"src": "a", "dest": "b"}),
    "action: {module: copy src=a, dest: b}": ("copy", "copy", {"src": "a", "dest": "b"}),
    'copy: "{{ all_of_them }}"': ("copy", "copy", {"_variable_params": "{{ all_of_them }}"}),
    'ping:\nargs: "{{ all_of_them }}"': ("ping", "ping", {"_variable_params": "{{ all_of_them }}"}),
    'action: "{{ module }} data=x"': ("", "{{ module }}", {"data": "x"}),
    "include_tasks: x.yml": ("include_tasks", "include_tasks", {"file": "x.yml"}),
    "include_tasks: {file: x.yml, apply: {tags: a}}": (
        "include_tasks",
        "include_tasks",
        {"file": "x.yml", "apply": {"tags": "a"}},
    ),
    "include_role: {role: x}": ("include_role", "include_role", {"name": "x"}),
    "include_role: name=x": ("include_role", "include_role", {"name": "x"}),
    "meta: end_host": ("meta", "meta", {"_raw_params": "end_host"}),
    'include_vars: "{{ item }}"': (
        "include_vars",
        "include_vars",
        {"_raw_params": "{{ item }}"},
    ),
    "debug: msg='hello  world'": ("debug", "debug", {"msg": "hello  world"}),
    "action: {module: copy dest=b, args: {src: a}}": ("copy", "copy", {"dest": "b", "src": "a"}),
    'copy: "{{ some }} mode=0644"': (
        "copy",
        "copy",
        {"_variable_params": "{{ some }}", "mode": "0644"},
    ),
    # Which of the two it is, its module says.
    'action: "{{ module }} {{ rest }}"': ("", "{{ module }}", {"_raw_params": "{{ rest }}"}),
    "command: !unsafe echo {{ x }}": ("command", "command", {"_raw_params": "echo {{ x }}"}),
    "set_fact: {a: 1}\nmodule_defaults: {set_fact: {any: 2}}": ("set_fact", "set_fact", {"a": 1}),
}


@pytest.mark.parametrize("text", ACTIONS)
def test_an_action_in_each_of_its_forms(text, tmp_path):
    task = load_task(tmp_path, text)
    assert (task.action, task.written_action, task.args) == ACTIONS[text]


def test_an_encrypted_text_stays_so(tmp_path):
    task = load_task(tmp_path, "command: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3a3b")
    assert isinstance(task.args["_raw_params"], Sealed)


def test_a_local_action_is_delegated(tmp_path):
    task = load_task(tmp_path, "local_action: command echo hi")
    assert task.args == {"_raw_params": "echo hi"}
    assert task.keywords.get("delegate_to") == "localhost"


def test_texts_of_a_task_know_their_place(tmp_path):
    task = load_task(tmp_path, "name: x\ncopy: src=a dest=b\nwhen: yes_or_no")
    file = str(tmp_path / "site.yml")
    assert task.origin == (file, 3, 7)
    assert task.args["src"].origin == (file, 4, 13)
    assert task.keywords.place("when") == (file, 5, 13)


def test_loop_register_notify_and_listen(tmp_path):
    play = load_play(
        tmp_path,
        """
- hosts: all
  tasks:
    - {ping: , with_dict: {a: 1}, register: answer, notify: [one, two]}
    - {ping: , loop: [1], loop_control: {loop_var: each}}
  handlers:
    - {name: one, ping: , listen: topic}
    - {name: two, ping: , listen: [topic, other]}
""",
    )
    first, second = tasks_of(play)
    assert (first.loop, first.register, first.notify) == (
        ("dict", {"a": 1}),
        "answer",
        ["one", "two"],
    )
    assert (second.loop, second.keywords.get("loop_control")) == (
        ("loop", [1]),
        {"loop_var": "each"},
    )
    assert [(each.listen, each.is_handler) for each in play.searched_handlers()] == [
        (("topic",), True),
        (("topic", "other"), True),
    ]


INHERITING = """
- hosts: all
  become: true
  tags: play
  environment: {A: play}
  vars: {v: play}
  tasks:
    - block:
        - ping:
          when: task
          tags: [own]
          vars: {v: task}
          become: false
        - ping:
      when: [block]
      tags: block
      vars: {v: block}
      environment: {A: block}
"""


def test_keywords_come_from_all_places_around(tmp_path):
    one, two = tasks_of(load_play(tmp_path, INHERITING))
    assert one.keywords.chain("when") == [["block"], "task"]
    assert one.keywords.chain("tags") == ["play", "block", ["own"]]
    assert one.keywords.chain("environment") == [{"A": "play"}, {"A": "block"}]
    assert (one.keywords.get("become"), two.keywords.get("become")) == (False, True)
    # The play's own variables are weaker than a role's, so they are no link of this chain.
    assert one.keywords.chain("vars") == [{"v": "block"}, {"v": "task"}]


def test_blocks_and_positions(tmp_path):
    play = load_play(
        tmp_path,
        """
- hosts: all
  pre_tasks: [{ping: }]
  tasks:
    - ping:
    - block: [{ping: }, {ping: }]
      rescue: [{ping: }]
      always: [{ping: }]
  post_tasks: [{ping: }]
  handlers: [{name: h, ping: }]
""",
    )
    assert [task.position for task in tasks_of(play)] == [
        (0, 0),
        (2, 0),
        (2, 1, 0, 0),
        (2, 1, 0, 1),
        (2, 1, 1, 0),
        (2, 1, 2, 0),
        (3, 0),
    ]
    assert [task.position for task in play.searched_handlers()] == [(4, 0)]


IMPORTING = {
    "site.yml": """
- hosts: all
  vars: {which: sub}
  vars_files: [names.yml]
  tasks:
    - import_tasks: "tasks/{{ which }}.yml"
      when: outer
      tags: outer
      vars: {deep: "{{ from_file }}"}
    - include_tasks: tasks/sub.yml
      when: once
""",
    "names.yml": "from_file: below",
    "tasks/sub.yml": '- import_tasks: "{{ deep | default(from_file) }}/deep.yml"\n  when: inner',
    "tasks/below/deep.yml": "- {ping: , when: task}",
}


def test_imports_hand_down_all_they_say(tmp_path):
    imported, included = tasks_of(load(tmp_path, IMPORTING).plays[0])
    assert imported.keywords.chain("when") == ["outer", "inner", "task"]
    assert imported.keywords.chain("tags") == ["outer"]
    assert imported.position == (2, 0, 0, 0)
    assert Path(imported.origin.file).relative_to(tmp_path) == Path("tasks/below/deep.yml")
    assert (included.action, included.args) == ("include_tasks", {"file": "tasks/sub.yml"})


def test_an_import_hands_down_only_what_a_block_could(tmp_path):
    files = {
        "site.yml": """
- hosts: all
  tasks:
    - block:
        - import_tasks: sub.yml
          changed_when: false
          register: ignored
          delegate_to: other
      notify: handler
""",
        "sub.yml": "- {ping: }\n- {ping: , notify: own}\n",
    }
    one, two = tasks_of(load(tmp_path, files).plays[0])
    assert one.keywords.get("changed_when") is None
    assert (one.register, one.keywords.get("delegate_to")) == (None, "other")
    assert (one.notify, two.notify) == ("handler", "own")


def test_extra_variables_name_imported_files(tmp_path):
    files = {**IMPORTING, "tasks/other.yml": "- {name: other, ping: }"}
    play = load(tmp_path, files, extra_vars={"which": Text("other")}).plays[0]
    assert tasks_of(play)[0].name == "other"


def test_an_empty_file_is_worth_a_warning(tmp_path):
    warnings: list[str] = []
    files = {"site.yml": "- {hosts: all, tasks: [{import_tasks: x.yml}]}", "x.yml": "---\n"}
    play = load(tmp_path, files, warn=warnings.append).plays[0]
    assert tasks_of(play) == []
    assert warnings == [f"{tmp_path / 'x.yml'} is empty and has no tasks to include"]


ROLES = {
    "site.yml": """
- hosts: all
  tags: play
  roles:
    - {role: web, tags: web, listen: 80, vars: {v: use}, when: wanted}
    - base
  tasks:
    - import_role: {name: base, tasks_from: other, vars_from: small, handlers_from: few}
      tags: imported
  handlers:
    - {name: own, ping: }
""",
    "roles/web/tasks/main.yaml": "- {name: serve, ping: }",
    "roles/web/handlers/main.yml": "- {name: reload, ping: }",
    "roles/web/defaults/main.yml": "listen: 1\nuser: www",
    "roles/web/vars/main/a.yml": "one: 1\nboth: a",
    "roles/web/vars/main/b.yml": "both: b",
    "roles/web/vars/main/.hidden.yml": "both: hidden",
    "roles/web/meta/main.yml": "allow_duplicates: yes\ndependencies: [{role: base, tags: dep}]",
    "roles/base/tasks/main.yml": "- {name: install, ping: }",
    "roles/base/tasks/other.yml": "- {name: other, ping: }",
    "roles/base/handlers/main.yml": "- {name: reload, ping: , listen: base}",
    "roles/base/handlers/few.yml": "- {name: few, ping: }",
    "roles/base/vars/small.yml": "size: small",
}


def test_roles_with_what_they_bring(tmp_path):
    play = load(tmp_path, ROLES).plays[0]
    labels = [(task.label, task.implicit) for task in tasks_of(play)]
    assert labels == [
        ("base : install", False),
        ("base : meta", True),
        ("web : serve", False),
        ("web : meta", True),
        ("base : install", False),
        ("base : meta", True),
        ("base : other", False),
        ("base : meta", True),
    ]
    assert [role.name for role in play.roles] == ["base", "web", "base", "base"]
    dependency, web, base, imported = play.roles
    assert (web.params, web.defaults) == ({"listen": 80}, {"listen": 1, "user": "www"})
    assert web.vars == {"one": 1, "both": "b"}
    assert (web.allow_duplicates, base.allow_duplicates) == (True, False)
    assert (list(web.all_dependencies()), dependency.parents) == ([dependency], (web,))
    assert imported.vars == {"size": "small"}
    assert (imported.from_include, imported.public, imported.allow_duplicates) == (True, True, True)


def test_options_of_an_import_may_be_templates_of_what_is_known(tmp_path):
    text = """
- hosts: all
  vars: {no_more: false, part: other}
  tasks:
    - import_role:
        name: base
        tasks_from: "{{ part }}"
        allow_duplicates: "{{ no_more }}"
        public: "{{ no_more }}"
"""
    play = load(tmp_path, {**ROLES, "site.yml": text}).plays[0]
    assert tasks_of(play)[0].label == "base : other"
    assert (play.roles[0].allow_duplicates, play.roles[0].public) == (False, False)


def test_a_dependency_inherits_from_the_role_that_needs_it(tmp_path):
    install, _, serve, *_ = tasks_of(load(tmp_path, ROLES).plays[0])
    assert install.keywords.chain("tags") == ["play", "web", "dep"]
    assert install.keywords.chain("when") == ["wanted"]
    assert serve.keywords.chain("vars") == [{"v": "use"}]


def test_a_role_is_completed_whatever_its_conditions(tmp_path):
    play = load(tmp_path, ROLES).plays[0]
    ends = [task for task in tasks_of(play) if task.implicit]
    assert {task.args["_raw_params"] for task in ends} == {"role_complete"}
    assert {tuple(task.keywords.chain("when")[0]) for task in ends} == {(True,)}
    assert all(task.keywords.chain("tags") == ["play", ["always"]] for task in ends)


def test_handlers_run_from_roles_to_imports_and_are_found_the_other_way_round(tmp_path):
    play = load(tmp_path, ROLES).plays[0]
    run = [task.label for block in play.handlers for task in every_task([block])]
    assert run == ["base : reload", "web : reload", "base : reload", "own", "base : few"]
    assert [task.label for task in play.searched_handlers()] == run[::-1]
    assert all(isinstance(block, Block) for block in play.handlers)


def test_equal_uses_of_a_role_have_one_key(tmp_path):
    text = """
- hosts: all
  roles: [base, {role: base}, {role: base, x: 1}, {role: base, tags: t}, {role: base, x: 1}]
"""
    play = load(tmp_path, {**ROLES, "site.yml": text}).plays[0]
    keys = [role.key for role in play.roles]
    assert keys[0] == keys[1]
    assert keys[2] == keys[4]
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    "place", ["roles/x", "x", "elsewhere/x", "collections/ansible_collections/a/b/roles/x"]
)
def test_a_role_is_found_in_all_its_places(place, tmp_path):
    name = "a.b.x" if "collections" in place else "x"
    files = {f"{place}/tasks/main.yml": "- {name: found, ping: }"}
    files["site.yml"] = f"- {{hosts: all, roles: [{name}]}}"
    play = load(tmp_path, files, roles_path=(tmp_path / "elsewhere",)).plays[0]
    assert tasks_of(play)[0].name == "found"


def test_a_role_of_a_collection_knows_its_short_name_and_its_neighbours(tmp_path):
    roles = "collections/ansible_collections/a/b/roles"
    files = {
        "site.yml": "- {hosts: all, roles: [a.b.x]}",
        f"{roles}/x/tasks/main.yml": "- import_role: {name: y}",
        f"{roles}/y/tasks/main.yml": "- {name: neighbour, ping: }",
    }
    play = load(tmp_path, files).plays[0]
    assert tasks_of(play)[0].label == "a.b.y : neighbour"
    assert [(role.name, role.short_name) for role in play.roles] == [("a.b.x", "x"), ("a.b.y", "y")]


def test_a_role_may_be_a_path(tmp_path):
    files = {"other/x/tasks/main.yml": "- ping:"}
    files["site.yml"] = f"- {{hosts: all, roles: ['{tmp_path}/other/x']}}"
    role = load(tmp_path, files).plays[0].roles[0]
    assert role.folder == tmp_path / "other/x"


def test_argument_specs_become_a_first_task(tmp_path):
    files = {
        "site.yml": "- {hosts: all, roles: [{role: a, size: 3}]}",
        "roles/a/tasks/main.yml": "- ping:",
        "roles/a/meta/argument_specs.yml": """
argument_specs:
  main:
    short_description: A role
    options: {size: {type: int}}
""",
    }
    check = tasks_of(load(tmp_path, files).plays[0])[0]
    assert check.label == "a : Validating arguments against arg spec 'main' - A role"
    assert check.action == "validate_argument_spec"
    assert check.args["provided_arguments"] == {"size": 3}
    assert check.args["argument_spec"] == {"size": {"type": "int"}}


PLAYBOOKS = {
    "site.yml": """
- import_playbook: sub/one.yml
  when: outer
  tags: [a]
  vars: {v: import}
- {hosts: last}
""",
    "sub/one.yml": """
- {hosts: first, tags: b, vars: {v: own, w: own}}
- import_playbook: two.yml
  when: inner
""",
    "sub/two.yml": "- {hosts: second, user: sari}",
}


def test_imported_playbooks(tmp_path):
    plays = load(tmp_path, PLAYBOOKS).plays
    assert [play.hosts for play in plays] == ["first", "second", "last"]
    first, second, last = plays
    assert first.folder == tmp_path / "sub"
    assert first.vars == {"v": "import", "w": "own"}
    assert first.keywords.get("tags") == ["b", "a"]
    assert second.keywords.get("when") == ["outer", "inner"]
    assert second.keywords.get("remote_user") == "sari"
    assert last.keywords.own == {}


def test_prompts(tmp_path):
    text = """
- hosts: all
  vars_prompt:
    - {name: user, private: no, default: sari}
    - {name: password, prompt: "Sandi?", confirm: yes}
"""
    user, password = load_play(tmp_path, text).vars_prompt
    assert (user.prompt, user.private, user.default, user.confirm) == ("user", False, "sari", False)
    assert (password.prompt, password.private, password.confirm) == ("Sandi?", True, True)


def test_faults_are_collected_for_whoever_wants_all(tmp_path):
    faults: list[PlaybookError] = []
    text = "- hosts: all\n  tasks: [{pinng: }, {ping: }, {ping: , wehn: 1}]\n- tasks: []\n"
    plays = load(tmp_path, text, collect=faults.append).plays
    assert [len(play.tasks) for play in plays] == [1]
    assert [fault.message.split("\n")[0].split(": ")[1] for fault in faults] == [
        "there is no module 'pinng'",
        "'wehn' is not a valid attribute for a Task",
        "this play has no hosts",
    ]


def test_a_mode_without_its_zero_is_worth_a_warning(tmp_path):
    warnings: list[str] = []
    text = "- hosts: all\n  tasks:\n    - {file: {path: /x, mode: 644}}\n"
    load(tmp_path, text, warn=warnings.append)
    assert warnings == [
        f"{tmp_path}/site.yml:3:25: mode: 644 is a decimal number and means 01204; "
        'write mode: "0644"'
    ]

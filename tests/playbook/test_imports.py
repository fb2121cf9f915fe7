"""What an include brings while a play runs: its tasks, keywords, roles and handlers."""

from dataclasses import replace
from pathlib import Path

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map
from lpse_ops.playbook.imports import Loaded, load_included_role, load_tasks
from lpse_ops.playbook.includes import find_tasks_file
from lpse_ops.playbook.model import Keywords, Play, Task, every_task
from tests.playbook.loading import load, make_context

SITE = """
- hosts: all
  tags: play
  tasks:
    - block:
        - include_tasks:
            file: sub.yml
            apply: {tags: applied, become: true}
          when: once
          tags: include
          vars: {given: 1}
          loop: [1]
        - include_role: {name: a, tasks_from: other}
      when: block
      become_user: sari
      vars: {around: 1}
  handlers:
    - {name: more handlers, include_tasks: sub.yml}
"""
TREE = {
    "site.yml": SITE,
    "sub.yml": "- {ping: , when: own, tags: own}\n- import_role: {name: b}\n",
    "roles/a/tasks/main.yml": "- ping:\n",
    "roles/a/tasks/other.yml": "- include_tasks: part.yml\n- include_role: {name: a}\n",
    "roles/a/tasks/part.yml": "- {name: part of a, ping: }\n- meta: end_role\n",
    "roles/a/handlers/main.yml": "- {name: h, ping: }\n",
    "roles/a/meta/main.yml": "dependencies: [b]\n",
    "roles/b/tasks/main.yml": "- {name: b, ping: }\n",
    "roles/b/handlers/main.yml": "- {name: of b, ping: }\n",
}


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return load(tmp_path, TREE).plays[0]


def includes_of(play: Play) -> list[Task]:
    return [task for section in play.sections() for task in every_task(section)]


def include_tasks(play: Play, task: Task, name: str, number: int = 0) -> Loaded:
    path = find_tasks_file(task, name, play.folder)
    return load_tasks(path, task, play, make_context(), variables={"item": 1}, number=number)


def test_included_tasks_inherit_from_around_the_include_and_from_apply(play):
    include = includes_of(play)[0]
    task = next(every_task(include_tasks(play, include, "sub.yml").nodes))
    # Whether it is included at all was decided by the include's own ``when`` and tags.
    assert task.keywords.chain("when") == ["block", "own"]
    assert task.keywords.chain("tags") == ["play", "applied", "own"]
    assert (task.keywords.get("become"), task.keywords.get("become_user")) == (True, "sari")
    assert task.keywords.chain("vars") == [{"around": 1}, {"given": 1, "item": 1}]
    assert [each.level for each in task.keywords.levels() if "vars" in each.own] == [
        "include",
        "block",
    ]


def test_positions_extend_that_of_the_include_and_tell_its_uses_apart(play):
    include = includes_of(play)[0]
    first, second = (include_tasks(play, include, "sub.yml", number) for number in (0, 1))
    assert [node.position for node in first.nodes] == [(2, 0, 0, 0, 0, 0), (2, 0, 0, 0, 0, 1)]
    assert second.nodes[0].position == (2, 0, 0, 0, 1, 0)


def test_what_imports_bring_is_handed_over(play):
    loaded = include_tasks(play, includes_of(play)[0], "sub.yml")
    assert [role.name for role in loaded.roles] == ["b"]
    assert [task.label for task in every_task(loaded.handlers)] == ["b : of b"]
    assert (play.roles, loaded.role) == ([], None)


def test_an_included_role_with_its_dependency(play):
    include = includes_of(play)[1]
    loaded = load_included_role(include, include.args, play, make_context())
    labels = [task.label for task in every_task(loaded.nodes)]
    assert labels == [
        "b : b",
        "b : meta",
        "a : include_tasks",
        "include_role : a",
        "a : meta",
    ]
    assert [role.name for role in loaded.roles] == ["b", "a"]
    assert [task.label for task in every_task(loaded.handlers)] == ["b : of b", "a : h"]
    role = loaded.role
    assert role is loaded.roles[-1]
    assert (role.public, role.allow_duplicates, role.from_include) == (False, True, True)
    assert all(not each.public for each in loaded.roles)


def test_includes_in_a_role_know_the_role_and_its_files(play):
    include = includes_of(play)[1]
    outer = load_included_role(include, include.args, play, make_context())
    inner = list(every_task(outer.nodes))[2]
    loaded = include_tasks(play, inner, "part.yml")
    assert [task.label for task in every_task(loaded.nodes)] == ["a : part of a", "a : meta"]
    again = list(every_task(outer.nodes))[3]
    nested = load_included_role(again, again.args, play, make_context())
    assert [role.name for role in nested.role.parents] == ["a"]


def test_options_of_an_included_role(play):
    include = includes_of(play)[1]
    args = {"name": "a", "public": True, "allow_duplicates": False, "tasks_from": "part"}
    role = load_included_role(include, args, play, make_context()).role
    assert (role.public, role.allow_duplicates) == (True, False)


def test_handlers_that_are_included_are_handlers(play):
    handler = next(play.searched_handlers())
    path = find_tasks_file(handler, "roles/b/tasks/main.yml", play.folder)
    loaded = load_tasks(path, handler, play, make_context())
    assert [task.is_handler for task in every_task(loaded.nodes)] == [True]


def test_faults_of_an_included_file_name_their_place(play, tmp_path):
    (tmp_path / "sub.yml").write_text("- pinng:\n")
    with pytest.raises(PlaybookError, match=r"sub\.yml:1:3: there is no module 'pinng'"):
        include_tasks(play, includes_of(play)[0], "sub.yml")
    with pytest.raises(PlaybookError, match=r"there is no file .none.yml. to include") as raised:
        include_tasks(play, includes_of(play)[0], "none.yml")
    assert str(tmp_path) in raised.value.hint


@pytest.mark.parametrize(
    ("present", "found"),
    [
        (["roles/a/tasks/x.yml", "roles/a/tasks/deep/x.yml"], "roles/a/tasks/x.yml"),
        (["roles/a/tasks/deep/x.yml", "x.yml"], "roles/a/tasks/deep/x.yml"),
        (["roles/a/x.yml", "x.yml"], "roles/a/x.yml"),
        (["x.yml", "tasks/x.yml"], "tasks/x.yml"),
        (["x.yml"], "x.yml"),
    ],
)
def test_a_file_is_looked_for_in_the_role_first(tmp_path, present, found):
    files = {
        "site.yml": "- {hosts: all, roles: [a]}",
        "roles/a/tasks/main.yml": "- import_tasks: deep/part.yml",
        "roles/a/tasks/deep/part.yml": "- include_tasks: x.yml",
        **dict.fromkeys(present, "[]"),
    }
    play = load(tmp_path, files).plays[0]
    include = includes_of(play)[0]
    assert find_tasks_file(include, "x.yml", play.folder) == tmp_path / found


def test_an_empty_file_is_a_warning(tmp_path):
    files = {"site.yml": "- {hosts: all, tasks: [{import_tasks: x.yml}]}\n", "x.yml": ""}
    warnings: list[str] = []
    load(tmp_path, files, warn=warnings.append)
    assert warnings == [f"{tmp_path}/x.yml is empty and has no tasks to include"]


def test_roles_that_include_each_other_without_end_are_an_error(tmp_path):
    files = {"site.yml": "- {hosts: all, roles: [a]}\n"}
    files["roles/a/tasks/main.yml"] = "- include_role: {name: a}\n"
    (play,) = load(tmp_path, files).plays
    (role,) = play.roles
    deep = replace(role, parents=(role,) * 1000)
    include = replace(next(iter(every_task(role.tasks))), role=deep)
    with pytest.raises(PlaybookError, match="roles include each other without end"):
        load_included_role(include, include.args, play, make_context())


def test_a_keyword_that_nobody_says_has_no_place():
    assert Keywords(Map()).place("when") is None

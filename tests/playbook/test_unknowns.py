"""What a task may set, and variables that notice who asks for it."""

from dataclasses import replace
from pathlib import Path

import pytest

import lpse_ops.agent.modules
from lpse_ops.marked import Map, Text
from lpse_ops.playbook.model import every_task
from lpse_ops.playbook.targets import VARIABLES
from lpse_ops.playbook.unknowns import Alarm, AnswerNeeded, FileWatch, Unknown, set_by
from lpse_ops.playbook.variables import Variables
from lpse_ops.templating.engine import Templating
from tests.playbook.loading import load

KNOWN = {
    "known": "plain",
    "over": Text("{{ later }}"),
    "deep": Map({"a": Text("{{ over }}")}),
    "reads": Text("{{ '/etc' is directory }}"),
    "condition": Text("'/etc' is directory"),
    "path": Text("/srv/file/{{ known }}"),
}


def alarm(unknown: Unknown) -> Alarm:
    return Alarm({**KNOWN, "later": "old"}, unknown)


@pytest.mark.parametrize(
    "text",
    [
        "{{ later }}",
        "{{ over }}",
        "{{ deep.a }}",
        "{{ later | default('none') }}",
        "{{ later is defined }}",
        "{{ vars.known }}",
        "{{ hostvars.x }}",
        "{{ lookup('vars', 'known') }}",
        "{{ query('env', 'HOME') }}",
        "{{ q('varnames', '.*') }}",
        "{{ reads }}",
        "{{ condition }}",
        "{% if known == 'plain' %}{{ over }}{% endif %}",
    ],
)
def test_whoever_asks_for_what_is_not_known_is_stopped(text: str):
    variables = Variables([alarm(Unknown(frozenset({"later"})))])
    with pytest.raises(AnswerNeeded):
        Templating().evaluate(Text(text), variables)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ known }}", "plain"),
        ("{{ never | default('none') }}", "none"),
        ("{{ path }}", "/srv/file/plain"),
    ],
)
def test_who_does_not_is_not(text: str, value: str):
    variables = Variables([alarm(Unknown(frozenset({"later"})))])
    assert Templating().evaluate(Text(text), variables) == value


def test_loop_variables_are_known():
    variables = Variables([alarm(Unknown(frozenset({"item"})))]).above({"item": 5})
    assert Templating().evaluate(Text("{{ item }}"), variables) == 5


@pytest.mark.parametrize("ask", [len, list, dict], ids=["count", "list", "copy"])
def test_all_names_are_asked_for_by_counting_or_listing(ask):
    with pytest.raises(AnswerNeeded):
        ask(alarm(Unknown()))


def test_with_the_answers_the_alarm_is_off():
    variables = alarm(Unknown(frozenset({"later"})))
    variables.turn_off(lambda: {**KNOWN, "later": "new"})
    assert variables["later"] == "new"
    assert len(list(variables)) == len(variables) == len(KNOWN) + 1
    assert variables["reads"] == KNOWN["reads"]


@pytest.mark.parametrize(
    ("task", "names", "others"),
    [
        ("command: id\nregister: r", ["r"], ["x", "ansible_facts", "ansible_system"]),
        ("setup:", ["ansible_facts", "ansible_system", "module_setup"], ["x", "ansible_user"]),
        ("getent: {database: passwd}", ["ansible_facts", "getent_passwd", "x"], ["ansible_host"]),
        ("set_fact: {a: 1}", ["a"], ["groups"]),
    ],
)
def test_what_a_task_may_set(tmp_path: Path, task: str, names: list[str], others: list[str]):
    indented = task.replace("\n", "\n      ")
    play = load(tmp_path, f"- hosts: all\n  tasks:\n    - {indented}\n").plays[0]
    (loaded,) = every_task(play.tasks)
    unknown = set_by(loaded)
    assert [each for each in names if not unknown.has(each)] == []
    assert [each for each in others if unknown.has(each)] == []
    assert not unknown.has(5)


def test_two_tasks_set_what_each_of_them_does():
    both = Unknown(frozenset({"a"})) | Unknown(frozenset({"b"}), gathered=True)
    assert all(both.has(name) for name in ("a", "b", "ansible_system"))
    assert not both.has("c")
    assert (both | Unknown(anything=True)).has("c")


def test_every_module_that_finds_facts_is_known_for_it(tmp_path: Path):
    folder = Path(str(lpse_ops.agent.modules.__file__)).parent
    finding = [each.stem for each in folder.glob("*.py") if "ansible_facts" in each.read_text()]
    assert finding
    (task,) = every_task(load(tmp_path, "- hosts: all\n  tasks: [ping: ]\n").plays[0].tasks)
    for name in finding:
        assert set_by(replace(task, action=name)).has("ansible_facts"), name


@pytest.mark.parametrize(
    "value",
    [
        Text("{{ path is exists }}"),
        Map({Text("a"): [Text("{{ lookups | select('file') }}")]}),
        Text("{% if x is link %}{% endif %}"),
        Text("{{ '*.txt' | fileglob }}"),
    ],
)
def test_templates_that_look_at_files_are_refused(value: object):
    with pytest.raises(AnswerNeeded):
        FileWatch().refuse(value)


@pytest.mark.parametrize("value", [Text("/file/{{ x }}"), Text("state=directory"), None, 5, "file"])
def test_others_are_not(value: object):
    FileWatch().refuse(value)


def test_for_files_alone_other_names_may_be_asked_for():
    variables = Variables([alarm(Unknown(only_files=True))])
    assert Templating().evaluate(Text("{{ vars.known }} {{ later }}"), variables) == "plain old"
    with pytest.raises(AnswerNeeded):
        Templating().evaluate(Text("{{ lookup('env', 'HOME') }}"), variables)


def test_how_a_host_is_reached_no_task_may_set():
    anything = Unknown(gathered=True, anything=True)
    assert [name for name in VARIABLES if anything.has(name)] == []

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import ChildStated, GroupStated, HostStated, VariableStated
from lpse_ops.inventory.script import ask_script
from lpse_ops.inventory.tree import Tree
from lpse_ops.marked import Origin, Sealed, Text
from lpse_ops.process import Finished

FROM = Origin("/s")


class Script:
    """Answers as a program would; remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, argv):
        self.asked.append(argv)
        answer = self.answers.pop(0)
        if isinstance(answer, Finished):
            return answer
        return Finished(0, json.dumps(answer).encode(), "")


def test_groups_hosts_children_and_variables_are_stated():
    script = Script(
        {
            "web": {"hosts": ["a"], "vars": {"x": "{{ y }}"}, "children": ["sub"]},
            "names": ["a"],
            "_meta": {"hostvars": {"a": {"n": 1}, "stranger": {"n": 2}}},
        }
    )
    stated = ask_script("/s", script)
    assert stated == [
        GroupStated("web", FROM),
        HostStated("a", "web", None, FROM),
        VariableStated("web", "x", "{{ y }}"),
        GroupStated("sub", FROM),
        ChildStated("web", "sub", FROM),
        GroupStated("names", FROM),
        HostStated("a", "names", None, FROM),
        VariableStated("a", "n", 1),
    ]
    assert isinstance(stated[2].value, Text)
    assert script.asked == [["/s", "--list"]]


def test_without_meta_every_host_is_asked_for():
    script = Script({"g": ["a", "b"]}, {"n": 1}, Finished(0, b"\n", ""))
    assert VariableStated("a", "n", 1) in ask_script("/s", script)
    assert script.asked[1:] == [["/s", "--host", "a"], ["/s", "--host", "b"]]


def test_secrets_and_unsafe_values_are_what_they_stand_for():
    values = {"s": {"__ansible_vault": "$ANSIBLE_VAULT"}, "u": [{"__ansible_unsafe": "{{ x }}"}]}
    stated = ask_script("/s", Script({"g": {"vars": values}, "_meta": {"hostvars": {}}}))
    sealed, unsafe = stated[1].value, stated[2].value
    assert isinstance(sealed, Sealed)
    assert sealed.ciphertext == "$ANSIBLE_VAULT"
    assert type(unsafe[0]) is str


NAMES = st.sampled_from(["hosts", "vars", "children", "_meta", "hostvars", "a", "b", "all"])
ANSWERS = st.recursive(
    st.none() | st.integers(0, 2) | st.booleans() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(ANSWERS, min_size=12, max_size=12))
def test_whatever_a_program_answers_it_is_read_or_refused(answers):
    problems = []
    try:
        tree = Tree()
        tree.apply(ask_script("/s", Script(*answers)), "/s")
        tree.settle()
    except InventoryError as wrong:
        problems.append(wrong)
    assert all(each.hint for each in problems)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Finished(3, b"{}", "no token\n"), "/s --list ended with 3: no token"),
        (Finished(1, b"", ""), "ended with 1: it said nothing on stderr"),
        (Finished(0, b"[web]\n", ""), "/s --list printed no JSON"),
        (Finished(0, b"[" * 100_000, ""), "/s --list printed no JSON"),
        ([], "printed JSON that is no object"),
        ({"g": {"hosts": "a"}}, "'hosts' of the group 'g' is no list of names"),
        ({"g": {"hosts": [1]}}, "'hosts' of the group 'g' is no list of names"),
        ({"g": {"children": {}}}, "'children' of the group 'g' is no list of names"),
        ({"g": {"vars": []}}, "the variables of 'g' are no object"),
        ({"g": ["a"], "_meta": {"hostvars": []}}, "hostvars in _meta is no object"),
        ({"g": ["a"], "_meta": {"hostvars": {"a": 1}}}, "the variables of 'a' are no object"),
        ({"g": [str(n) for n in range(100_001)], "_meta": {"hostvars": {}}}, "more than 100000"),
    ],
)
def test_an_answer_that_is_no_inventory_is_an_error(answer, problem):
    with pytest.raises(InventoryError) as wrong:
        ask_script("/s", Script(answer))
    assert problem in wrong.value.message
    assert "--list" in wrong.value.hint


def test_an_answer_that_is_too_long_is_not_even_parsed():
    with pytest.raises(InventoryError, match="printed over 64 MiB"):
        ask_script("/s", Script(Finished(0, b" " * (64 * 1024 * 1024 + 1), "")))

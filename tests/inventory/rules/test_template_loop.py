import pytest

from lpse_ops.inventory.rules.template_loop import find_loops
from tests.inventory.rules.fleetsites import faults, of_server, places, see

RULE = "template-loop"
FOUND = [
    ("path: '{{ path }}:/opt'", "6:21 path needs itself"),
    ("a: '{{ b }}'\nb: '{{ a }}'", "6:18 these variables need each other: a -> b -> a"),
    ("a: 'x {{ b | default(1) }}'\nb: [{c: '{{ a }}'}]", "6:20 these variables need each other"),
    ("z: '{{ m }}'\nm: '{{ k }}'\nk: '{{ z }}'", "8:18 these variables need each other: k -> z"),
]
NOT_FOUND = [
    "a: '{{ b }}'\nb: 1",
    "a: '{{ b }}{{ c }}'\nb: '{{ c }}'\nc: x",
    "a: '{{ hostvars.other.a }}'",
    "a: '{{ x.a }}'\nx: {a: 1}",
    "a: '{{ \"a\" }}'",
    "a: '{% for a in [1] %}{{ a }}{% endfor %}'",
    "a: a",
    "a: !unsafe '{{ a }}'",
]


@pytest.mark.parametrize(("variables", "expected"), FOUND)
def test_loops_are_found_where_they_begin(variables, expected, tmp_path):
    [found] = of_server(RULE, tmp_path, variables)
    assert found.startswith(expected)


@pytest.mark.parametrize("variables", NOT_FOUND)
def test_what_ends_is_let_be(variables, tmp_path):
    assert of_server(RULE, tmp_path, variables) == []


def test_only_what_holds_for_one_host_makes_a_loop(tmp_path):
    files = {"hosts.ini": "[x]\na\n[y]\nb\n", "group_vars/x.yml": "p: '{{ w }}'\nw: 1\n"}
    assert places(RULE, tmp_path, {**files, "group_vars/y.yml": "w: '{{ p }}'\n"}) == []
    both = {**files, "group_vars/y.yml": "w: '{{ p }}'\np: '{{ w }}'\n"}
    assert places(RULE, tmp_path, both) == ["y.yml:2:8"]


def test_a_loop_of_a_group_is_told_once(tmp_path):
    files = {"hosts.ini": "[x]\nh[1:50] n=1\n", "group_vars/x.yml": "p: '{{ w }}'\nw: '{{ p }}'\n"}
    assert len(faults(RULE, see(tmp_path, files))) == 1


def test_a_ladder_of_needs_takes_no_time():
    needs = {f"a{n}": [f"a{n + 1}", f"b{n + 1}"] for n in range(2000)}
    needs |= {f"b{n}": [f"a{n + 1}", f"b{n + 1}"] for n in range(2000)}
    assert list(find_loops({**needs, "a2000": [], "b2000": []})) == []
    [loop] = find_loops({**needs, "a2000": ["b2000"], "b2000": ["a2000"]})
    assert set(loop) == {"a2000", "b2000"}

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import ChildStated, GroupStated, HostStated, VariableStated
from lpse_ops.inventory.literal import mark
from lpse_ops.inventory.tree import Tree
from lpse_ops.inventory.yamlsource import read_groups
from lpse_ops.marked import Origin
from lpse_ops.markedyaml import parse_marked


def read(text, warn=pytest.fail):
    return read_groups(parse_marked(text.encode(), "h.yml", warn=warn), "h.yml", warn)


def at(line, column):
    return Origin("h.yml", line, column)


def test_groups_hosts_and_variables_are_stated_with_their_places():
    text = "web:\n  hosts:\n    w[1:2]:22: {n: 1}\n  vars: {v: a}\n  children: {db: }\n"
    stated = read(text)
    assert stated == [
        GroupStated("web", at(1, 1)),
        HostStated("w1", "web", 22, at(3, 5)),
        VariableStated("w1", "n", 1),
        HostStated("w2", "web", 22, at(3, 5)),
        VariableStated("w2", "n", 1),
        VariableStated("web", "v", "a"),
        GroupStated("db", at(5, 14)),
        ChildStated("web", "db", at(5, 14)),
    ]
    assert stated[2].key.origin == at(3, 17)


def test_one_word_is_one_host():
    assert HostStated("w1", "web", None, at(1, 14)) in read("web: {hosts: w1}\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web: text\n", "h.yml:1:1: 'web' is no group and is left out"),
        ("web: {children: {db: [1]}}\n", "h.yml:1:18: 'db' is no group and is left out"),
        ("web: {host: {a: }}\n", "h.yml:1:7: 'host' in the group 'web' is left out; only vars"),
    ],
)
def test_what_ansible_leaves_out_is_left_out_with_a_warning(text, expected):
    warnings = []
    read(text, warnings.append)
    assert [each[: len(expected)] for each in warnings] == [expected]


SECTIONS = st.sampled_from(["hosts", "vars", "children", "a", "a[1:3]:22", "b[", "plugin", "1"])
SCALARS = st.none() | st.integers(0, 2) | st.booleans() | SECTIONS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SECTIONS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_whatever_a_document_holds_it_is_read_or_refused(value):
    document = mark(value, at(1, 1))
    problems = []
    try:
        tree = Tree()
        tree.apply(read_groups(document, "h.yml", [].append), "h.yml")
        tree.settle()
    except InventoryError as wrong:
        problems.append(wrong)
    assert all(each.hint for each in problems)


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("", "h.yml is empty", "all:"),
        ("- a\n", "holds no groups but a list", "all:"),
        (
            "plugin: aws_ec2\n",
            "h.yml:1:9: inventory plugins such as 'aws_ec2'",
            "ansible-inventory",
        ),
        ("1: {hosts: a}\n", "1 is no name of a group", 'write "1"'),
        (
            "web: {hosts: [a]}\n",
            "h.yml:1:14: 'hosts' of the group 'web' is a list",
            "ends with ':'",
        ),
        ("web: {hosts: {1: }}\n", "h.yml:1:14: the host 1 is no text", 'write "1"'),
        ("web: {hosts: {a: text}}\n", "h.yml:1:15: the variables of the host 'a'", "NAME: VALUE"),
        ("web: {vars: {1: a}}\n", "h.yml:1:13: the variable 1 has no name", 'write "1"'),
        ('web: {hosts: {"a[1:": }}\n', "h.yml:1:15: the host 'a[1:' has brackets", "[first:last]"),
        ('web: {hosts: {"a[1:99999]": , "b[1:9]": }}\n', "h.yml:1:31: more than", "right file"),
    ],
)
def test_an_error_names_its_place_and_says_what_to_write(text, problem, hint):
    with pytest.raises(InventoryError) as wrong:
        read(text)
    assert problem in wrong.value.message
    assert hint in wrong.value.hint

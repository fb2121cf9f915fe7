"""The kind of value that an expression gives, read from its text."""

import pytest

from lpse_ops.templating.shapes import (
    LIST,
    MAPPING,
    NOTHING,
    NUMBER,
    RESULT,
    TEXT,
    TRUTH,
    UNKNOWN,
    kind_of_value,
    kinds_of,
    lone_expression,
    parse_expression,
)

KNOWN = {
    "done": frozenset({RESULT}),
    "n": frozenset({NUMBER}),
    "t": frozenset({TEXT}),
}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("'a'", {TEXT}),
        ("5", {NUMBER}),
        ("true", {TRUTH}),
        ("none", {NOTHING}),
        ("[n]", {LIST}),
        ("{'a': n}", {MAPPING}),
        ("x", UNKNOWN),
        ("n", {NUMBER}),
        ("n + 1", {NUMBER}),
        ("n + x", UNKNOWN),
        ("n ~ t", {TEXT}),
        ("n == x", {TRUTH}),
        ("not t", {TRUTH}),
        ("x is defined", {TRUTH}),
        ("x is defined and t", {TRUTH, TEXT}),
        ("t or x", {TEXT, ""}),
        ("t if x else n", {TEXT, NUMBER}),
        ("x | int", {NUMBER}),
        ("x | bool", {TRUTH}),
        ("x | default(t)", {TEXT, ""}),
        ("x | default", {TEXT, ""}),
        ("x | ternary(n, t)", {TEXT, NUMBER}),
        ("x | nothing_known", UNKNOWN),
        ("done.stdout", {TEXT}),
        ("done['rc']", {NUMBER}),
        ("done.stdout_lines", {LIST}),
        ("done.changed", {TRUTH}),
        ("done.whatever", UNKNOWN),
        ("x.stdout", UNKNOWN),
        ("t.split(',')", UNKNOWN),
    ],
)
def test_the_kinds_of_an_expression(text, kinds):
    tree = parse_expression(text)
    assert tree is not None
    assert kinds_of(tree, KNOWN) == kinds


@pytest.mark.parametrize("text", ["x |", "x }} {{ y", "x {% if y %}"])
def test_what_is_no_expression(text):
    assert parse_expression(text) is None


@pytest.mark.parametrize("text", ["a {{ x }}", "{{ x }}{{ y }}", "text", "{% if x %}1{% endif %}"])
def test_what_is_more_than_one_expression(text):
    assert lone_expression(text) is None


def test_kinds_of_values():
    values = {
        TEXT: "a",
        NUMBER: 1.5,
        LIST: [],
        MAPPING: {},
        TRUTH: False,
        NOTHING: None,
        "": object(),
    }
    assert all(kind_of_value(value) == kind for kind, value in values.items())

"""Templates read without Jinja say what Jinja says."""

from typing import Any

import pytest

from lpse_ops.marked import Map, Seq, Text
from lpse_ops.templating.compiled import Compiler
from lpse_ops.templating.contexts import ScopeTemplate
from lpse_ops.templating.engine import Templating
from lpse_ops.templating.environment import compile_expression, compile_template
from lpse_ops.templating.library import fill_environment
from lpse_ops.templating.markers import Marker, MarkerUsed
from lpse_ops.templating.natives import join_parts, to_plain
from lpse_ops.templating.scope import Scope
from lpse_ops.templating.simple import SimpleTemplate, parse_name, parse_simple

COMPILER = Compiler(fill_environment)
TEMPLATING = Templating(compiler=COMPILER)
VARIABLES: dict[str, Any] = {
    "a": 1,
    "none_of": None,
    "text": "{{ a }}",
    "template": Text("{{ a }}"),
    "d": Map({Text("x"): Text("{{ a }}"), Text("items"): 5, Text("_p"): 6, "if": 7}),
    "plain": {"keys": 1, "deep": {"y": [1, 2]}},
    "l": Seq([Text("{{ a }}"), 2]),
    "number": 1.5,
}


class Counting(dict[str, Any]):
    """Variables that tell how often they were read."""

    reads = 0

    def __getitem__(self, name: str) -> Any:
        self.reads += 1
        return super().__getitem__(name)


def result(template: SimpleTemplate | ScopeTemplate, variables: dict[str, Any]) -> Any:
    scope = Scope(variables, TEMPLATING._resolver)
    try:
        found = join_parts(template.parts(scope))
        return ("marker", found.message) if isinstance(found, Marker) else to_plain(found)
    except MarkerUsed as used:
        return "used", used.marker.message
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize(
    "source",
    [
        "{{ a }}", "{{a}}", "{{   a }}", "x{{ a }}", " {{ a }} ", "{{ a }}{{ a }}",
        "/{{ a }}/{{ l }}",
        "{{ text }}", "{{ template }}", "{{ template }}-", "{{ none_of }}", "x{{ none_of }}",
        "{{ d }}", "{{ d.x }}", "{{ d.items }}", "{{ d._p }}", "{{ d.if }}", "{{ d.nope }}",
        "{{ d.nope.more }}", "{{ plain.keys }}", "{{ plain.deep.y }}", "{{ plain.deep.y.z }}",
        "{{ l }}", "{{ l.append }}", "{{ a.real }}", "{{ number }}", "{{ nope }}", "x{{ nope }}",
        "{{ nope.x }}", "{{ lookup }}", "{{ omit }}", "{{ vars.a }}", "{{ text.upper }}",
        "{{ a.__class__ }}", "% {{ a }} # %", "{{ now }}é",
    ],
)  # fmt: skip
def test_the_same_comes_out_as_of_jinja(source: str):
    simple = COMPILER.template(source)
    assert isinstance(simple, SimpleTemplate)
    jinja = compile_template(COMPILER._strings, source)
    assert result(simple, VARIABLES) == result(jinja, VARIABLES)


@pytest.mark.parametrize(
    "source",
    [
        "{{ a }}\n", "a\r{{ a }}", "{{ a | int }}", "{{- a }}", "{{ a -}}", "{{ 1 }}", "{{ 'a' }}",
        "{{ a.0 }}", "{{ a[0] }}", "{{ a() }}", "{{ not }}", "{{ none }}", "{{ true }}",
        "{{ self }}",
        "{{ True }}", "{{ a }", "{{ a }}}", "{ {{ a }}", "{# a #}", "{% set x = 1 %}", "{{ a b }}",
        "{{}}", "{{ é }}", "{{ loop }}", "{{ a . b }}", "{{ a. }}", "{{\ta }}",
    ],
)  # fmt: skip
def test_what_is_not_surely_simple_is_left_to_jinja(source: str):
    assert parse_simple(COMPILER._strings, source) is None


@pytest.mark.parametrize("source", ["a", " d.x ", "plain.deep.y.z", "nope", "nope.x", "template"])
def test_a_bare_name_is_what_jinja_says(source: str):
    simple = COMPILER.expression(source)
    assert isinstance(simple, SimpleTemplate)
    jinja = compile_expression(COMPILER._bare, source)
    found, expected = result(simple, VARIABLES), result(jinja, VARIABLES)
    if isinstance(expected, tuple):
        # What is undefined is an error at once there, here once it is used; both are the marker.
        found, expected = found[1], expected[1]
    assert found == expected


@pytest.mark.parametrize(
    "source", ["not", "true", "a b", "a\n", "", ".a", "a.", "a.0", "'a'", "self"]
)
def test_what_is_more_than_a_name_is_left_to_jinja(source: str):
    assert parse_name(COMPILER._bare, source) is None


def test_a_variable_is_read_once():
    variables = Counting(VARIABLES)
    template = COMPILER.template("{{ a }}{{ a }}{{ a.real }}")
    assert result(template, variables) == "111"
    assert variables.reads == 1

import pytest

from lpse_ops.templating.environment import Syntax
from lpse_ops.templating.names import NOTHING, NameReader

CASES = [
    # template, names that have to be there, behind default(), asked for
    ("plain", "", "", ""),
    ("{{ a }} and {{ b.c[d] }}", "a b d", "", ""),
    ("{{ a | default('x') }}{{ b | d(c) }}", "c", "a b", ""),
    ("{{ a.b.c[e] | default(1) }}", "e", "a", ""),
    ("{{ a | int | default(1) }}", "", "a", ""),
    ("{{ a | ansible.builtin.default(1) }}", "", "a", ""),
    ("{{ (a + b) | default(1) }}", "a b", "", ""),
    ("{{ a | mandatory }}", "a", "", ""),
    ("{{ a if b is defined else c }}", "a c", "", "b"),
    ("{% if a is defined %}{{ a }}{% endif %}", "a", "", "a"),
    ("{% if a.b is not defined %}{% endif %}", "", "", "a"),
    ("{% if a is undefined or b is none %}{% endif %}", "b", "", "a"),
    ("{% for a in b %}{{ a }}{{ loop.index }}{{ c }}{% endfor %}{{ a }}", "a b c", "", ""),
    ("{% set a = b %}{{ a }}", "b", "", ""),
    ("{% set a %}{{ b | upper }}{% endset %}{{ a }}", "b", "", ""),
    ("{% macro m(a) %}{{ a }}{{ b }}{% endmacro %}{{ m(c) }}", "b c", "", ""),
    ("{% filter upper %}{{ a }}{% endfilter %}", "a", "", ""),
    ("{% import 'x' as y %}{{ y.m(a) }}", "a", "", ""),
    ("{{ a | no.such.filter(b) is no_such_test(c) }}", "a b c", "", ""),
    ("{{ lookup('env', 'HOME') }}{{ range(3) }}{{ now() }}{{ omit }}", "", "", ""),
    ("{{ query('x', a, wantlist=b) }}", "a b", "", ""),
    ("{{ 'a' ~ \"b\" }}{{ {'k': v}.k }}{{ [x for_ ] }}", "", "", ""),
    ("{# {{ a }} #}{% raw %}{{ b }}{% endraw %}", "", "", ""),
    ("{{ a.b(c).d | map(attribute=e) | list }}", "a c e", "", ""),
]


def words(names) -> str:
    return " ".join(sorted(names))


@pytest.mark.parametrize(("template", "needed", "defaulted", "asked"), CASES)
def test_names_of_a_template(template, needed, defaulted, asked):
    names = NameReader().template(template)
    assert (words(names.needed), words(names.defaulted), words(names.asked)) == (
        needed,
        defaulted,
        asked,
    )


def test_names_of_a_condition():
    names = NameReader().expression("a is defined and a.b == c | default(d) and not e")
    assert words(names.needed) == "a d e"
    assert (words(names.defaulted), words(names.asked)) == ("c", "a")
    assert names.every() == {"a", "c", "d", "e"}


def test_the_line_is_that_of_the_first_use_without_a_default():
    names = NameReader().template("{{ a | d(1) }}\n{{ b }}\n{{ a }}{{ b }}\n")
    assert names.needed == {"b": 2, "a": 3}


def test_other_brackets():
    syntax = Syntax()._replace(variable_start_string="[[", variable_end_string="]]")
    assert words(NameReader().template("[[ a ]] {{ b }}", syntax).needed) == "a"


@pytest.mark.parametrize(
    "source", ["{{ a", "{{ a b }}", "{% if %}", "{{" * 10_000, "{{ " + "(" * 20_000, "{{ \0 }}"]
)
def test_what_does_not_compile_has_no_names(source):
    assert NameReader().template(source) == NOTHING
    assert NameReader().expression("(" * 20_000) == NOTHING

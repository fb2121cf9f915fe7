import pytest

from lpse_ops.documents.template_rules import RestrictedEnvironment, field_names
from lpse_ops.errors import PaperError

TEXTS = {
    "number": "<1>",
    "facts": [{"label": "a", "text": "b"}],
    "row": {"left": {"name": "c"}},
}


def fill(source: str) -> str:
    return RestrictedEnvironment(field_names(TEXTS)).from_string(source).render(TEXTS)


def test_fields_are_those_of_every_depth():
    assert field_names(TEXTS) == {"number", "facts", "label", "text", "row", "left", "name"}


@pytest.mark.parametrize(
    ("source", "filled"),
    [
        ("Nomor {{ number }}", "Nomor &lt;1&gt;"),
        ("{{ row.left.name | upper }}", "C"),
        ("{% for fact in facts %}{{ loop.index }}{{ fact.label }}{% endfor %}", "1a"),
        ("{% for a in facts %}{% for b in facts %}{{ b.text }}{% endfor %}{% endfor %}", "b"),
        ("{% if number and not facts is none %}x{% else %}y{% endif %}", "x"),
        ("{# nothing #}{% if number == '<1>' %}x{% endif %}", "x"),
    ],
)
def test_what_a_template_may_say(source, filled):
    assert fill(source) == filled


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ number.__class__ }}", "'__class__'"),
        ("{{ ''.__class__.__mro__ }}", "'__mro__'"),
        ("{{ number|attr('__class__') }}", "filter 'attr'"),
        ("{{ number['__class__'] }}", "'getitem'"),
        ("{{ number.upper() }}", "'call'"),
        ("{{ facts.append }}", "'append'"),
        ("{{ range(9) }}", "'call'"),
        ("{{ cycler }}", "'cycler'"),
        ("{{ self }}", "'self'"),
        ("{{ config }}", "'config'"),
        ("{{ 9 ** 9 ** 9 }}", "'pow'"),
        ("{{ 'a' * 999999999 }}", "'mul'"),
        ("{{ 'a' ~ 'b' }}", "'concat'"),
        ("{% set x = 1 %}", "'assign'"),
        ("{% macro m() %}{% endmacro %}", "'macro'"),
        ("{% include 'x' %}", "'include'"),
        ("{% import 'x' as y %}", "'import'"),
        ("{% extends 'x' %}", "'extends'"),
        ("{% filter upper %}{% endfilter %}", "'filterblock'"),
        ("{% for x in 'abc' %}{% endfor %}", "a loop over"),
        ("{% for x in [1, 2] %}{% endfor %}", "a loop over"),
        ("{% for x, y in facts %}{% endfor %}", "a loop of this kind"),
        ("{% for x in facts recursive %}{% endfor %}", "a loop of this kind"),
        ("{% for a in facts %}" * 3 + "{% endfor %}" * 3, "more than 2 deep"),
        ("{{ nomor }}", "unknown field 'nomor'"),
        ("{{ number|safe }}", "filter 'safe'"),
        ("{{ number is sameas 1 }}", "test 'sameas'"),
        ("{{ number|default('x' * 9) }}", "filter 'default'"),
    ],
)
def test_what_it_may_not_say(source, said):
    with pytest.raises(PaperError) as caught:
        fill(source)
    assert said in caught.value.message
    assert "lpse-ops paper template" in caught.value.hint

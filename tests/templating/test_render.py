"""Template files: their syntax, their header, their places, and what they include."""

import re
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.errors import TemplateError
from lpse_ops.marked import Origin
from lpse_ops.templating.engine import Templating
from tests.templating.real_ansible import mark

TEMPLATING = Templating()


def render(source: str, variables: dict[str, Any] | None = None, **options: Any) -> str:
    return TEMPLATING.render(source, mark(variables or {}), **options)


def test_the_result_is_always_a_string():
    assert render("{{ 5 }}") == "5"
    assert render("{{ [1, none, 'a'] }} {{ none }}|") == "[1, None, 'a'] |"
    assert render("") == ""


def test_the_newline_at_the_end_is_left_to_the_caller():
    assert render("a\n") == "a"
    assert render("a\n\n") == "a\n"
    assert render("a\n", keep_trailing_newline=True) == "a\n"


def test_syntax_can_be_changed():
    source = "  {% if true %}\n[[ x ]] {{ x }}\n  {% endif %}\n"
    brackets = {"variable_start_string": "[[", "variable_end_string": "]]"}
    assert render(source, {"x": "{{ 1 }}"}, **brackets, lstrip_blocks=True) == "1 {{ x }}\n"
    assert render("a\n{% if true %}\nb{% endif %}", trim_blocks=False) == "a\n\nb"
    assert render("a\nb", newline_sequence="\r\n") == "a\r\nb"


def test_the_header_goes_before_the_arguments():
    header = "#jinja2: trim_blocks: False, variable_start_string: '<<', variable_end_string: '>>'"
    assert render(f"{header}\n<< 1 >>{{% if true %}}\n{{% endif %}}") == "1\n"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("trim_bloks: True\n", "'trim_bloks' is none of trim_blocks"),
        ("trim_blocks\n", "Missing key-value separator `:` in ' trim_blocks'"),
        ("trim_blocks: True,\n", "Missing key-value separator `:` in ''"),
        ("trim_blocks: 5\n", "trim_blocks must be a bool, not 5"),
        ("trim_blocks: yes\n", "trim_blocks must be a value of Python, not 'yes'"),
        ("trim_blocks: True", "Missing newline after '#jinja2:'"),
    ],
)
def test_a_wrong_header_is_an_error_at_its_place(header, said):
    with pytest.raises(TemplateError, match=f"^{re.escape(f'a.j2:1:1: {said}')}"):
        render(f"#jinja2: {header}", origin=Origin("a.j2"))


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("{{ nope }}", "a.j2:1:4"),
        ("nope\n\n  x {{ a }} {{ nope }}\n", "a.j2:3:16"),
        ("{% if a %}\n{{ a }}\n{{ a +\n nope }}{% endif %}", "a.j2:4:2"),
        ("one\n{{ a }}\n{{ '{' | from_json }}", "a.j2:3:1"),
        ("one\n{% if %}\n", "a.j2:2:1"),
        ("#jinja2: trim_blocks: False\n\n{{ nope }}", "a.j2:3:4"),
        ("#jinja2: trim_blocks: False\n\n{{ 1 / 0 }}", "a.j2:3:1"),
        ("#jinja2: trim_blocks: False\n\n{% if %}", "a.j2:3:1"),
    ],
)
def test_errors_name_line_and_column_of_the_file(source, place):
    with pytest.raises(TemplateError) as caught:
        render(source, {"a": 1}, origin=Origin("a.j2"))
    assert str(caught.value.origin) == place


def test_an_error_in_a_variable_names_the_variable():
    with pytest.raises(TemplateError, match=r"^play\.yml:1:1: 'nope' is undefined"):
        render("{{ a }}", {"a": "{{ nope }}"}, origin=Origin("a.j2"))


def test_other_templates_are_found_in_the_folders(tmp_path: Path):
    (tmp_path / "base.j2").write_text("<{% block b %}{% endblock %}{{ x }}>")
    (tmp_path / "part.j2").write_text("{{ i }}{{ x }} ")
    source = (
        "{% extends 'base.j2' %}{% block b %}"
        "{% for i in [1, 2] %}{% include 'part.j2' %}{% endfor %}{% endblock %}"
    )
    assert render(source, {"x": "{{ 'v' }}"}, folders=[tmp_path]) == "<1v 2v v>"
    with pytest.raises(TemplateError, match=r"missing\.j2"):
        render("{% include 'missing.j2' %}", folders=[tmp_path])
    assert render("{% include 'missing.j2' ignore missing %}x", folders=[tmp_path]) == "x"


def test_macros_without_context_look_up_for_whoever_uses_them(tmp_path: Path):
    macro = "{% macro m() %}{{ lookup('pipe', 'echo y') }} {{ x | default('no x') }}{% endmacro %}"
    (tmp_path / "m.j2").write_text(macro)
    nested = "{% import 'm.j2' as m %}{% macro f() %}{{ m.m() }}{% endmacro %}"
    (tmp_path / "nested.j2").write_text(nested)
    source = "{% from 'm.j2' import m %}{% import 'nested.j2' as n %}{{ m() }}, {{ n.f() }}"
    assert render(source, {"x": 1}, folders=[tmp_path]) == "y no x, y no x"


def test_what_is_included_without_context_cannot_look_up(tmp_path: Path):
    (tmp_path / "part.j2").write_text("{{ x | default('no x') }}")
    (tmp_path / "asks.j2").write_text("{{ lookup('pipe', 'echo y') }}")
    (tmp_path / "more.j2").write_text("{% import 'part.j2' as p %}{{ p }}")
    include = "{% include 'NAME' without context %}"
    for name in ("part.j2", "more.j2"):
        shown = render(include.replace("NAME", name), {"x": 1}, folders=[tmp_path])
        assert shown == "no x"
    with pytest.raises(TemplateError, match="`without context` cannot call a lookup"):
        render(include.replace("NAME", "asks.j2"), folders=[tmp_path])


def test_backslashes_in_a_file_are_jinjas():
    assert render(r"{{ 'a\\b' }}") == r"a\b"


def test_an_error_in_an_included_template_names_its_file_and_line(tmp_path: Path):
    (tmp_path / "part.j2").write_text("one\n  {{ nope }}\n")
    (tmp_path / "bad.j2").write_text("one\n{% if %}")
    (tmp_path / "macro.j2").write_text("{% macro m(x) %}\n{{ 1 / x }}{% endmacro %}")
    for source, place in (
        ("\n\n{% include 'part.j2' %}", "part.j2:2:6"),
        ("\n\n{% include 'bad.j2' %}", "bad.j2:2:1"),
        ("\n\n{% from 'macro.j2' import m %}{{ m(0) }}", "macro.j2:2:1"),
        ("\n\n{% include 'part.j2' %}", "part.j2:2:6"),
    ):
        with pytest.raises(TemplateError) as caught:
            render(source, folders=[tmp_path], origin=Origin("a.j2"))
        assert str(caught.value.origin) == str(tmp_path / place)

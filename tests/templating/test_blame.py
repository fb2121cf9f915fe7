"""An error names the file, the line and the column of the word that is to blame."""

import os
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.errors import PlaybookError, TemplateError
from lpse_ops.marked import Origin, Text
from lpse_ops.markedyaml import load_marked
from lpse_ops.templating.engine import Templating

TEMPLATING = Templating()

PLAY = """\
plain: {{ nope }} is no YAML, so in words {{ nope }}
spaced:   hello {{ nope }}
double: "a {{ nope }}"
single: 'it''s {{ nope }} and {{ nope2 }}'
literal: |
  nope is what it says:
    {{ ok }} {{ nope }}
folded: >-
  one
  two {{ ok }}
  three {{ nope }}
several: one
  two {{ nope }}
list:
  - "{{ ok }}"
  - "{{ ok }}{{ nope }}"
filter: "{{ ok | nosuch }}"
syntax: |
  {{ ok }}
  {{ ok + }}
attribute: "{{ ok }} {{ ok.missing }}"
inner: "{{ outer }}"
outer: "xx {{ nope }}"
fails: |
  {{ ok }}
  {{ '{' | from_json }}
when: ok is defined and nope == 1
"""


@pytest.fixture
def play(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "play.yml"
    path.write_text(PLAY.split("\n", 1)[1])
    content: dict[str, Any] = load_marked(path, warn=pytest.fail)
    return {**content, "ok": "fine"}


@pytest.mark.parametrize(
    ("key", "line", "column"),
    [
        ("spaced", 1, 20),
        ("double", 2, 15),
        ("single", 3, 19),
        ("literal", 6, 17),
        ("folded", 10, 12),
        ("several", 12, 10),
        ("list", 15, 17),
        ("filter", 16, 18),
        ("syntax", 19, 3),
        ("attribute", 20, 28),
        ("inner", 22, 15),
        ("fails", 25, 3),
    ],
)
def test_errors_name_the_word(play, tmp_path, key, line, column):
    with pytest.raises(TemplateError) as caught:
        TEMPLATING.evaluate(play[key], play)
    where = Origin(str(tmp_path / "play.yml"), line, column)
    assert caught.value.origin == where
    assert caught.value.message.startswith(f"{where}: ")


def test_conditions_name_the_word(play, tmp_path):
    with pytest.raises(TemplateError) as caught:
        TEMPLATING.condition(play["when"], play)
    assert caught.value.origin == Origin(str(tmp_path / "play.yml"), 26, 25)


def test_a_file_that_is_gone_leaves_the_beginning_of_the_value(play, tmp_path):
    (tmp_path / "play.yml").unlink()
    with pytest.raises(TemplateError) as caught:
        TEMPLATING.evaluate(play["literal"], play)
    assert caught.value.origin == Origin(str(tmp_path / "play.yml"), 4, 10)


def test_a_file_that_says_something_else_now_leaves_the_beginning(play, tmp_path):
    (tmp_path / "play.yml").write_text("empty: now\n" * 40)
    with pytest.raises(TemplateError) as caught:
        TEMPLATING.evaluate(play["literal"], play)
    assert caught.value.origin == Origin(str(tmp_path / "play.yml"), 4, 10)


def failure(template: str, **variables: Any) -> PlaybookError:
    with pytest.raises(PlaybookError) as caught:
        TEMPLATING.evaluate(Text(template, Origin("<command line>")), variables)
    return caught.value


def test_the_command_line_has_no_lines():
    assert failure("{{ nope }}").message == "<command line>: 'nope' is undefined"


def test_a_similar_variable_is_suggested():
    assert failure("{{ db_nmae }}", db_name=1).hint == "did you mean 'db_name'?"
    assert failure("{{ zz }}", db_name=1).hint == "define 'zz', or write {{ zz | default(...) }}"


def test_unknown_filters_and_tests_say_what_there_is():
    error = failure("{{ 1 | community.general.json_query('x') }}")
    assert "there is no filter 'community.general.json_query' here" in error.message
    assert "run the playbook under ansible-playbook, or use one of: " in error.hint
    assert " json_query" not in error.hint
    assert " combine, " in error.hint
    assert failure("{{ 1 | combin }}").hint.startswith("did you mean 'combine'? or run")
    assert "there is no test 'chnged' here" in failure("{{ 1 is chnged }}").message
    assert "did you mean 'changed'?" in failure("{{ 1 is chnged }}").hint
    assert "there is no filter 'zz'" in failure("{% if true %}{{ 1 | zz }}{% endif %}").message
    assert "there is no filter 'zz'" in failure("{{ [1] | map('zz') | list }}").message


def test_our_own_types_have_the_names_that_people_know():
    assert "'int' and 'str'" in failure("{{ 1 + x }}", x=Text("y")).message
    assert "condition gives a 'str'" in condition_failure("x", x=Text("y"))


def condition_failure(condition: str, **variables: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        TEMPLATING.condition(Text(condition, Origin("p.yml", 2, 3)), variables)
    return caught.value.message


def test_values_are_not_in_messages():
    for template in ("{{ x | from_json }}", "{{ x | from_yaml }}", "{{ x.y }}", "{{ x + 1 }}"):
        error = failure(template, x="{hunter2: [")
        assert "hunter2" not in error.message + error.hint
    assert "hunter2" not in condition_failure("x", x="hunter2")


def test_a_member_is_told_from_a_variable_of_the_same_name():
    for template, column in (("{{ x }} {{ d.x }}", 14), ("{{ x }} {{ d['x'] }}", 15)):
        with pytest.raises(TemplateError) as caught:
            TEMPLATING.render(template, {"x": 1, "d": {}}, origin=Origin("a.j2"))
        assert caught.value.origin == Origin("a.j2", 1, column)


def test_a_similar_key_is_suggested():
    assert failure("{{ d.prot }}", d={"port": 1}).hint == "did you mean 'port'?"
    assert failure("{{ d.zz }}", d={"port": 1}).hint == "correct the template at this place"


def test_a_file_that_cannot_be_read_twice_is_left_alone(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    origin = Origin(str(tmp_path / "fifo"), 3, 4)
    with pytest.raises(TemplateError) as caught:
        TEMPLATING.evaluate(Text("{{ nope }}", origin), {})
    assert caught.value.origin == origin


def test_a_word_that_the_template_does_not_hold_is_blamed_on_its_beginning(tmp_path: Path):
    path = tmp_path / "play.yml"
    path.write_text('a: "x {{ d[k] }}"\n')
    content = load_marked(path, warn=pytest.fail)
    with pytest.raises(TemplateError) as caught:
        TEMPLATING.evaluate(content["a"], {"d": {}, "k": "zz"})
    assert str(caught.value.origin) == f"{path}:1:5"


def test_a_file_that_cannot_be_read_again_gives_the_place_of_the_scalar():
    text = Text("x {{ nope }}", Origin("/proc/self/mem", 3, 2))
    with pytest.raises(TemplateError) as caught:
        TEMPLATING.evaluate(text, {})
    assert str(caught.value.origin) == "/proc/self/mem:3:2"

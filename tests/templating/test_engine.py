"""What is special here: who is trusted, where names come from, what one call promises."""

import datetime
from collections import ChainMap
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lpse_ops.errors import TemplateError, VaultError
from lpse_ops.marked import Map, Origin, Sealed, Seq, Text
from lpse_ops.templating.engine import Templating
from lpse_ops.templating.files import no_files
from lpse_ops.templating.markers import OMIT
from lpse_ops.vault import Vault, VaultSecret, seal
from tests.templating.real_ansible import mark

TEMPLATING = Templating()


def evaluate(value: Any, **variables: Any) -> Any:
    return TEMPLATING.evaluate(mark(value), mark(variables))


def kinds(value: Any) -> Iterator[type]:
    yield type(value)
    if isinstance(value, Mapping):
        for pair in value.items():
            for each in pair:
                yield from kinds(each)
    elif isinstance(value, list):
        for each in value:
            yield from kinds(each)


def test_a_plain_string_is_never_a_template():
    assert TEMPLATING.evaluate("{{ 1 }}", {}) == "{{ 1 }}"
    assert TEMPLATING.evaluate(Text("{{ x }}"), {"x": "{{ 1 }}"}) == "{{ 1 }}"
    assert TEMPLATING.evaluate(Text("{{ x.y[0] }}"), {"x": {"y": ["{{ 1 }}"]}}) == "{{ 1 }}"


def test_a_template_that_is_put_together_is_not_evaluated_again():
    assert evaluate("{{ '{' ~ '{ 1 }' ~ '}' }}") == "{{ 1 }}"
    assert evaluate("{{ a }}", a="{{ b }}", b="{{ '{{ 1 }}' }}") == "{{ 1 }}"


def test_a_plain_string_is_no_condition():
    with pytest.raises(TemplateError, match="must be an expression"):
        TEMPLATING.condition("1 == 1", {})
    with pytest.raises(TemplateError, match="gives an untrusted template or expression"):
        TEMPLATING.condition(Text("{{ x }}"), {"x": "1 == 1"})


def test_an_empty_condition_is_an_error_unless_broken_ones_are_allowed():
    for empty in ("", " \n"):
        with pytest.raises(TemplateError, match="Empty conditional expressions are not allowed"):
            TEMPLATING.condition(Text(empty), {})
        lenient = Templating(settings={"allow_broken_conditionals": True})
        assert lenient.condition(Text(empty), {}) is True


def test_results_hold_plain_containers_and_no_templates():
    value = {"a": ["{{ x ~ 1 }}", "{{ x | upper }}"], "b": {"c": "{{ m }}"}}
    found = evaluate(value, x="text", m={"k": ["{{ x | upper }}"]})
    assert found == {"a": ["text1", "TEXT"], "b": {"c": {"k": ["TEXT"]}}}
    assert set(kinds(found)) == {dict, list, str}


def test_a_string_of_the_playbook_stays_trusted_as_long_as_nothing_changes_it():
    value = {"a": "x == 1", "b": "{{ c }}", "d": ["{{ c }}"], "e": "{{ m.k | first }}"}
    found = evaluate(value, c="x == 2", m={"k": ["x == 3"]}, x=2)
    literals = [found["a"], found["b"], found["d"][0], found["e"]]
    assert [type(each) for each in literals] == [Text] * 4
    assert [TEMPLATING.condition(each, {"x": 2}) for each in literals] == [False, True, True, False]


@pytest.mark.parametrize("template", ["{{ 'x == 1' }}", "{{ c ~ '' }}", " {{ c }}", "{{ host }}"])
def test_what_a_template_makes_is_not_trusted(template):
    found = TEMPLATING.evaluate(Text(template), {"c": Text("x == 1"), "host": "x == 1"})
    assert type(found) is str
    with pytest.raises(TemplateError, match="untrusted template or expression"):
        TEMPLATING.condition(found, {"x": 1})


def test_a_template_in_a_file_of_another_syntax_never_becomes_a_trusted_result():
    found = TEMPLATING.evaluate(Text("{{ lookup('list', x) }}"), {"x": Seq([Text("{{ 1 }}")])})
    assert found == [1]


def test_a_secret_is_told_apart_until_something_changes_it():
    templating = Templating(vault=Vault([VaultSecret("default", b"pw")]))
    sealed = Sealed(seal(b"x == 1", b"pw").decode(), Origin("v.yml", 1, 1))
    found = templating.evaluate(Text("{{ s }}"), {"s": sealed})
    asked = Text("{{ [a is vault_encrypted, b is vault_encrypted, a ~ '' is vault_encrypted] }}")
    assert templating.evaluate(asked, {"a": found, "b": "x"})[:2] == [True, False]
    with pytest.raises(TemplateError, match="untrusted template or expression"):
        templating.condition(found, {"x": 1})


def test_only_what_is_used_is_resolved():
    variables = {"d": {"good": "{{ 1 }}", "bad": "{{ nope }}"}, "never": "{{ nope }}"}
    assert evaluate("{{ d.good }}", **variables) == 1
    with pytest.raises(TemplateError, match="'nope' is undefined"):
        evaluate("{{ d }}", **variables)


def test_a_variable_is_read_once_for_each_use_and_never_changed():
    variables = mark({"d": {"x": ["{{ 1 }}"]}})
    assert TEMPLATING.evaluate(Text("{% set _ = d.x.append(5) %}{{ d.x }}"), variables) == [1, 5]
    assert type(variables["d"]["x"][0]) is Text
    assert len(variables["d"]["x"]) == 1


def test_variables_may_be_any_mapping():
    variables = ChainMap({"a": Text("{{ b }}")}, {"b": 2})
    assert TEMPLATING.evaluate(Text("{{ a }}"), variables) == 2
    assert TEMPLATING.condition(Text("a == 2 and nope is undefined"), variables)


def test_all_variables_can_be_counted_and_named():
    assert evaluate("{{ vars | length }}", a=1, b="{{ nope }}") == 2
    assert evaluate("{{ vars | list | sort }}", a=1, b="{{ nope }}") == ["a", "b"]
    assert evaluate("{{ ['a' in vars, 'c' in vars] }}", a=1) == [True, False]


def test_times_of_the_day_are_values():
    assert evaluate("{{ t }}", t=datetime.time(10, 30)) == datetime.time(10, 30)
    assert evaluate("{{ [t.time()] }}", t=datetime.datetime(2026, 1, 2, 3)) == [datetime.time(3)]


def test_variables_come_before_functions():
    assert evaluate("{{ lookup }}", lookup="mine") == "mine"


def test_omit_removes_keys_and_items_at_any_depth():
    value = {"a": "{{ omit }}", "b": [1, "{{ omit }}", {"c": "{{ x | default(omit) }}"}]}
    assert evaluate(value) == {"b": [1, {}]}
    assert evaluate("{{ omit }}") is OMIT


@pytest.mark.parametrize(
    "variables",
    [
        {"a": "{{ a }}"},
        {"a": "{{ b }}", "b": "{{ c }}", "c": "x{{ a }}"},
        {"a": {"x": "{{ a.x }}"}},
        {"a": "{{ lookup('vars', 'a') }}"},
        {"a": "{{ vars.a }}"},
    ],
)
def test_variables_that_refer_in_a_circle_are_an_error(variables):
    with pytest.raises(TemplateError, match="circle"):
        evaluate("{{ a.x if a is mapping else a }}", **variables)


def test_a_variable_used_twice_is_no_circle():
    assert evaluate("{{ a }}{{ b }}", a="{{ c }}", b="{{ c }}{{ c }}", c="{{ 1 }}") == "111"


def test_hosts_resolve_their_variables_in_their_own_scope():
    site = mark({"name": "{{ me }}-{{ domain }}", "domain": "id"})
    one, two = ({**site, "me": me} for me in ("one", "two"))
    hostvars = {"one": TEMPLATING.lazily(one), "two": TEMPLATING.lazily(two)}
    variables = {**one, "hostvars": hostvars}
    assert TEMPLATING.evaluate(Text("{{ hostvars.two.name }}"), variables) == "two-id"
    assert TEMPLATING.evaluate(Text("{{ hostvars['two']['name'] }} {{ name }}"), variables) == (
        "two-id one-id"
    )
    with pytest.raises(TemplateError, match="object of type 'dict' has no attribute 'nope'"):
        TEMPLATING.evaluate(Text("{{ hostvars.two.nope }}"), variables)
    names = Text("{{ hostvars | map('extract', hostvars, 'name') | list }}")
    assert TEMPLATING.evaluate(names, variables) == ["one-id", "two-id"]
    assert TEMPLATING.evaluate(Text("{{ hostvars.two.nope | default(3) }}"), variables) == 3


def test_hosts_that_refer_to_each_other_in_a_circle_are_an_error():
    hostvars: dict[str, Any] = {}
    variables = {"a": Text("{{ hostvars.h.a }}"), "hostvars": hostvars}
    hostvars["h"] = TEMPLATING.lazily(variables)
    with pytest.raises(TemplateError, match="refer in a circle"):
        TEMPLATING.evaluate(Text("{{ a }}"), variables)


def test_conditions_stop_at_the_first_that_does_not_hold():
    conditions = Seq([Text("x"), Text("false"), Text("nope")])
    assert TEMPLATING.condition(conditions, {"x": True}) is False
    with pytest.raises(TemplateError):
        TEMPLATING.condition(Seq([Text("nope"), Text("false")]), {})


def test_expressions_give_plain_values():
    variables = mark({"d": {"x": "{{ 1 }}"}})
    assert TEMPLATING.expression("d", variables) == {"x": 1}
    assert TEMPLATING.expression(Text("d.x + 1"), variables) == 2
    with pytest.raises(TemplateError, match="unexpected text after the expression"):
        TEMPLATING.expression("d d", variables)


def test_strings_in_expressions_are_text_but_in_conditions_and_lookups_they_may_be_templates():
    variables = {"n": 5, "name": "n"}
    assert TEMPLATING.expression(Text("'{{ n }}'"), variables) == "{{ n }}"
    assert TEMPLATING.condition(Text("'{{ n }}' == 5"), variables)
    assert TEMPLATING.expression(Text("lookup('vars', '{{ name }}')"), variables) == 5


def test_numbers_are_not_taken_for_booleans():
    assert evaluate("{{ [1, true, 1.0] }}") == [1, True, 1.0]
    assert [type(each) for each in evaluate("{{ [1, true, 1.0] }}")] == [int, bool, float]


SECRET = VaultSecret("default", b"pw")


def sealed(plaintext: str) -> Sealed:
    content = seal(plaintext.encode(), b"pw").decode()
    return Sealed(content, Origin("vars.yml", 3, 5))


def test_sealed_values_are_opened_when_they_are_used():
    templating = Templating(vault=Vault([SECRET]))
    variables = {"s": sealed("hunter2 {{ 1 }}"), "m": Map({Text("p"): sealed("x")})}
    assert templating.evaluate(Text("{{ s }}!"), variables) == "hunter2 {{ 1 }}!"
    assert templating.evaluate(Text("{{ m.p }}"), variables) == "x"
    assert templating.evaluate(sealed("x"), {}) == "x"


def test_sealed_values_that_nobody_uses_need_no_secret():
    assert TEMPLATING.evaluate(Text("{{ n }}"), {"n": 1, "s": sealed("x")}) == 1


@pytest.mark.parametrize("vault", [None, Vault([]), Vault([VaultSecret("default", b"other")])])
def test_sealed_values_without_their_secret_name_their_place(vault):
    templating = Templating(vault=vault)
    with pytest.raises(VaultError, match=r"vars\.yml:3:5"):
        templating.evaluate(Text("x {{ s }}"), {"s": sealed("x")})


def test_loops_are_evaluated_by_lookups():
    def loop(name: str, terms: Any, **options: Any) -> list[Any]:
        return TEMPLATING.lookup_list(
            name, mark(terms), mark({"l": [1, [2, "{{ 3 }}"]]}), **options
        )

    assert loop("items", "{{ l }}") == [1, 2, 3]
    assert loop("dict", {"a": "{{ l[0] }}"}) == [{"key": "a", "value": 1}]
    assert loop("sequence", "start=1 end=2") == ["1", "2"]
    assert loop("nested", [[1, 2], ["a"]]) == [[1, "a"], [2, "a"]]
    with pytest.raises(TemplateError, match="with_nosuch: there is no lookup 'nosuch'"):
        loop("nosuch", [])
    with pytest.raises(TemplateError, match="'nope' is undefined"):
        loop("items", "{{ nope }}")
    with pytest.raises(TemplateError, match="there is no file 'nope'"):
        loop("file", ["nope"])


def test_threads_may_share_variables_of_hosts():
    # The lookup gives the other threads time to be in the same template.
    variables = {"a": Text("{{ lookup('pipe', 'sleep 0.05; echo x') }}")}
    hostvars = {"h": TEMPLATING.lazily(variables)}
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(TEMPLATING.evaluate, Text("{{ hostvars.h.a }}"), {"hostvars": hostvars})
            for _ in range(8)
        ]
    assert {each.result() for each in asked} == {"x"}


def test_what_should_be_written_differently_is_a_warning():
    warnings: list[str] = []
    templating = Templating(warn=warnings.append).with_files(no_files)
    assert templating.condition(Text("{{ true }}", Origin("p.yml", 2, 3)), {})
    assert warnings == ["p.yml:2:3: write a condition without {{ }}: {{ true }}"]
    assert templating.evaluate(Text("{{ lookup('pipe', 'exit 1', errors='warn') }}"), {}) is None
    assert "the lookup 'pipe' failed: the command ended with status 1" in warnings[1]


def test_what_is_compiled_is_kept_within_bounds():
    compiler = Templating().compiler
    first = compiler.expression("n0")
    assert compiler.expression("n0") is first
    for number in range(1, 20_001):
        compiler.expression(f"n{number}")
    assert compiler.expression("n0") is not first

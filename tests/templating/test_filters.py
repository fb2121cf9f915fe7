"""Filters whose answers ansible-core cannot give here, or that must not agree with it."""

from typing import Any

import pytest

from lpse_ops.errors import TemplateError
from lpse_ops.marked import Text
from lpse_ops.templating.engine import Templating
from lpse_ops.vault import Vault, VaultSecret
from tests.templating.real_ansible import mark

TEMPLATING = Templating()


def evaluate(template: str, **variables: Any) -> Any:
    return TEMPLATING.evaluate(Text(template), mark(variables))


# ansible-core hashes passwords with passlib only, which is not installed with it.
def test_password_hash():
    assert evaluate("{{ 'x' | password_hash('sha512', 'abc') }}").startswith("$6$abc$")
    assert evaluate("{{ 'x' | password_hash(hashtype='sha256', salt='abc') }}").startswith(
        "$5$abc$"
    )
    assert evaluate("{{ 'x' | password_hash('sha512', 'a', rounds=1500) }}").startswith(
        "$6$rounds=1500$a$"
    )
    first, second = (evaluate("{{ 'x' | password_hash }}") for _ in range(2))
    assert first != second
    assert len(first.split("$")[2]) == 16


@pytest.mark.parametrize(
    "call", ["('bcrypt')", "('sha512', ':')", "('sha512', ident='2b')", "('md5')"]
)
def test_password_hash_refuses(call):
    with pytest.raises(TemplateError, match="password_hash"):
        evaluate(f"{{{{ 'x' | password_hash{call} }}}}")


def test_vault_filters_go_both_ways_and_are_read_by_the_vault():
    sealed = evaluate("{{ 'data' | vault('pw') }}")
    assert sealed.startswith("$ANSIBLE_VAULT;1.2;AES256;filter_default\n")
    assert Vault([VaultSecret("x", b"pw")]).decrypt(sealed, "here") == b"data"
    assert evaluate("{{ s | unvault('pw') }}", s=sealed) == "data"
    with pytest.raises(TemplateError, match="this secret does not open it"):
        evaluate("{{ s | unvault('wrong') }}", s=sealed)


def test_the_vault_filter_refuses_what_it_cannot_do():
    with pytest.raises(TemplateError, match="a salt of one's own is not supported"):
        evaluate("{{ 'data' | vault('pw', salt='aa') }}")
    with pytest.raises(TemplateError, match=r"vault: .*;"):
        evaluate("{{ 'data' | vault('pw', vault_id='a;b') }}")


def test_what_is_too_long_is_not_parsed():
    with pytest.raises(TemplateError, match="from_json: more than 16 Mi characters"):
        evaluate("{{ s | from_json }}", s=" " * (16 * 1024 * 1024 + 1))


def test_omit_is_named_where_it_is_no_value():
    with pytest.raises(TemplateError, match="to_uuid: <omit> is no UUID"):
        evaluate("{{ 'a' | to_uuid(namespace=omit) }}")


def test_omit_has_no_json():
    with pytest.raises(TemplateError, match="a value of type 'Omit' has no JSON"):
        evaluate("{{ omit | to_json }}")


def test_unions_keep_their_order():
    # ansible-core gives the order of a Python set, which changes from run to run.
    assert evaluate("{{ ['b', 'a', 'b'] | union(['c', 'a']) }}") == ["b", "a", "c"]
    assert evaluate("{{ ['b', 'a', 'b'] | difference(['c']) }}") == ["b", "a"]


def test_yaml_repeats_instead_of_aliases():
    assert evaluate("{{ [l, l] | to_yaml }}", l=[1]) == "- [1]\n- [1]\n"


def test_yaml_from_elsewhere_builds_nothing_but_data():
    with pytest.raises(TemplateError, match="from_yaml"):
        evaluate("{{ s | from_yaml }}", s="!!python/object/apply:os.getcwd []")


@pytest.mark.parametrize("name", ["random", "shuffle"])
def test_chance_is_not_compiled_in(name):
    results = {str(evaluate(f"{{{{ range(1000) | list | {name} }}}}")) for _ in range(5)}
    assert len(results) > 1


def test_underscored_attributes_are_out_of_reach():
    for template in ("{{ x.__class__ }}", "{{ x['__class__'] }}", "{{ x | attr('__class__') }}"):
        with pytest.raises(TemplateError):
            evaluate(template, x="s")


@pytest.mark.parametrize("profile", ["legacy", "inventory_legacy"])
def test_what_ansible_inventory_marks_as_no_template_is_text(profile):
    listed = '{"a": [{"__ansible_unsafe": "x"}], "b": {"c": 1}}'
    found = evaluate(f"{{{{ s | from_json(profile='{profile}') }}}}", s=listed)
    assert found == {"a": ["x"], "b": {"c": 1}}

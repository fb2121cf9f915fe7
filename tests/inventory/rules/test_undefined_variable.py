import pytest

from lpse_ops.marked import Origin
from tests.inventory.rules.fleetsites import faults, places, see

RULE = "undefined-variable"
USE = Origin("site.yml", 4, 20)
HOSTS = {"hosts.ini": "[spse]\nspse-1 known=1\n"}


def test_a_variable_that_nothing_defines_is_found_where_it_is_used(tmp_path):
    seen = see(tmp_path, HOSTS, used={"x": USE}, defined=frozenset({"other"}))
    [fault] = faults(RULE, seen)
    assert (fault.origin, fault.message) == (USE, "x is used here and defined nowhere")
    assert "x | default(...)" in fault.hint


@pytest.mark.parametrize("name", ["known", "other"])
def test_what_inventory_or_playbooks_define_is_let_be(name, tmp_path):
    used = {name: USE}
    assert places(RULE, tmp_path, HOSTS, used=used, defined=frozenset({"other"})) == []


def test_what_a_used_value_needs_is_looked_for_too(tmp_path):
    files = {
        **HOSTS,
        "group_vars/all.yml": (
            "a: 'x {{ b }}'\nb: [{c: '{{ gone }} {{ known }} {{ maybe | d(1) }}'}]\n"
            "unused: '{{ never }}'\nansible_host: '{{ address }}'\nok: '{{ ansible_fqdn }}'\n"
        ),
    }
    found = places(RULE, tmp_path, files, used={"a": USE, "ok": USE})
    assert found == ["all.yml:2:13", "all.yml:4:19"]


def test_without_playbooks_nobody_knows_what_they_define(tmp_path):
    assert places(RULE, tmp_path, {"hosts.ini": "a ansible_host={{gone}}\n"}) == []


def test_what_nobody_could_read_may_define_anything(tmp_path):
    sealed = {"group_vars/all.yml": "$ANSIBLE_VAULT;1.1;AES256\n616263\n"}
    assert places(RULE, tmp_path, {**HOSTS, **sealed}, used={"x": USE}) == []


def test_templates_that_need_each_other_end(tmp_path):
    files = {**HOSTS, "group_vars/all.yml": "a: '{{ b }}'\nb: '{{ a }}'\n"}
    assert places(RULE, tmp_path, files, used={"a": USE}) == []

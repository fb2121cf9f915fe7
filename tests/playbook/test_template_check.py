"""Templates that can never be evaluated are found before any host is touched."""

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.playbook.template_check import template_checker
from lpse_ops.templating.engine import Templating
from tests.playbook.loading import load

FAULTS = {
    'debug: {msg: "{{ x | nope }}"}': "there is no filter 'nope'",
    "debug:\n  msg:\n    - deep: '{{ x is nope }}'": "there is no test 'nope'",
    "debug: {msg: \"{{ lookup('nope', 1) }}\"}": "there is no lookup 'nope'",
    "debug: {msg: \"{{ query('community.general.dig', x) }}\"}": "there is no lookup 'community",
    'debug: {msg: "{{ x "}': "unexpected end of template",
    "ping:\nwhen: x | nope": "there is no filter 'nope'",
    "ping:\nwhen: [x, y is nope]": "there is no test 'nope'",
    "ping:\nuntil: x ==": "unexpected 'end of template'",
    "ping:\nloop: '{{ x | nope }}'": "there is no filter 'nope'",
    "assert: {that: [x is nope]}": "there is no test 'nope'",
    "debug: {var: x | nope}": "there is no filter 'nope'",
    'ping:\nname: "{{ x | nope }}"': "there is no filter 'nope'",
}
FINE = [
    "debug: {msg: \"{{ x | default('a') | upper }}\"}",
    "debug: {msg: \"{{ lookup('ansible.builtin.env', 'HOME') }}\"}",
    "ping:\nwhen: x is defined and x | length > 0",
    'ping:\nwhen: "{{ x }}"',
    "debug: {var: x.y}",
    'debug: {msg: "{{ x | nope }}"}\nignore_errors: true',
    "debug: {msg: x}\nvars: {never: '{{ x | nope }}'}",
    "debug: {msg: !unsafe '{{ x | nope }}'}",
]


def check(folder, text):
    inner = text.replace("\n", "\n      ")
    checker = template_checker(Templating())
    load(folder, f"- hosts: all\n  tasks:\n    - {inner}\n", check_templates=checker)


@pytest.mark.parametrize("text", FAULTS)
def test_the_fault_is_named_with_its_place(text, tmp_path):
    with pytest.raises(PlaybookError) as raised:
        check(tmp_path, text)
    assert FAULTS[text] in raised.value.message
    first, *lines = raised.value.message.split("\n")
    assert first.startswith(f"{tmp_path}/site.yml:")
    assert any(line.startswith(">") for line in lines)


@pytest.mark.parametrize("text", FINE)
def test_what_may_work_is_left_to_the_run(text, tmp_path):
    check(tmp_path, text)


def test_the_hint_names_what_there_is(tmp_path):
    with pytest.raises(PlaybookError) as raised:
        check(tmp_path, 'debug: {msg: "{{ x | defalt }}"}')
    assert "default" in raised.value.hint

"""Wrong arguments of ``include_vars`` are a failed task."""

import pytest

from lpse_ops.playbook.actions import include_vars
from lpse_ops.playbook.actions.context import ActionFailed
from tests.playbook.actions.localaction import LocalAction
from tests.playbook.running import run_play


@pytest.mark.parametrize(
    "args",
    [
        {"files_matching": "("},
        {"ignore_files": ["ok", "["]},
        {"ignore_files": {"a": 1}},
        {"extensions": {"a": 1}},
        {"depth": "deep"},
        {"ignore_unknown_extensions": "perhaps"},
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, args):
    (tmp_path / "vars").mkdir()
    with pytest.raises(ActionFailed, match=f"^{next(iter(args))} of include_vars: ") as failed:
        include_vars.run({"dir": "vars", **args}, LocalAction(tmp_path))
    assert failed.value.result["ansible_included_var_files"] == []


@pytest.mark.parametrize("how", ["", ", name: kept", ", name: kept, hash_behaviour: merge"])
def test_templates_in_what_was_read_are_evaluated(tmp_path, how):
    found = "kept.word" if how else "word"
    play = f"""\
- hosts: all
  gather_facts: false
  vars: {{plain: said}}
  tasks:
    - include_vars: {{file: more.yml{how}}}
    - debug: {{msg: "it is {{{{ {found} }}}}"}}
"""
    ran = run_play(tmp_path / "play", {"site.yml": play, "more.yml": 'word: "{{ plain }}"\n'})
    assert '"msg": "it is said"' in ran.text

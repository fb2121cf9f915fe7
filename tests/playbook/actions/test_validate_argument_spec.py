"""A role's ``argument_specs`` against what it is given: as ansible-core judges, in one run."""

import json
import sys
from pathlib import Path

import pytest

from lpse_ops.marked import Map, Text
from lpse_ops.playbook.actions.context import ActionFailed
from lpse_ops.playbook.actions.validate_argument_spec import run
from tests.playbook.actions.localaction import LocalAction
from tests.playbook.loading import run_ansible

SPEC = {
    "port": {"type": "int", "required": True, "description": "where it listens"},
    "state": {"type": "str", "choices": ["on", "off"], "default": "on"},
    "names": {"type": "list", "elements": "str"},
    "numbers": {"type": "list", "elements": "int"},
    "deep": {
        "type": "dict",
        "options": {"inner": {"type": "bool", "required": True}, "more": {"type": "int"}},
    },
}
CASES = {
    "fine": {"port": 80, "state": "off", "names": ["a"], "deep": {"inner": True}},
    "text_of_a_number": {"port": "80"},
    "template": {"port": "{{ 40 + 2 }}"},
    "missing": {"state": "on"},
    "wrong_type": {"port": "many"},
    "wrong_choice": {"port": 1, "state": "perhaps"},
    "wrong_element": {"port": 1, "numbers": [1, "x"]},
    "missing_inside": {"port": 1, "deep": {"more": 1}},
    "wrong_inside": {"port": 1, "deep": {"inner": "perhaps"}},
    "nothing": {"port": None, "names": None, "state": None},
    "several": {"state": "perhaps", "numbers": ["x", 1, "y"], "deep": {"more": "z"}},
    "strange_inside": {"port": 1, "deep": {"inner": True, "strange": 1}},
}
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  vars: {{answers: {{}}}}
  tasks:
{tasks}
    - copy: {{dest: "{{{{ playbook_dir }}}}/answers.json", content: "{{{{ answers | to_json }}}}"}}
"""
TASK = """
    - block:
        - validate_argument_spec:
            argument_spec: {spec}
            provided_arguments: {{}}
            validate_args_context: {{name: a}}
          vars: {given}
        - set_fact: {{answers: "{{{{ answers | combine({{'{name}': []}}) }}}}"}}
      rescue:
        - set_fact:
            answers: "{{{{ answers | combine({{
              '{name}': ansible_failed_result.argument_errors}}) }}}}"
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("specs")
    spec = json.dumps(SPEC)
    tasks = "".join(
        TASK.format(name=name, spec=spec, given=json.dumps(given)) for name, given in CASES.items()
    )
    (folder / "site.yml").write_text(PLAYBOOK.format(tasks=tasks))
    python = f"ansible_python_interpreter={sys.executable}"
    flags = ["-i", "localhost,", "-c", "local", "-e", python]
    run_ansible("ansible-playbook", *flags, "site.yml", cwd=folder)
    answers: dict[str, list[str]] = json.loads((folder / "answers.json").read_text())
    # Behind this comes a list in the order of a set.
    return {
        name: [each.partition(". Valid booleans")[0] for each in errors]
        for name, errors in answers.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_arguments_are_judged_as_ansible_judges_them(name, theirs, tmp_path):
    given = Map(
        {key: Text(each) if isinstance(each, str) else each for key, each in CASES[name].items()}
    )
    answer = judge(LocalAction(Path(tmp_path), variables=given))
    assert answer["validate_args_context"] == {"name": "a"}
    assert answer.get("argument_errors", []) == theirs[name]
    expected = ["Validation of arguments failed:", *theirs[name]]
    passed = ["The arg spec validation passed"]
    assert answer["msg"].split("\n") == (expected if theirs[name] else passed)


def judge(action: LocalAction) -> dict[str, object]:
    try:
        return run({"argument_spec": SPEC, "validate_args_context": {"name": "a"}}, action)
    except ActionFailed as failed:
        return failed.result


def test_parameters_of_the_role_win_over_variables(tmp_path):
    action = LocalAction(Path(tmp_path), variables=Map({"port": Text("many")}))
    answer = run({"argument_spec": SPEC, "provided_arguments": {"port": 1}}, action)
    assert answer["changed"] is False

"""All cases of the table give the same under ansible-playbook and here: values, or failures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.errors import OpsError, TemplateError
from lpse_ops.templating.engine import Templating
from tests.templating.cases import CONDITIONS, FAILURES, STRUCTURES, VALUES, VARIABLES
from tests.templating.real_ansible import FAILED, Judge, mark, outcome_of, value_of, values_of
from tests.templating.site import write_site

OUR_VARIABLES = mark(VARIABLES)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(folder)
    return folder


@pytest.fixture(scope="module")
def answers(site: Path) -> dict[str, list[Any]]:
    """What ansible-playbook says, from one run."""
    judge = Judge(site, VARIABLES)
    judge.ask_values(VALUES)
    judge.ask_each(STRUCTURES + FAILURES)
    judge.ask_conditions(CONDITIONS)
    results = judge.answers()
    conditions = [results.pop() for _ in CONDITIONS][::-1]
    failures = [results.pop() for _ in FAILURES][::-1]
    structures = [results.pop() for _ in STRUCTURES][::-1]
    return {
        "values": values_of(results, len(VALUES)),
        "structures": [value_of(each) for each in structures],
        "failures": [value_of(each) for each in failures],
        "conditions": [outcome_of(each) for each in conditions],
    }


@pytest.fixture
def templating(site: Path, monkeypatch: pytest.MonkeyPatch) -> Templating:
    monkeypatch.chdir(site)

    def find_file(folder: str, name: str) -> Path:
        for path in (site / folder / name, site / name):
            if path.exists():
                return path
        raise TemplateError(f"there is no file {name}", hint="write it")

    return Templating(find_file=find_file)


def outcome(evaluate: Callable[[], Any]) -> Any:
    """The value as JSON has it, so that types are compared as well."""
    try:
        value = evaluate()
    except OpsError:
        return FAILED
    return json.loads(json.dumps(value, default=lambda each: each.isoformat()))


def evaluate_all(templating: Templating, templates: list[Any]) -> list[Any]:
    return [
        outcome(lambda each=each: templating.evaluate(mark(each), OUR_VARIABLES))
        for each in templates
    ]


def differences(cases: list[Any], ours: list[Any], theirs: list[Any]) -> list[str]:
    return [
        f"{case!r}: ansible {their!r} ({type(their).__name__}), we {our!r} ({type(our).__name__})"
        for case, our, their in zip(cases, ours, theirs, strict=True)
        if our != their or type(our) is not type(their)
    ]


def test_templates_give_the_same_values(templating, answers):
    ours = evaluate_all(templating, VALUES)
    assert len(VALUES) > 900
    assert differences(VALUES, ours, answers["values"]) == []


def test_structures_are_evaluated_alike(templating, answers):
    ours = evaluate_all(templating, STRUCTURES)
    assert differences(STRUCTURES, ours, answers["structures"]) == []


def test_the_same_templates_fail(templating, answers):
    ours = [
        outcome(lambda each=each: templating.evaluate(mark(each), OUR_VARIABLES))
        for each in FAILURES
    ]
    assert differences(FAILURES, ours, answers["failures"]) == []
    assert set(ours) == {FAILED}


def test_conditions_hold_or_fail_alike(templating, answers):
    ours = [
        outcome(lambda each=each: templating.condition(mark(each), OUR_VARIABLES))
        for each in CONDITIONS
    ]
    assert differences(CONDITIONS, ours, answers["conditions"]) == []

import json

import pytest
from spse_steps.errors import PlanError
from spse_steps.plan import Command, beside_release, expand, parse_plan, plan_of

from tests.spse_steps.values import plan_value


def test_defaults_and_prefix():
    plan = parse_plan(json.dumps(plan_value()), "/tmp/x")
    assert plan.new.folder == "/tmp/x/opt/spse/releases/4.5"
    assert plan.application.start == Command(("{link}/spse4", "start"), "appserv", 120, ())
    assert plan.database.dump_folder == "/tmp/x/var/lib/lpse-ops/upgrade/dumps"
    assert (plan.database.port, plan.database.user, plan.database.keep) == (5432, "postgres", 2)
    assert plan.files[0].mode == 0o640
    assert beside_release(plan.new, "logs/a.log") == "/tmp/x/opt/spse/releases/4.5/logs/a.log"


def test_what_may_be_given():
    given = {"argv": ["a"], "environment": {"JAVA_HOME": "/usr/lib/jvm"}, "account": "root"}
    plan = plan_of(
        plan_value(
            application={"start": given},
            database={"passfile": "/etc/lpse-ops/pgpass", "programs": "/usr/lib/postgresql/15/bin"},
            backup={"run": None, "verify": None, "accepted_risk": "tidak ada tempat"},
            health={
                "pages": [
                    {"name": "a", "url": "https://lpse.example", "text": "b", "ca_file": "/etc/ca"}
                ]
            },
        )
    )
    assert plan.application.start.environment == (("JAVA_HOME", "/usr/lib/jvm"),)
    assert plan.database.passfile == "/etc/lpse-ops/pgpass"
    assert plan.backup.accepted_risk == "tidak ada tempat"
    assert plan.health.pages[0].ca_file == "/etc/ca"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"format": 2}, "plan.format"),
        ({"id": "../x"}, "plan.id"),
        ({"link": "home"}, "plan.link"),
        ({"link": "/home/../etc"}, "plan.link"),
        ({"link": "/"}, "plan.link"),
        ({"link": "/a\nb"}, "plan.link"),
        ({"links": "/home"}, "plan.links"),
        ({"from": []}, "plan.from"),
        ({"from": {"release": "/opt/spse/releases/4.5"}}, "plan.to"),
        ({"to": {"colour": "red"}}, "plan.to.colour"),
        ({"maintenance": {"notice": 5}}, "plan.maintenance.notice"),
        ({"application": {"port": 0}}, "plan.application.port"),
        ({"application": {"port": True}}, "plan.application.port"),
        ({"application": {"account": "a b"}}, "plan.application.account"),
        ({"application": {"log": "/var/log/x"}}, "plan.application.log"),
        ({"application": {"log": "../x"}}, "plan.application.log"),
        ({"application": {"start": {"argv": []}}}, "plan.application.start.argv"),
        ({"application": {"start": {"argv": "spse4"}}}, "plan.application.start.argv"),
        ({"application": {"start": {"argv": ["\0"]}}}, "plan.application.start.argv"),
        (
            {"application": {"start": {"argv": ["a"], "environment": {"A B": "c"}}}},
            "plan.application.start.environment",
        ),
        (
            {"application": {"start": {"argv": ["a"], "environment": {"A": 1}}}},
            "plan.application.start.environment",
        ),
        ({"backup": {"run": None}}, "plan.backup.run"),
        ({"backup": {"verify": None}}, "plan.backup.verify"),
        ({"database": {"name": "postgres"}}, "plan.database.name"),
        ({"database": {"name": "n" * 64}}, "plan.database.name"),
        ({"database": {"rollback_point": "tape"}}, "plan.database.rollback_point"),
        ({"files": {}}, "plan.files"),
        ({"files": [5]}, "plan.files[0]"),
        ({"health": {"pages": []}}, "plan.health.pages"),
        ({"health": {"ignored_errors": ["("]}}, "plan.health.ignored_errors"),
        ({"health": {"ignored_errors": [1]}}, "plan.health.ignored_errors"),
    ],
)
def test_what_is_wrong_is_named(changes, where):
    value = plan_value()
    for key, change in changes.items():
        both = isinstance(change, dict) and key in value
        value[key] = {**value[key], **change} if both and isinstance(value[key], dict) else change
    with pytest.raises(PlanError) as refused:
        plan_of(value)
    assert refused.value.message.startswith(where)
    assert refused.value.hint


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"format": 1}'])
def test_what_is_no_plan(text):
    with pytest.raises(PlanError):
        parse_plan(text)


def test_a_key_that_is_nearly_right_gets_a_suggestion():
    with pytest.raises(PlanError, match="links") as refused:
        plan_of({**plan_value(), "links": "/home"})
    assert refused.value.hint == "did you mean link?"


def test_only_known_names_in_braces_are_replaced():
    command = Command(("{link}/spse4", "{}", "{snapshot}", "{other}"), "root", 1, ())
    expanded = expand(command, {"link": "/home/{snapshot}", "snapshot": "4f0c"})
    assert expanded.argv == ("/home/{snapshot}/spse4", "{}", "4f0c", "{other}")

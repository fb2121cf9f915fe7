"""What the step runner and other hosts answer about health, and what is said of it."""

import json

import pytest

from lpse_ops.cli.health_report import (
    HealthCheck,
    HealthReport,
    exit_code,
    parse_checks,
    parse_report,
    render,
    render_nagios,
    to_json,
)
from lpse_ops.errors import ProcessFailed

GOOD, FAULT = HealthCheck("port", True, "9090"), HealthCheck("page", False, "status 504")


def test_only_a_proof_that_asked_something_is_healthy():
    for report, word, code in (
        (HealthReport("a", "4.4", (GOOD,)), "healthy", 0),
        (HealthReport("a", "4.4", (GOOD, FAULT)), "NOT WELL", 1),
        (HealthReport("a", "4.4"), "NOT WELL", 1),
        (HealthReport("a", trouble="no site.json"), "NOT WELL", 1),
        (HealthReport("a", trouble="no route", is_unreachable=True), "UNREACHABLE", 4),
    ):
        assert (report.word, exit_code([report])) == (word, code)
    assert exit_code([]) == 1


def test_nagios_gets_one_line_that_says_all():
    assert render_nagios([HealthReport("a", "4.4", (GOOD,))]) == (0, "SPSE OK - SPSE 4.4, 1 checks")
    odd = HealthCheck("log", False, "a | b\nc")
    code, text = render_nagios([HealthReport("a", "4.4", (GOOD, FAULT, odd))])
    assert code == 2
    assert text.splitlines() == [
        "SPSE CRITICAL - a: page: status 504 (+1)",
        "a: page: status 504",
        "a: log: a / b\\nc",
    ]
    assert render_nagios([HealthReport("a", "4.4")])[0] == 2


def test_the_answer_of_another_host_is_read_and_keeps_our_name_of_it():
    said = to_json([HealthReport("its-own-name", "4.4", (GOOD, FAULT))])
    assert parse_report("lpse-a", json.dumps(said)) == HealthReport("lpse-a", "4.4", (GOOD, FAULT))
    assert "FAULT  page   status 504" in render([parse_report("lpse-a", json.dumps(said))])


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"checks": 5}', '{"checks": [{}]}', '{"hosts": []}', "[" * 100000,
     '{"hosts": [{"release": 1}]}', '{"checks": {"a": 1}}'],
)  # fmt: skip
def test_what_is_no_answer_is_an_error_with_a_hint(text: str):
    for parse in (parse_checks, lambda said: parse_report("lpse-a", said)):
        with pytest.raises(ProcessFailed) as error:
            parse(text)
        assert "lpse-ops --version" in error.value.hint


def test_what_is_not_true_is_a_fault():
    assert not parse_checks('{"checks": [{"name": 1, "ok": "yes", "detail": null}]}')[0].ok

"""What ``playbook lint`` finds, as a report that every format of findings is written from."""

from collections.abc import Iterable
from datetime import date

from lpse_ops.finding import ERROR, WARNING, Finding, Report, RuleDoc
from lpse_ops.marked import Origin
from lpse_ops.playbook.mode_trap import Finding as Linted

TOOL = "playbook/lint"


def report_of(linted: Iterable[Linted], today: date) -> Report:
    """The rule ``error`` is what cannot run; all others are what surprises."""
    findings = [_finding(each) for each in linted]
    rules = {each.rule: RuleDoc(each.rule, each.severity, _title(each.rule)) for each in findings}
    return Report(TOOL, findings, rules, [], today)


def _finding(linted: Linted) -> Finding:
    severity = ERROR if linted.rule == "error" else WARNING
    origin = linted.origin or Origin("")
    return Finding(linted.rule, severity, origin, linted.message, linted.advice)


def _title(rule: str) -> str:
    return "It cannot run." if rule == "error" else f"{rule.replace('-', ' ').capitalize()}."

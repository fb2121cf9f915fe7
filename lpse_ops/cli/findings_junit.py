"""Findings as JUnit XML: a test for each rule that found nothing, and one for each finding.

Valid by the strictest schema there is, that of Ant's reports, so no place has an attribute of its
own.  Warnings are failures as well, since JUnit has nothing between; what was not looked at is
skipped.
"""

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from lpse_ops.cli.output import printable
from lpse_ops.finding import Finding, Report


def render_junit(report: Report) -> str:
    cases = [*_failures(report), *_skipped(report), *_passed(report)]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<testsuites>",
        f"  <testsuite {_attributes(report, len(cases))}>",
        "    <properties/>",
        *cases,
        "    <system-out/>",
        "    <system-err/>",
        "  </testsuite>",
        "</testsuites>",
    ]
    return "".join(f"{line}\n" for line in lines)


def _attributes(report: Report, n_cases: int) -> str:
    package, _, name = report.tool.partition("/")
    # Not the name of this machine: the same input gives the same output everywhere.
    return (
        f'id="0" package="{package}" name="{name}" hostname="localhost" '
        f'timestamp="{report.today.isoformat()}T00:00:00" time="0" tests="{n_cases}" '
        f'failures="{len(report.findings)}" errors="0" skipped="{len(report.notes)}"'
    )


def _failures(report: Report) -> Iterator[str]:
    for each in report.findings:
        text = escape(printable(f"{each.origin}: {each.message}"))
        hint = f"\n{escape(printable(each.hint))}" if each.hint else ""
        message, kind = quoteattr(printable(each.message)), quoteattr(each.severity)
        yield _case(each, f"<failure message={message} type={kind}>{text}{hint}</failure>")


def _skipped(report: Report) -> Iterator[str]:
    for each in report.notes:
        yield _case(each, f"<skipped message={quoteattr(printable(each.message))}/>")


def _passed(report: Report) -> Iterator[str]:
    failed = {each.rule for each in (*report.findings, *report.notes)}
    for name in sorted(report.rules.keys() - failed):
        yield f'    <testcase classname={quoteattr(name)} name="nothing found" time="0"/>'


def _case(finding: Finding, outcome: str) -> str:
    subject = f" {finding.subject}" if finding.subject else ""
    # A token: without blanks at its ends.
    name = quoteattr(" ".join(printable(f"{finding.origin}{subject}").split()) or "-")
    opening = f'<testcase classname={quoteattr(finding.rule)} name={name} time="0">'
    return f"    {opening}\n      {outcome}\n    </testcase>"

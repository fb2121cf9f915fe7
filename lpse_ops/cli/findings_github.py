"""Findings as commands to GitHub's runner, which shows them beside the changed lines."""

from collections.abc import Iterator

from lpse_ops.cli.output import printable
from lpse_ops.finding import ERROR, WARNING, Finding, Report

_COMMANDS = {ERROR: "error", WARNING: "warning"}


def render_github(report: Report) -> str:
    return "".join(_command(each) for each in (*report.findings, *report.notes))


def _command(finding: Finding) -> str:
    name = _COMMANDS.get(finding.severity, "notice")
    properties = ",".join(f"{key}={_property(value)}" for key, value in _properties(finding))
    hint = f"\n{finding.hint}" if finding.hint else ""
    return f"::{name} {properties}::{_data(f'{finding.message}{hint}')}\n"


def _properties(finding: Finding) -> Iterator[tuple[str, str]]:
    origin = finding.origin
    if origin.file:
        yield "file", origin.file
    if origin.line:
        yield "line", str(origin.line)
    if origin.column:
        yield "col", str(origin.column)
    yield "title", finding.rule


def _data(text: str) -> str:
    # One line of a log for each; only what a hint begins on a line of its own stays there.
    text = "\n".join(printable(line) for line in text.split("\n"))
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

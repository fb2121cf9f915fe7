"""Findings of validators and linters in every format, and what they mean for the exit code.

Standard output holds the answer alone; what could not be looked at is told on standard error.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from lpse_ops.cli.findings_github import render_github
from lpse_ops.cli.findings_gitlab import render_gitlab
from lpse_ops.cli.findings_json import render_findings_json
from lpse_ops.cli.findings_junit import render_junit
from lpse_ops.cli.findings_sarif import render_sarif
from lpse_ops.cli.findings_text import render_text
from lpse_ops.cli.output import encode_text, open_output
from lpse_ops.finding import ERROR, Finding, Report, order_of

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

FORMATS: Mapping[str, Callable[[Report], str]] = {
    "text": render_text,
    "json": render_findings_json,
    "sarif": render_sarif,
    "junit": render_junit,
    "gitlab": render_gitlab,
    "github": render_github,
}
FOUND = 1


def findings_format_option(command: Decorated) -> Decorated:
    """``--format`` with all formats of findings, as the argument ``output_format``."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(list(FORMATS)),
        default="text",
        show_default=True,
        help="How the findings are written.",
    )(command)


def emit_findings(report: Report, *, output_format: str, output: Path | None) -> None:
    """Write all findings; files below the current folder are named from there."""
    rendered = FORMATS[output_format](name_from_here(report, os.getcwd()))
    with open_output(output) as stream:
        stream.write(encode_text(rendered))


def name_from_here(report: Report, folder: str) -> Report:
    """Files by names that are the same on every machine that has the tree, in their order."""
    return report._replace(
        findings=_in_order(_from(folder, each) for each in report.findings),
        notes=_in_order(_from(folder, each) for each in report.notes),
    )


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By their names; what came from one file under two names is told once."""
    return sorted(dict.fromkeys(findings), key=order_of)


def _from(folder: str, finding: Finding) -> Finding:
    file = finding.origin.file
    if not file or file.startswith("<"):
        return finding
    near = os.path.relpath(os.path.join(folder, file), folder)
    if near.startswith(".."):
        near = os.path.normpath(file)
    return finding._replace(origin=finding.origin._replace(file=near))


def exit_code(report: Report, *, strict: bool) -> int:
    """1 if there is an error or, when strict, anything at all; notes never count."""
    is_bad = any(strict or each.severity == ERROR for each in report.findings)
    return FOUND if is_bad else 0

"""Findings as JSON: ``{"schema": "lpse-ops/inventory/validate/1", "findings": [...], ...}``."""

from typing import Any

from lpse_ops.cli.output import render_json
from lpse_ops.finding import ERROR, WARNING, Finding, Report


def render_findings_json(report: Report) -> str:
    counts = {kind: _count(report, kind) for kind in (ERROR, WARNING)}
    data = {
        "today": report.today,
        "errors": counts[ERROR],
        "warnings": counts[WARNING],
        "findings": [_fields(each) for each in report.findings],
        "notes": [_fields(each) for each in report.notes],
    }
    return render_json(report.tool, data) + "\n"


def _count(report: Report, severity: str) -> int:
    return sum(each.severity == severity for each in report.findings)


def _fields(finding: Finding) -> dict[str, Any]:
    origin = finding.origin
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "file": origin.file or None,
        "line": origin.line or None,
        "column": origin.column or None,
        "subject": finding.subject or None,
        "message": finding.message,
        "hint": finding.hint,
    }

"""Findings as a report of GitLab's code quality, which merge requests show."""

import json
from typing import Any

from lpse_ops.cli.findings_fingerprint import with_fingerprints
from lpse_ops.cli.output import printable
from lpse_ops.finding import ERROR, WARNING, Finding, Report

_SEVERITIES = {ERROR: "major", WARNING: "minor"}


def render_gitlab(report: Report) -> str:
    issues = [_issue(*each) for each in with_fingerprints([*report.findings, *report.notes])]
    return json.dumps(issues, ensure_ascii=False, indent=2) + "\n"


def _issue(finding: Finding, fingerprint: str) -> dict[str, Any]:
    hint = f" ({finding.hint})" if finding.hint else ""
    return {
        "type": "issue",
        "check_name": finding.rule,
        "description": printable(f"{finding.message}{hint}"),
        "categories": ["Bug Risk"],
        "severity": _SEVERITIES.get(finding.severity, "info"),
        "fingerprint": fingerprint,
        "location": {
            "path": finding.origin.file,
            # A file as a whole is shown at its first line.
            "lines": {"begin": max(1, finding.origin.line)},
        },
    }

"""Findings as SARIF 2.1.0, which code hosts and editors read.

Places are relative, columns count characters from 1 and are left out where there are none, and
every finding has a fingerprint of its own that does not change when lines move.
"""

import json
import os
from typing import Any
from urllib.parse import quote

from lpse_ops.cli.findings_fingerprint import with_fingerprints
from lpse_ops.cli.output import printable
from lpse_ops.finding import Finding, Report, RuleDoc
from lpse_ops.marked import Origin
from lpse_ops.version import VERSION

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_sarif(report: Report) -> str:
    rules = [report.rules[name] for name in sorted(report.rules)]
    places = {rule.id: at for at, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "lpse-ops",
                "version": VERSION,
                "rules": [_rule(each) for each in rules],
            }
        },
        "automationDetails": {"id": f"{report.tool}/"},
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_notification(each) for each in report.notes],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(finding, fingerprint, places)
            for finding, fingerprint in with_fingerprints(report.findings)
        ],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _rule(rule: RuleDoc) -> dict[str, Any]:
    described = {"fullDescription": {"text": rule.text}} if rule.text else {}
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        **described,
        "help": {"text": "\n\n".join(part for part in (rule.title, rule.text) if part)},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: Finding, fingerprint: str, places: dict[str, int]) -> dict[str, Any]:
    index = {"ruleIndex": places[finding.rule]} if finding.rule in places else {}
    return {
        "ruleId": finding.rule,
        **index,
        "level": finding.severity,
        "message": {"text": _text(finding)},
        "locations": _locations(finding.origin),
        "partialFingerprints": {"lpseOps/v1": fingerprint},
    }


def _notification(finding: Finding) -> dict[str, Any]:
    return {
        "level": finding.severity,
        "message": {"text": _text(finding)},
        "locations": _locations(finding.origin),
        "descriptor": {"id": finding.rule},
    }


def _text(finding: Finding) -> str:
    return printable(f"{finding.message}; {finding.hint}" if finding.hint else finding.message)


def _locations(origin: Origin) -> list[dict[str, Any]]:
    if not origin.file or origin.file.startswith("<"):
        return []
    region = {}
    if origin.line:
        column = {"startColumn": origin.column} if origin.column else {}
        region = {"region": {"startLine": origin.line, **column}}
    return [{"physicalLocation": {"artifactLocation": {"uri": uri_of(origin.file)}, **region}}]


def uri_of(file: str) -> str:
    """A relative reference for a relative name; one of a whole path has its scheme."""
    quoted = quote(os.fsencode(file))
    return f"file://{quoted}" if os.path.isabs(file) else quoted

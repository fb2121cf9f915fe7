"""What a validator or linter found: values that every output format is written from."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from lpse_ops.marked import Origin

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)


class Finding(NamedTuple):
    """One thing that is wrong; ``subject`` is a host or group, or "".

    A place without line is a whole file; one without file is nowhere.
    """

    rule: str
    severity: str
    origin: Origin
    message: str
    hint: str
    subject: str = ""


class RuleDoc(NamedTuple):
    """What a rule says of itself: ``title`` is one line, ``text`` all the rest."""

    id: str
    severity: str
    title: str
    text: str = ""


class Report(NamedTuple):
    """All findings of one run, in order; ``tool`` is the command, e.g. ``inventory/validate``.

    ``rules`` are those that were looked at, ``notes`` tell what could not be.
    """

    tool: str
    findings: Sequence[Finding]
    rules: Mapping[str, RuleDoc]
    notes: Sequence[Finding]
    today: date


def order_of(finding: Finding) -> tuple[str, int, int, str, str, str]:
    """By place, so that every run says the same."""
    origin = finding.origin
    return (
        origin.file,
        origin.line,
        origin.column,
        finding.rule,
        finding.subject,
        finding.message,
    )

"""Findings for a person: the place, what is wrong, the line with a mark below it, what to do."""

from collections.abc import Iterator

from lpse_ops.cli.findings_covered import cover_lines
from lpse_ops.cli.output import printable
from lpse_ops.finding import ERROR, WARNING, Finding, Report
from lpse_ops.marked import Origin
from lpse_ops.playbook.problems import lines_of

# Of each file that was read, every line as it is and as it may be shown.
Files = dict[str, list[tuple[str, str]]]
_INDENT = "    "
_WIDEST = 120
_BEFORE = 80
# Of these not even the line is shown: what is wrong with it is that it can be read.
_SECRETS = frozenset({"secret-in-clear"})


def render_text(report: Report) -> str:
    """All findings, and their number in the last line; nothing when there are none."""
    files: Files = {}
    lines = [line for each in report.findings for line in _render(each, files)]
    if not report.findings:
        return ""
    return "".join(f"{line}\n" for line in [*lines, summary(report)])


def summary(report: Report) -> str:
    """``2 errors, 1 warning``"""
    counts = {kind: _count(report, kind) for kind in (ERROR, WARNING)}
    parts = [f"{n} {kind}{'s' if n != 1 else ''}" for kind, n in counts.items() if n]
    return ", ".join(parts)


def _count(report: Report, severity: str) -> int:
    return sum(each.severity == severity for each in report.findings)


def _render(finding: Finding, files: Files) -> Iterator[str]:
    place = f"{finding.origin}: " if finding.origin.file else ""
    yield printable(f"{place}{finding.severity}: {finding.message} [{finding.rule}]")
    if finding.rule not in _SECRETS:
        yield from (f"{_INDENT}{line}" for line in show_line(finding.origin, files))
    if finding.hint:
        yield printable(f"{_INDENT}{finding.hint}")


def show_line(origin: Origin, files: Files) -> Iterator[str]:
    """The line of a place and a mark below; nothing where there is none, or it is encrypted.

    What is named like a secret is covered.  ``files`` remembers what was read.
    """
    if origin.line and origin.file not in files:
        lines = lines_of(origin)
        files[origin.file] = list(zip(lines, cover_lines(lines), strict=True))
    shown_lines = files.get(origin.file, [])
    if not 0 < origin.line <= len(shown_lines):
        return
    line, shown = (each.rstrip() for each in shown_lines[origin.line - 1])
    if not shown:
        return
    at = max(origin.column - 1, 0)
    first = max(0, at - _BEFORE)
    yield shown[first : first + _WIDEST].rstrip()
    if origin.column and shown[:at] == line[:at]:
        yield f"{' ' * (at - first)}^"

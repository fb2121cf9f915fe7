"""What ``spse health`` answers of one or several hosts."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from lpse_ops.cli.output import printable, render_table
from lpse_ops.errors import ProcessFailed

_NOT_WELL, _UNREACHABLE = 1, 4
_NAGIOS_CRITICAL, NAGIOS_UNKNOWN = 2, 3
_LONGEST_NAGIOS = 120
_MOST_CHECKS = 100
_LONGEST = 500
Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class HealthCheck:
    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class HealthReport:
    """``trouble`` is why there are no checks; ``is_unreachable`` if that is the way to the host."""

    host: str
    version: str = ""
    checks: tuple[HealthCheck, ...] = ()
    trouble: str = ""
    hint: str = ""
    is_unreachable: bool = False

    @property
    def is_healthy(self) -> bool:
        return not self.trouble and bool(self.checks) and all(each.ok for each in self.checks)

    @property
    def word(self) -> str:
        if self.is_unreachable:
            return "UNREACHABLE"
        return "healthy" if self.is_healthy else "NOT WELL"


def parse_checks(text: str) -> tuple[HealthCheck, ...]:
    """The step runner's answer."""
    return _read(text, _checks_of)


def parse_report(host: str, text: str) -> HealthReport:
    """The answer of ``spse health`` on another host, which names itself as it likes."""

    def report_of(value: Any) -> HealthReport:
        [told] = value["hosts"]
        return HealthReport(host, str(told["release"])[:_LONGEST], _checks_of(told))

    return _read(text, report_of)


def _read(text: str, parse: Callable[[Any], Parsed]) -> Parsed:
    try:
        return parse(json.loads(text))
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise ProcessFailed(
            "the answer about the health cannot be understood",
            hint="is the lpse-ops there of another version?  lpse-ops --version",
        ) from error


def _checks_of(value: Any) -> tuple[HealthCheck, ...]:
    return tuple(
        HealthCheck(
            str(each["name"])[:_LONGEST], each["ok"] is True, str(each["detail"])[:_LONGEST]
        )
        for each in value["checks"][:_MOST_CHECKS]
    )


def exit_code(reports: Sequence[HealthReport]) -> int:
    if any(each.is_unreachable for each in reports):
        return _UNREACHABLE
    return 0 if reports and all(each.is_healthy for each in reports) else _NOT_WELL


def to_json(reports: Sequence[HealthReport]) -> dict[str, Any]:
    return {
        "is_healthy": exit_code(reports) == 0,
        "hosts": [
            {
                "host": each.host,
                "reachable": not each.is_unreachable,
                "trouble": each.trouble or None,
                "release": each.version or None,
                "is_healthy": each.is_healthy,
                "checks": [dict(vars(check)) for check in each.checks],
            }
            for each in reports
        ],
    }


def render_nagios(reports: Sequence[HealthReport]) -> tuple[int, str]:
    """Nagios' exit code and lines: the first says all, one for each fault follows."""
    faults = [
        f"{each.host}: {fault}"
        for each in reports
        for fault in [each.trouble, *(f"{it.name}: {it.detail}" for it in each.checks if not it.ok)]
        if fault
    ]
    asked = sum(len(each.checks) for each in reports)
    if exit_code(reports) == 0:
        releases = ", ".join(sorted({each.version for each in reports}))
        return 0, nagios_line("OK", f"SPSE {releases}, {asked} checks")
    lines = [printable(fault).replace("|", "/") for fault in faults] or ["nothing was asked"]
    more = f" (+{len(lines) - 1})" if len(lines) > 1 else ""
    return _NAGIOS_CRITICAL, "\n".join([nagios_line("CRITICAL", lines[0], more), *lines])


def nagios_line(word: str, text: str, more: str = "") -> str:
    """``SPSE CRITICAL - text (+2)``; a bar would begin figures."""
    said = printable(text).replace("|", "/")
    return f"SPSE {word} - {said[:_LONGEST_NAGIOS]}{more}"


def render(reports: Sequence[HealthReport]) -> str:
    return "\n".join(map(_render_host, reports))


def _render_host(report: HealthReport) -> str:
    release = f", SPSE {printable(report.version)}" if report.version else ""
    head = f"{printable(report.host)}{release}: {report.word}\n"
    if report.trouble:
        return f"{head}  {printable(report.trouble)}\n  what to do: {printable(report.hint)}\n"
    rows = [("ok" if each.ok else "FAULT", each.name, each.detail) for each in report.checks]
    return head + render_table(("STATE", "CHECK", "DETAIL"), rows)

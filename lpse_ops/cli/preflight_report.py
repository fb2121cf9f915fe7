"""What a preflight of one or several hosts answers: a table each, a recap, JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lpse_ops.cli.output import printable, render_table
from lpse_ops.spse.preflightcheck import Check, Level, gravest

_FOUND_CRITICAL, _UNREACHABLE = 1, 4
_NOTHING_TO_DO = (Level.OK, Level.SKIPPED)


@dataclass(frozen=True)
class HostReport:
    """The checks of a host; or ``trouble``, why there are none, be it the way to the host."""

    host: str
    checks: Sequence[Check] = ()
    trouble: str = ""
    hint: str = ""
    is_unreachable: bool = False

    @property
    def word(self) -> str:
        if self.trouble:
            return "UNREACHABLE" if self.is_unreachable else "FAILED"
        return gravest(self.checks).value

    def count(self, level: Level) -> int:
        return sum(each.level is level for each in self.checks)


def exit_code(reports: Sequence[HostReport]) -> int:
    """Unreachable before critical: who was not asked may be worse."""
    if any(each.is_unreachable for each in reports):
        return _UNREACHABLE
    bad = (each.trouble or each.count(Level.CRITICAL) for each in reports)
    return _FOUND_CRITICAL if any(bad) else 0


def to_json(reports: Sequence[HostReport], purpose: str) -> dict[str, Any]:
    return {
        "for": purpose,
        "is_fit": exit_code(reports) == 0,
        "hosts": [
            {
                "host": each.host,
                "level": each.word,
                "reachable": not each.is_unreachable,
                "trouble": each.trouble or None,
                "counts": {level.value: each.count(level) for level in Level},
                "checks": [
                    {
                        "id": check.id,
                        "level": check.level,
                        "value": check.value,
                        "advice": check.advice or None,
                    }
                    for check in each.checks
                ],
            }
            for each in reports
        ],
    }


def render(reports: Sequence[HostReport], purpose: str) -> str:
    """A table for each host; of several a recap at the end."""
    parts = [_render_host(each, purpose) for each in reports]
    if len(reports) > 1:
        parts.append(_render_recap(reports))
    return "\n".join(parts)


def _render_host(report: HostReport, purpose: str) -> str:
    head = f"{printable(report.host)}, for {purpose}: {report.word}\n"
    if report.trouble:
        return f"{head}  {printable(report.trouble)}\n  what to do: {printable(report.hint)}\n"
    table = render_table(
        ("CHECK", "LEVEL", "VALUE"),
        [(each.id, each.level.value, each.value) for each in report.checks],
    )
    todo = [each for each in report.checks if each.advice and each.level not in _NOTHING_TO_DO]
    # The gravest first, each of them in the order of the table.
    order = [Level.CRITICAL, Level.UNKNOWN, Level.WARNING]
    todo.sort(key=lambda each: order.index(each.level))
    lines = [f"  {each.level.value:8}  {each.id}: {printable(each.advice)}\n" for each in todo]
    return head + table + ("what to do:\n" + "".join(lines) if lines else "")


def _render_recap(reports: Sequence[HostReport]) -> str:
    shown = (Level.OK, Level.WARNING, Level.CRITICAL, Level.UNKNOWN)
    return "recap:\n" + render_table(
        ("HOST", "LEVEL", *(level.value for level in shown)),
        [
            (each.host, each.word, *("-" if each.trouble else each.count(it) for it in shown))
            for each in reports
        ],
        right={level.value for level in shown},
    )

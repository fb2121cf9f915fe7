"""Figures that ``set_stats`` tasks gave: those of the run, and those of each host."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lpse_ops.playbook.results import TaskResult
from lpse_ops.playbook.variables import blend

_RUN = "_run"


class CustomStats:
    """Adds up in the order in which results come."""

    def __init__(self) -> None:
        self._figures: dict[str, dict[str, Any]] = {}

    def take(self, outcome: TaskResult) -> None:
        """Take in what a result, or each of its items, has under ``ansible_stats``."""
        items = outcome.result.get("results")
        for each in items if outcome.task.loop is not None and items else [outcome.result]:
            stats = each.get("ansible_stats") if isinstance(each, dict) else None
            data = stats.get("data") if isinstance(stats, dict) else None
            if isinstance(stats, dict) and isinstance(data, dict):
                known = self._figures.setdefault(
                    outcome.host if stats.get("per_host") else _RUN, {}
                )
                known.update(_added(known, data) if stats.get("aggregate", True) else data)

    def lines(self) -> Iterator[str]:
        """What Ansible's recap prints of them: hosts by name, then the run."""
        for host in sorted(set(self._figures) - {_RUN}):
            yield f"\t{host}: {_render(self._figures[host])}"
        if _RUN in self._figures:
            yield ""
            yield f"\tRUN: {_render(self._figures[_RUN])}"


def _added(known: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _sum(known[name], value) if name in known else value for name, value in data.items()
    }


def _sum(before: Any, value: Any) -> Any:
    """Both together; what is of another kind changes nothing."""
    if isinstance(before, Mapping) and isinstance(value, Mapping):
        return blend(before, value)
    if type(before) is not type(value):
        return before
    try:
        return before + value
    except TypeError:
        return before


def _render(figures: Mapping[str, Any]) -> str:
    text = json.dumps(figures, indent=1, sort_keys=True, ensure_ascii=False, default=str)
    return text.replace("\n", "")

"""What failed, for a person at a terminal: what the task was given, and what its command said."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lpse_ops.playbook.arguments_shown import shown_arguments, whole_arguments
from lpse_ops.playbook.registry import find_module, is_of_host
from lpse_ops.playbook.results import Result, TaskResult

# Longer texts are known by their beginning.
_MAX_LENGTH = 300
_STREAMS = ("stdout", "stderr")


def without_streams(result: Result) -> Result:
    """A result without what ``failure_lines`` gives lines of their own."""
    named = {name for each in _streams(result) for name in (each, f"{each}_lines")}
    return {name: value for name, value in result.items() if name not in named}


def failure_lines(task: TaskResult, result: Result, mask: Callable[[str], str]) -> list[str]:
    """Lines below those that Ansible has; nothing of what ``no_log`` hides."""
    if task.no_log:
        return []
    lines = []
    arguments = task.arguments
    spec = find_module(task.task.action) if is_of_host(task.task.action) else None
    if arguments and spec is not None:
        shown = _shortened(shown_arguments(spec, arguments), mask)
        lines.append(f"arguments: {json.dumps(shown, ensure_ascii=False, default=str)}")
    for name in _streams(result):
        lines += [f"{name}:", *(f"    {line}" for line in result[name].splitlines())]
    return lines


def invocation(task: TaskResult) -> dict[str, Any]:
    """What Ansible shows from ``-vvv`` on: a module's arguments with its defaults."""
    spec = find_module(task.task.action) if is_of_host(task.task.action) else None
    if task.no_log or task.arguments is None or spec is None:
        return {}
    return {"invocation": {"module_args": whole_arguments(spec, task.arguments)}}


def _streams(result: Result) -> Iterator[str]:
    for name in _STREAMS:
        if isinstance(result.get(name), str) and result[name].strip():
            yield name


def _shortened(value: Any, mask: Callable[[str], str]) -> Any:
    """Masked before it is cut: half a secret would not be known again."""
    if isinstance(value, Mapping):
        return {name: _shortened(each, mask) for name, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each, mask) for each in value]
    if not isinstance(value, str):
        return value
    text = mask(value)
    cut = f"{text[:_MAX_LENGTH]}... ({len(text)} characters)"
    return text if len(text) <= _MAX_LENGTH else cut

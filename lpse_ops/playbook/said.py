"""What the keywords of a task say of one item of its loop, or of the task when it has none."""

from typing import NamedTuple

from lpse_ops.errors import OpsError
from lpse_ops.playbook.results import Result, TaskResult, is_failed


class Said(NamedTuple):
    """``error`` is what is wrong with one of them."""

    no_log: bool
    shows_diff: bool
    ignores_errors: bool
    ignores_unreachable: bool
    notified: list[str]
    error: OpsError | None = None

    def ignores(self, result: Result) -> bool:
        return self.ignores_unreachable if result.get("unreachable") else self.ignores_errors


def settle(outcome: TaskResult, said: Said, result: Result) -> None:
    """Take what one item came to into the outcome of the task."""
    outcome.no_log = outcome.no_log or said.no_log
    outcome.shows_diff = said.shows_diff
    if is_failed(result) or result.get("unreachable"):
        outcome.forgiven.append(said.ignores(result))
    elif not result.get("skipped"):
        outcome.notified += [each for each in said.notified if each not in outcome.notified]

"""What a result leaves behind on its host: facts, variables, the counts of the recap."""

from collections.abc import Callable, Iterator

from lpse_ops.playbook.events import Warn
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.reserved import warn_of_reserved
from lpse_ops.playbook.results import Result, TaskResult

# Results of these are variables of their own kinds, not facts.
_ASSIGNS = "set_fact"
_INCLUDES_VARIABLES = "include_vars"


def learn(
    outcome: TaskResult, state: HostState, state_of: Callable[[str], HostState], warn: Warn
) -> None:
    """Take facts and the registered result into the state of a host, or of the delegate's.

    What its module warned of is told.
    """
    target = state
    if outcome.delegated_to and outcome.task.keywords.get("delegate_facts"):
        target = state_of(outcome.delegated_to)
    results = outcome.result.get("results")
    for each in results if outcome.task.loop is not None and results else [outcome.result]:
        if isinstance(each, dict) and not outcome.no_log:
            for message in _warnings(each):
                warn(message)
        facts = each.get("ansible_facts") if isinstance(each, dict) else None
        if isinstance(facts, dict) and not each.get("failed"):
            _learn_facts(outcome.task, facts, each, target)
            warn_of_reserved(facts, warn, outcome.task)
    if outcome.task.register is not None:
        state.assigned[str(outcome.task.register)] = _registered(outcome.result)


def _warnings(result: Result) -> Iterator[str]:
    """As Ansible tells them; the answer of a host may have anything under these names."""
    for name, head in (("warnings", ""), ("deprecations", "Deprecated: ")):
        listed = result.get(name)
        for each in listed if isinstance(listed, list) else []:
            message = each.get("msg") if isinstance(each, dict) else each
            if isinstance(message, str) and message.strip():
                yield f"{head}{message.strip()}"


def count(outcome: TaskResult, state: HostState) -> None:
    """Count a result in the recap; a failure that is not ignored is for who knows its rescue."""
    recap, status = state.recap, outcome.status
    if status == "unreachable":
        recap.unreachable += 1
        recap.ignored += outcome.is_ignored
    elif status == "failed":
        recap.ok += outcome.is_ignored
        recap.ignored += outcome.is_ignored
        recap.changed += outcome.is_ignored and bool(outcome.result.get("changed"))
    elif status == "skipped":
        recap.skipped += 1
    else:
        # As in Ansible, an include counts once for each file that it brings.
        recap.ok += len(outcome.includes) or 1
        recap.changed += status == "changed"


def _learn_facts(task: Task, facts: Result, result: Result, target: HostState) -> None:
    action = task.action
    if action == _INCLUDES_VARIABLES:
        target.include(facts)
        return
    if action == _ASSIGNS:
        target.assigned.update(facts)
    if action != _ASSIGNS or result.get("_ansible_facts_cacheable"):
        target.learn(facts, gathered=action == "gather_facts" or task.implicit)


def _registered(result: Result) -> Result:
    """A result without what is ours alone; those of the items of a loop too."""
    kept = {name: value for name, value in result.items() if not name.startswith("_")}
    items = kept.get("results")
    if isinstance(items, list):
        kept["results"] = [_registered(each) if isinstance(each, dict) else each for each in items]
    return kept

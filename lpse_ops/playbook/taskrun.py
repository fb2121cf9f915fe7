"""A task on one host, with its loop: what is run, what is registered, what it notifies."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol

from lpse_ops.errors import OpsError, TemplateError
from lpse_ops.marked import Text, origin_of
from lpse_ops.playbook.action_of_task import arguments_of
from lpse_ops.playbook.actions_table import find_action
from lpse_ops.playbook.attempt import Attempts, Begun, failure, problem_of
from lpse_ops.playbook.flags import as_flag, as_number, given, inherited, of_keyword
from lpse_ops.playbook.itemline import ItemLine
from lpse_ops.playbook.line import Line
from lpse_ops.playbook.loops import ITEM, Items
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.registry import find_module
from lpse_ops.playbook.results import Include, Result, TaskResult, censor, is_failed, of_loop
from lpse_ops.playbook.said import Said, settle
from lpse_ops.playbook.searchpath import folder_of
from lpse_ops.playbook.started import Started
from lpse_ops.playbook.templatings import Templatings
from lpse_ops.playbook.unknowns import AnswerNeeded
from lpse_ops.playbook.variables import Variables

_INCLUDES = frozenset({"include_tasks", "include_role"})
# Items of a loop that may be on their way at once.
_ITEMS_AHEAD = 500
# Of a loop that is sent among other tasks.
_ITEMS_AMONG_TASKS = 16


class Watch(Protocol):
    """Who is told of what happens within a task."""

    def item(self, task: TaskResult, label: str, result: Result) -> None:
        """One item of a loop ended."""

    def retry(self, task: TaskResult, result: Result, left: int) -> None:
        """A try did not satisfy ``until``; ``left`` more follow."""


@dataclass(frozen=True)
class TaskRun:
    """Runs tasks; may be used from several threads at once."""

    templatings: Templatings
    attempts: Attempts
    watch: Watch
    diff_mode: bool = False
    sleep: Callable[[float], None] = time.sleep

    def run(self, task: Task, host: str, variables: Variables) -> TaskResult:
        """The result on a host; failures of every kind are in it, only bugs are raised."""
        started = self._look_at(task, host, variables)
        if not started.is_over:
            self._run_items(started.outcome, started.items, variables)
        return _close(started.outcome)

    def begin(self, task: Task, host: str, variables: Variables, line: Line) -> Started:
        """Send a task; ``end`` waits for its result.  What cannot be sent is run here and now.

        ``AnswerNeeded``: it cannot be sent ahead, and nothing was sent.
        """
        started = self._look_at(task, host, variables)
        if started.is_over:
            return started
        if not self._goes_among_tasks(task, started.items):
            if line.is_ahead:
                raise AnswerNeeded
            self._run_items(started.outcome, started.items, variables)
            started.is_over = True
            return started
        started.layers = [{}] if started.items is None else list(started.items.layers())
        seen = [variables.above(each) if each else variables for each in started.layers]
        started.begun = self._items_sent.begin_all(task, seen, line)
        return started

    def end(self, started: Started) -> TaskResult:
        """The result of what was begun, once it is there."""
        outcome, items = started.outcome, started.items
        if not started.is_over and items is None:
            said, begun = started.begun[0]
            outcome.result = self.attempts.end(outcome.task, begun)
            outcome.arguments = begun.arguments
            settle(outcome, said, outcome.result)
        elif not started.is_over and items is not None:
            ended = self._ended(outcome, items, started.layers, started.begun)
            outcome.result = of_loop(list(ended))
        return _close(outcome)

    @property
    def _items_sent(self) -> ItemLine:
        return ItemLine(self.attempts, self._say, self._refused)

    def _goes_among_tasks(self, task: Task, items: Items | None) -> bool:
        if not task.action or not self.attempts.can_begin(task):
            return False
        if items is None:
            return True
        is_plain = not items.pause_seconds and items.break_when is None
        return is_plain and len(items.values) <= _ITEMS_AMONG_TASKS

    def _look_at(self, task: Task, host: str, variables: Variables) -> Started:
        """What is evaluated once for all items; ``is_over`` if something is wrong with it."""
        outcome = TaskResult(host, task, {}, name=self._name(task, variables))
        started = Started(outcome)
        try:
            started.items = self._items(task, variables)
        except OpsError as error:
            said = self._say(task, variables)
            outcome.result = self._refused(task, variables, error)
            settle(outcome, said, outcome.result)
            started.is_over = True
        return started

    def _refused(self, task: Task, variables: Variables, error: OpsError) -> Result:
        """The result of a task that cannot even be tried: when it is skipped, that is no matter."""
        if self.attempts.is_skipped(task, variables):
            return self.attempts.run(task, variables, _nobody)
        return failure(error)

    def _say(self, task: Task, variables: Variables) -> Said:
        try:
            return Said(
                no_log=self._flag(task, "no_log", variables),
                shows_diff=self._flag(task, "diff", variables, default=self.diff_mode),
                ignores_errors=self._flag(task, "ignore_errors", variables),
                ignores_unreachable=self._flag(task, "ignore_unreachable", variables),
                notified=self._notified(task, variables),
            )
        except OpsError as error:
            # As in Ansible, which looks at these words as they are written then.
            ignores = bool(task.keywords.get("ignore_errors"))
            return Said(self._hides(task, variables), False, ignores, False, [], error)

    def _hides(self, task: Task, variables: Variables) -> bool:
        """Whether ``no_log`` is on, or may be."""
        try:
            return self._flag(task, "no_log", variables)
        except OpsError:
            return True

    def _with_action(self, task: Task, variables: Variables) -> Task:
        """The task with the module that its template names here, unless it is skipped."""
        if task.action or self.attempts.is_skipped(task, variables):
            return task
        written = Text(task.written_action, task.origin)
        name = str(self.templatings.of(task).evaluate(written, variables))
        found = find_action(name, find_module)
        if found is None:
            raise TemplateError(
                f"Cannot resolve {name!r} to an action or module.",
                hint="write the name of a module; lpse-ops playbook lint lists them",
                origin=task.origin,
            )
        return replace(task, action=found[0], args=arguments_of(found[0], task.args))

    def _run_items(self, outcome: TaskResult, items: Items | None, variables: Variables) -> None:
        if items is None:
            said = self._say(outcome.task, variables)
            outcome.result = self._one(outcome, outcome.task, variables, said)
            settle(outcome, said, outcome.result)
            return
        task = outcome.task
        waits = items.pause_seconds or items.break_when is not None or not task.action
        if waits or not self.attempts.can_begin(task):
            outcome.result = of_loop(self._one_by_one(outcome, items, variables))
            return
        results: list[Result] = []
        layers = items.layers()
        while some := list(islice(layers, _ITEMS_AHEAD)):
            results += self._sent_together(outcome, items, variables, some)
            if results[-1].get("unreachable"):
                break
        outcome.result = of_loop(results)

    def _sent_together(
        self, outcome: TaskResult, items: Items, variables: Variables, layers: list[Result]
    ) -> Iterator[Result]:
        """Items that need nothing of each other: all are sent before the first is answered."""
        seen = [variables.above(layer) for layer in layers]
        begun = self._items_sent.begin_all(outcome.task, seen, Line())
        return self._ended(outcome, items, layers, begun)

    def _ended(
        self,
        outcome: TaskResult,
        items: Items,
        layers: Sequence[Result],
        begun: Sequence[tuple[Said, Begun]],
    ) -> Iterator[Result]:
        """The results of items that were begun, up to one for which the host was lost."""
        for layer, (said, each) in zip(layers, begun, strict=False):
            result = {**self.attempts.end(outcome.task, each), **layer}
            outcome.arguments = each.arguments
            self._tell(outcome, items, each.variables, said, result)
            yield result
            if result.get("unreachable"):
                # Whether the items behind it were run nobody knows; none is sent again.
                return

    def _one_by_one(self, outcome: TaskResult, items: Items, variables: Variables) -> list[Result]:
        results: list[Result] = []
        task = outcome.task
        # What one item sets with set_fact, the next ones see.
        facts: Result = {}
        for layer in items.layers():
            if results and items.pause_seconds:
                self.sleep(items.pause_seconds)
            seen = variables.above(layer, facts) if facts else variables.above(layer)
            said = self._say(task, seen)
            result = {**self._one(outcome, task, seen, said), **layer}
            results.append(result)
            if outcome.task.action == "set_fact":
                facts.update(result.get("ansible_facts") or {})
            self._tell(outcome, items, seen, said, result)
            if result.get("unreachable"):
                break
            if items.break_when is not None and self._breaks(outcome.task, items, seen, result):
                break
        return results

    def _one(self, outcome: TaskResult, task: Task, variables: Variables, said: Said) -> Result:
        def told(result: Result, left: int) -> None:
            self.watch.retry(outcome, censor(result) if said.no_log else result, left)

        if said.error is not None:
            return self._refused(task, variables, said.error)
        outcome.arguments = None
        try:
            outcome.task = task = self._with_action(task, variables)
        except OpsError as error:
            return failure(error)
        result = self.attempts.run(task, variables, told)
        delegated = result.pop("_delegated_to", "")
        outcome.arguments = result.pop("_arguments", None)
        outcome.delegated_to = delegated or outcome.delegated_to
        if task.action in _INCLUDES and not (result.get("skipped") or result.get("failed")):
            outcome.includes.append(self._include(task, result, variables))
        return result

    def _include(self, task: Task, result: Result, variables: Variables) -> Include:
        args = result.pop("_include_args")
        local: dict[str, Any] = {}
        for name in ("ansible_loop_var", "ansible_index_var", "ansible_loop"):
            if name in variables and task.loop is not None:
                local[name] = variables[name]
                if name != "ansible_loop":
                    local[variables[name]] = variables[variables[name]]
        name = str(args["file" if task.action == "include_tasks" else "name"])
        result["include"] = name
        return Include(name, args, local)

    def _tell(
        self, outcome: TaskResult, items: Items, variables: Variables, said: Said, result: Result
    ) -> None:
        try:
            label = result[items.variable]
            if items.label is not None:
                seen = variables.above({str(outcome.task.register): result})
                label = self.templatings.of(outcome.task).evaluate(items.label, seen)
        except OpsError as error:
            message = f"Failed to template loop_control.label: {problem_of(error)}"
            label = f"<{message}>"
            result.update({"failed": True, "msg": message})
        settle(outcome, said, result)
        if "include" in result and outcome.includes:
            outcome.includes[-1] = replace(outcome.includes[-1], label=str(label))
        if said.no_log:
            self.watch.item(outcome, "(censored due to no_log)", censor(result))
        else:
            self.watch.item(outcome, str(label), result)

    def _breaks(self, task: Task, items: Items, variables: Variables, result: Result) -> bool:
        written = items.break_when
        conditions = written if isinstance(written, list) else [written]
        seen = variables.above(result)
        return all(self.templatings.of(task).condition(each, seen) for each in conditions)

    def _notified(self, task: Task, variables: Variables) -> list[str]:
        if task.notify is None:
            return []
        names = given(self._evaluated(task, "notify", task.notify, variables))
        return [str(each) for each in (names if isinstance(names, list) else [names]) if each]

    def _flag(self, task: Task, name: str, variables: Variables, *, default: bool = False) -> bool:
        return as_flag(name, self._keyword(task, name, variables), default=default)

    def _keyword(self, task: Task, name: str, variables: Variables) -> Any:
        def evaluate(written: Any) -> Any:
            return self._evaluated(task, name, written, variables)

        return inherited(evaluate, task.keywords, name)

    def _evaluated(self, task: Task, name: str, written: Any, variables: Variables) -> Any:
        try:
            return self.templatings.of(task).evaluate(written, variables)
        except TemplateError as error:
            raise of_keyword(name, error) from error

    def _name(self, task: Task, variables: Variables) -> str:
        try:
            label = Text(task.label, task.origin)
            return str(self.templatings.of(task).evaluate(label, variables))
        except OpsError:
            return task.label

    def _items(self, task: Task, variables: Variables) -> Items | None:
        """None without a loop; raises what is wrong with it."""
        if task.loop is None:
            return None
        kind, written = task.loop
        if kind == "loop":
            values = self.templatings.of(task).evaluate(written, variables)
            if not isinstance(values, list):
                got = type(values).__name__
                raise TemplateError(
                    f"The `loop` value must resolve to a 'list', not {got!r}.",
                    hint="write [value] for a list of one, or use | list or | dict2items",
                    origin=origin_of(written) or task.origin,
                )
        else:
            where = {"subdir": folder_of(task.action)} if kind == "first_found" else {}
            values = self.templatings.of(task).lookup_list(kind, written, variables, **where)
        control = task.keywords.own.get("loop_control") or {}
        quick = {
            name: self.templatings.of(task).evaluate(control[name], variables)
            for name in ("loop_var", "index_var", "extended", "extended_allitems", "pause")
            if name in control
        }
        return Items(
            values,
            variable=str(quick.get("loop_var") or ITEM),
            index_variable=str(quick.get("index_var") or ""),
            extended=bool(quick.get("extended", False)),
            all_items=bool(quick.get("extended_allitems", True)),
            label=control.get("label"),
            pause_seconds=as_number("pause", quick.get("pause")),
            break_when=control.get("break_when"),
        )


def _close(outcome: TaskResult) -> TaskResult:
    """Draw the line under an outcome whose result is there."""
    result = outcome.result
    outcome.is_ignored = bool(outcome.forgiven) and all(outcome.forgiven)
    if is_failed(result) or not result.get("changed"):
        outcome.notified = []
    return outcome


def _nobody(_result: Mapping[str, Any], _left: int) -> None:
    """Nobody is told: nothing was tried."""

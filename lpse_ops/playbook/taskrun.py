"""A task on one host, with its loop: what is run, what is registered, what it notifies."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol

from lpse_ops.errors import OpsError, TemplateError
from lpse_ops.marked import Text, origin_of
from lpse_ops.playbook.actions_table import find_action
from lpse_ops.playbook.attempt import Attempts, Begun, Sent, failure
from lpse_ops.playbook.flags import as_flag, as_number, given
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.registry import find_module
from lpse_ops.playbook.results import Include, Result, TaskResult, censor, of_loop
from lpse_ops.playbook.templatings import Templatings
from lpse_ops.playbook.variables import Variables

_INCLUDES = frozenset({"include_tasks", "include_role"})
# The first of these words in an item is what a loop's line shows of it.
_ITEM = "item"
# Items of a loop that may be on their way at once.
_ITEMS_AHEAD = 500


class Watch(Protocol):
    """Who is told of what happens within a task."""

    def item(self, task: TaskResult, label: str, result: Result) -> None:
        """One item of a loop ended."""

    def retry(self, task: TaskResult, result: Result, left: int) -> None:
        """A try did not satisfy ``until``; ``left`` more follow."""


@dataclass(frozen=True)
class Items:
    """What a task loops over, and the names it has for them."""

    values: list[Any]
    variable: str = _ITEM
    index_variable: str = ""
    extended: bool = False
    all_items: bool = True
    label: Any = None
    pause_seconds: float = 0.0
    break_when: Any = None

    def layers(self) -> Iterator[Result]:
        """The loop variables of each item in turn."""
        count = len(self.values)
        for number, value in enumerate(self.values):
            layer = {self.variable: value, "ansible_loop_var": self.variable}
            if self.index_variable:
                layer |= {self.index_variable: number, "ansible_index_var": self.index_variable}
            if self.extended:
                layer["ansible_loop"] = self._extended(number, count)
            yield layer

    def _extended(self, number: int, count: int) -> Result:
        loop: Result = {
            "index": number + 1,
            "index0": number,
            "first": number == 0,
            "last": number + 1 == count,
            "length": count,
            "revindex": count - number,
            "revindex0": count - number - 1,
        }
        if self.all_items:
            loop["allitems"] = self.values
        if number:
            loop["previtem"] = self.values[number - 1]
        if number + 1 < count:
            loop["nextitem"] = self.values[number + 1]
        return loop


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
        outcome = TaskResult(host, task, {})
        try:
            if not task.action and not self.attempts.is_skipped(task, variables):
                outcome.task = task = self._with_action(task, variables)
            outcome.name = self._name(task, variables)
            outcome.no_log = self._flag(task, "no_log", variables)
            outcome.shows_diff = self._flag(task, "diff", variables, default=self.diff_mode)
            items = self._items(task, variables)
        except OpsError as error:
            if self.attempts.is_skipped(task, variables):
                outcome.result = self.attempts.run(task, variables, _nobody)
            else:
                outcome.result = failure(error)
        else:
            self._run_items(outcome, items, variables)
        self._conclude(outcome, variables)
        return outcome

    def _with_action(self, task: Task, variables: Variables) -> Task:
        """The task with the module that its template names on this host."""
        written = Text(task.written_action, task.origin)
        name = str(self.templatings.of(task).evaluate(written, variables))
        found = find_action(name, find_module)
        if found is None:
            raise TemplateError(
                f"couldn't resolve module/action {name!r}",
                hint="write the name of a module; lpse-ops playbook lint lists them",
                origin=task.origin,
            )
        return replace(task, action=found[0])

    def _run_items(self, outcome: TaskResult, items: Items | None, variables: Variables) -> None:
        if items is None:
            outcome.result = self._one(outcome, variables)
            return
        task = outcome.task
        if items.pause_seconds or items.break_when is not None or not self.attempts.can_begin(task):
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
        begun: list[Begun] = []
        last: Sent | None = None
        for layer in layers:
            begun.append(self.attempts.begin(outcome.task, variables.above(layer), last))
            last = begun[-1].sent or last
            if (begun[-1].result or {}).get("unreachable"):
                break
        for layer, each in zip(layers, begun, strict=False):
            result = {**self.attempts.end(outcome.task, each), **layer}
            self._tell(outcome, items, each.variables, result)
            yield result
            if result.get("unreachable"):
                # Whether the items behind it were run nobody knows; none is sent again.
                return

    def _one_by_one(self, outcome: TaskResult, items: Items, variables: Variables) -> list[Result]:
        results: list[Result] = []
        # What one item sets with set_fact, the next ones see.
        facts: Result = {}
        for layer in items.layers():
            if results and items.pause_seconds:
                self.sleep(items.pause_seconds)
            seen = variables.above(layer, facts) if facts else variables.above(layer)
            result = {**self._one(outcome, seen), **layer}
            results.append(result)
            if outcome.task.action == "set_fact":
                facts.update(result.get("ansible_facts") or {})
            self._tell(outcome, items, seen, result)
            if result.get("unreachable"):
                break
            if items.break_when is not None and self._breaks(outcome.task, items, seen, result):
                break
        return results

    def _one(self, outcome: TaskResult, variables: Variables) -> Result:
        task = outcome.task

        def told(result: Result, left: int) -> None:
            self.watch.retry(outcome, censor(result) if outcome.no_log else result, left)

        result = self.attempts.run(task, variables, told)
        delegated = result.pop("_delegated_to", "")
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
        self, outcome: TaskResult, items: Items, variables: Variables, result: Result
    ) -> None:
        try:
            label = result[items.variable]
            if items.label is not None:
                label = self.templatings.of(outcome.task).evaluate(items.label, variables)
        except OpsError as error:
            label = f"<the label cannot be evaluated: {error.message}>"
        if outcome.no_log:
            self.watch.item(outcome, "(censored due to no_log)", censor(result))
        else:
            self.watch.item(outcome, str(label), result)

    def _breaks(self, task: Task, items: Items, variables: Variables, result: Result) -> bool:
        written = items.break_when
        conditions = written if isinstance(written, list) else [written]
        seen = variables.above(result)
        return all(self.templatings.of(task).condition(each, seen) for each in conditions)

    def _conclude(self, outcome: TaskResult, variables: Variables) -> None:
        task, result = outcome.task, outcome.result
        try:
            if outcome.status in ("failed", "unreachable"):
                keyword = "ignore_errors" if outcome.status == "failed" else "ignore_unreachable"
                outcome.is_ignored = self._flag(task, keyword, variables)
            if result.get("changed") and not result.get("failed"):
                outcome.notified = self._notified(task, variables)
        except OpsError as error:
            outcome.result = failure(error)

    def _notified(self, task: Task, variables: Variables) -> list[str]:
        written = self._keyword(task, "notify", variables) if task.notify is None else task.notify
        names = self.templatings.of(task).evaluate(written, variables)
        return [str(each) for each in (names if isinstance(names, list) else [names]) if each]

    def _flag(self, task: Task, name: str, variables: Variables, *, default: bool = False) -> bool:
        return as_flag(name, self._keyword(task, name, variables), default=default)

    def _keyword(self, task: Task, name: str, variables: Variables) -> Any:
        return given(self.templatings.of(task).evaluate(task.keywords.get(name), variables))

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
            values = self.templatings.of(task).lookup_list(kind, written, variables)
        control = task.keywords.own.get("loop_control") or {}
        quick = {
            name: self.templatings.of(task).evaluate(control[name], variables)
            for name in ("loop_var", "index_var", "extended", "extended_allitems", "pause")
            if name in control
        }
        return Items(
            values,
            variable=str(quick.get("loop_var") or _ITEM),
            index_variable=str(quick.get("index_var") or ""),
            extended=bool(quick.get("extended", False)),
            all_items=bool(quick.get("extended_allitems", True)),
            label=control.get("label"),
            pause_seconds=as_number("pause", quick.get("pause")),
            break_when=control.get("break_when"),
        )


def _nobody(_result: Mapping[str, Any], _left: int) -> None:
    """Nobody is told: nothing was tried."""

"""One task, one host, one item: conditions, arguments, retries, and what the result counts as."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lpse_ops.errors import HostUnreachable, OpsError, TemplateError
from lpse_ops.marked import Map, Origin
from lpse_ops.playbook.actions.context import ActionFailed
from lpse_ops.playbook.actions_table import is_template
from lpse_ops.playbook.flags import as_number
from lpse_ops.playbook.hostile import safe_facts, without_our_keys
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.registry import raw_arguments
from lpse_ops.playbook.results import Result, finish, skipped
from lpse_ops.playbook.templatings import Templatings
from lpse_ops.playbook.variables import Variables
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.pending import Pending
from lpse_ops.remote.target import Target

_RETRIES = 3
_DELAY_SECONDS = 5.0


class Invoke(Protocol):
    """Carry out a task's action with evaluated arguments on the right host."""

    def __call__(self, task: Task, args: Result, variables: Variables) -> Result: ...

    def can_begin(self, task: Task) -> bool:
        """Whether ``begin`` serves for the task: all of it happens on its host."""

    def begin(self, task: Task, args: Result, variables: Variables, after: "Sent | None") -> "Sent":
        """Send it without waiting for the answer; it runs when ``after`` has been answered.

        The way to the host stays that of ``after``: what was lost is not made anew in a loop.
        """


@dataclass(frozen=True)
class Sent:
    """What is on its way to a host, and over which link."""

    pending: Pending
    target: Target
    link: AgentLink


@dataclass
class Begun:
    """An item of a loop on its way: what is known already, or whom to ask for it."""

    variables: Variables
    result: Result | None = None
    sent: Sent | None = None


@dataclass(frozen=True)
class Attempts:
    """``told`` is called before each new try with the result and the number of tries left."""

    templatings: Templatings
    invoke: Invoke
    sleep: Callable[[float], None] = time.sleep

    def run(
        self,
        task: Task,
        variables: Variables,
        told: Callable[[Result, int], None],
    ) -> Result:
        """The result for one item; whatever can go wrong on a host is in it."""
        try:
            false = self._first_false(task, variables)
            if false is not None:
                return skipped(false)
            return self._try(task, variables, told)
        except OpsError as error:
            return failure(error)

    def can_begin(self, task: Task) -> bool:
        """Whether items of a loop can be sent one behind the other: nothing has to be retried."""
        own = task.keywords.own
        waits = any(own.get(name) is not None for name in ("until", "retries", "async"))
        return not waits and self.invoke.can_begin(task)

    def begin(self, task: Task, variables: Variables, after: Sent | None) -> Begun:
        """Send one item; what cannot be sent has its result at once."""
        begun = Begun(variables)
        try:
            false = self._first_false(task, variables)
            if false is not None:
                begun.result = skipped(false)
            else:
                args = self.arguments(task, variables)
                begun.sent = self.invoke.begin(task, args, variables, after)
        except HostUnreachable as error:
            begun.result = unreachable(error)
        except OpsError as error:
            begun.result = failure(error)
        return begun

    def end(self, task: Task, begun: Begun) -> Result:
        """The result of what was begun, judged as any other."""
        if begun.sent is None:
            return begun.result or {}
        try:
            result = finish(without_our_keys(begun.sent.pending.result()))
        except HostUnreachable as error:
            return unreachable(error)
        self._judge(task, result, self._with_result(task, result, begun.variables))
        return result

    def is_skipped(self, task: Task, variables: Variables) -> bool:
        """Whether the conditions rule the task out; one that cannot be evaluated does not."""
        try:
            return self._first_false(task, variables) is not None
        except OpsError:
            return False

    def _first_false(self, task: Task, variables: Variables) -> Any:
        """The first condition that does not hold, or None; those behind it are not looked at."""
        for level in reversed(list(task.keywords.levels())):
            if "when" not in level.own:
                continue
            written = level.own["when"]
            for condition in written if isinstance(written, list) else [written]:
                if not self.templatings.of(task).condition(condition, variables):
                    return condition if isinstance(condition, bool) else str(condition)
        return None

    def _try(self, task: Task, variables: Variables, told: Callable[[Result, int], None]) -> Result:
        own = task.keywords.own
        evaluate = self.templatings.of(task).evaluate
        until = own.get("until")
        retries = evaluate(own.get("retries"), variables)
        tries = 1
        if until is not None or retries is not None:
            tries = 1 + max(0, int(as_number("retries", retries, default=_RETRIES)))
        delay = as_number("delay", evaluate(own.get("delay"), variables), default=_DELAY_SECONDS)
        result: Result = {}
        for attempt in range(1, tries + 1):
            args = self.arguments(task, variables)
            result = finish(self._invoke(task, args, variables))
            is_last = tries == 1
            if not is_last:
                result["attempts"] = attempt
            seen = self._with_result(task, result, variables)
            self._judge(task, result, seen)
            if not is_last:
                is_last = self._is_done(task, result, seen)
            if is_last or result.get("unreachable"):
                return result
            if attempt < tries:
                told(result | {"retries": tries}, tries - attempt)
                self.sleep(max(0.0, delay))
        return result | {"failed": True, "attempts": tries - 1}

    def _invoke(self, task: Task, args: Result, variables: Variables) -> Result:
        try:
            return self.invoke(task, args, variables)
        except ActionFailed as error:
            return dict(error.result)
        except HostUnreachable as error:
            return unreachable(error)

    def arguments(self, task: Task, variables: Variables) -> Result:
        """The arguments, evaluated; those that are one template come first."""
        raw = raw_arguments(task.action)
        evaluate = self.templatings.of(task).evaluate
        written_args = {
            # A name may be a template as well: set_fact has names of the user's own.
            (evaluate(name, variables) if is_template(name) else name): each
            for name, each in task.args.items()
            if name not in raw
        }
        evaluated: Result = evaluate(written_args, variables)
        evaluated |= {name: task.args[name] for name in raw if name in task.args}
        written = evaluated.pop("_variable_params", None)
        if isinstance(written, Mapping):
            evaluated = {**written, **evaluated}
        return self._defaults(task, variables) | evaluated

    def _defaults(self, task: Task, variables: Variables) -> Result:
        """What ``module_defaults`` gives this action; inner ones win."""
        merged: Result = {}
        names = (task.action, f"ansible.builtin.{task.action}", str(task.written_action))
        for written in task.keywords.chain("module_defaults"):
            for each in written if isinstance(written, list) else [written]:
                for name in names:
                    if name in each:
                        merged |= self.templatings.of(task).evaluate(
                            Map({name: each[name]}), variables
                        )[name]
        return merged

    def _with_result(self, task: Task, result: Result, variables: Variables) -> Variables:
        """What the conditions behind a task see: its result under its name, and its facts."""
        layer: Result = {}
        if isinstance(task.register, str):
            layer[str(task.register)] = result
        facts = result.get("ansible_facts")
        if isinstance(facts, dict):
            layer.update(safe_facts(facts))
        return variables.above(layer) if layer else variables

    def _judge(self, task: Task, result: Result, variables: Variables) -> None:
        """``changed_when``, then ``failed_when``; a condition that is broken fails the task."""
        own = task.keywords.own
        for keyword, key in (("changed_when", "changed"), ("failed_when", "failed")):
            if keyword not in own or result.get("skipped") or result.get("unreachable"):
                continue
            try:
                result[key] = self._all(task, own[keyword], variables)
            except TemplateError as error:
                result.update(failure(error))
                return
            if key == "failed":
                result["failed_when_result"] = result["failed"]

    def _all(self, task: Task, written: Any, variables: Variables) -> bool:
        conditions = written if isinstance(written, list) else [written]
        return all(self.templatings.of(task).condition(each, variables) for each in conditions)

    def _is_done(self, task: Task, result: Result, variables: Variables) -> bool:
        until = task.keywords.own.get("until")
        if until is None:
            return not result.get("failed")
        return self._all(task, until, variables)


def unreachable(error: HostUnreachable) -> Result:
    return {"unreachable": True, "changed": False, "msg": error.message, "hint": error.hint}


def failure(error: OpsError) -> Result:
    """The result of a task that could not even be tried; ``_origin`` is where the fault lies."""
    origin = getattr(error, "origin", None)
    message = error.message.removeprefix(f"{origin}: ")
    result: Result = {"failed": True, "msg": f"Task failed: {message}", "hint": error.hint}
    if isinstance(origin, Origin):
        result["_origin"] = origin
    return result

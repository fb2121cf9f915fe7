"""One task, one host, one item: conditions, arguments, retries, and what the result counts as."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lpse_ops.errors import HostUnreachable, InterpreterMissing, OpsError, TemplateError
from lpse_ops.marked import Map, Origin
from lpse_ops.playbook.actions.context import ActionFailed, ActionSkipped
from lpse_ops.playbook.actions_table import is_template
from lpse_ops.playbook.flags import as_number, as_whole, given, of_keyword
from lpse_ops.playbook.hostile import safe_facts, without_our_keys
from lpse_ops.playbook.line import Line, Prepared, Sent
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.problems import PlacedError
from lpse_ops.playbook.registry import raw_arguments, takes_text
from lpse_ops.playbook.results import (
    NO_TRACEBACK,
    Result,
    count_as_failed,
    finish,
    out_of_tries,
    skipped,
)
from lpse_ops.playbook.templatings import Templatings
from lpse_ops.playbook.unknowns import AnswerNeeded
from lpse_ops.playbook.variables import Variables
from lpse_ops.templating.markers import type_name

_RETRIES = 3
_DELAY_SECONDS = 5.0
# Written, but saying nothing.
_NO_CONDITION: tuple[object, ...] = (None, [])
# Instead of a delay below zero.
_SHORT_DELAY_SECONDS = 1.0


class Invoke(Protocol):
    """Carry out a task's action with evaluated arguments on the right host."""

    def __call__(self, task: Task, args: Result, variables: Variables) -> Result: ...

    def can_begin(self, task: Task) -> bool:
        """Whether ``begin`` serves for the task: all of it happens on its host."""

    def prepare(
        self, task: Task, args: Result, variables: Variables, line: Line
    ) -> Prepared | Result:
        """Evaluate what is needed to send it; its result if nothing needs to be sent."""

    def submit(self, prepared: Prepared, line: Line) -> Sent:
        """Send it without waiting for the answer; ``HostUnreachable``: nothing was sent."""


@dataclass
class Begun:
    """A task or an item on its way: what is known already, or whom to ask for it.

    ``answer`` is as good as a host's; a ``result`` is judged by nobody any more.
    """

    variables: Variables
    result: Result | None = None
    answer: Result | None = None
    prepared: Prepared | None = None
    sent: Sent | None = None
    arguments: Result | None = field(default=None, repr=False)


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
        """The result for one item; whatever can go wrong on a host is in it.

        ``_arguments``, for who takes it out, is what the action was given.
        """
        try:
            false = self.first_false(task, variables)
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

    def refuse_detours(self, ahead: Sequence[Begun], line: Line) -> None:
        """Raise ``AnswerNeeded`` for what does not go the way of the tasks in front of it."""
        prepared = [each.prepared for each in ahead if each.prepared is not None]
        if prepared and (line.after is None or line.after.link.is_lost):
            raise AnswerNeeded
        for each in prepared:
            if line.after is None or line.after.target != each.target or not each.is_small:
                raise AnswerNeeded

    def send(self, begun: Begun, line: Line) -> None:
        """Send what was prepared; when the host is lost that is the result."""
        if begun.prepared is None:
            return
        try:
            begun.sent = self.invoke.submit(begun.prepared, line)
        except HostUnreachable as error:
            begun.result = unreachable(error)
        except OpsError as error:
            # The host refuses the other account, for one: nothing was sent.
            begun.result = failure(error)

    def prepare(self, task: Task, variables: Variables, line: Line) -> Begun:
        """Evaluate one item; what needs not be sent has its result at once."""
        begun = Begun(variables)
        try:
            false = self.first_false(task, variables)
            if false is not None:
                begun.result = skipped(false)
            else:
                args = begun.arguments = self.arguments(task, variables)
                prepared = self.invoke.prepare(task, args, variables, line)
                if isinstance(prepared, Prepared):
                    begun.prepared = prepared
                else:
                    begun.answer = prepared
        except ActionFailed as error:
            begun.answer = dict(error.result)
        except HostUnreachable as error:
            begun.result = unreachable(error)
        except OpsError as error:
            begun.result = failure(error)
        return begun

    def end(self, task: Task, begun: Begun) -> Result:
        """The result of what was begun, judged as any other."""
        if begun.result is not None:
            return begun.result
        try:
            result = finish(_answer_of(begun))
        except HostUnreachable as error:
            result = finish(unreachable(error))
        self._judge(task, result, self._with_result(task, result, begun.variables))
        return result

    def is_skipped(self, task: Task, variables: Variables) -> bool:
        """Whether the conditions rule the task out; one that cannot be evaluated does not."""
        try:
            return self.first_false(task, variables) is not None
        except OpsError:
            return False

    def first_false(self, task: Task, variables: Variables) -> Any:
        """The first condition that does not hold, or None; those behind it are not looked at."""
        for level in reversed(list(task.keywords.levels())):
            if "when" not in level.own:
                continue
            written = level.own["when"]
            for condition in written if isinstance(written, list) else [written]:
                if not self._holds(task, condition, variables):
                    return condition if isinstance(condition, bool) else str(condition)
        return None

    def _try(self, task: Task, variables: Variables, told: Callable[[Result, int], None]) -> Result:
        own = task.keywords.own
        until = own.get("until")
        retries = self._keyword(task, "retries", variables)
        tries = 1
        if until not in _NO_CONDITION or retries is not None:
            tries = 1 + max(0, as_whole("retries", retries, default=_RETRIES))
        delay = self._keyword(task, "delay", variables)
        delay = as_number("delay", delay, default=_DELAY_SECONDS)
        delay = delay if delay >= 0 else _SHORT_DELAY_SECONDS
        result: Result = {}
        for attempt in range(1, tries + 1):
            args = self.arguments(task, variables)
            try:
                result = finish(self._invoke(task, args, variables))
            except ActionSkipped as skip:
                return finish(skip.result) | {"_arguments": args}
            is_last = tries == 1
            if not is_last:
                result["attempts"] = attempt
            seen = self._with_result(task, result, variables)
            self._judge(task, result, seen)
            if not is_last:
                is_last = self._is_done(task, result, seen)
            result["_arguments"] = args
            if is_last or result.get("unreachable"):
                return result
            if attempt < tries:
                told(result | {"retries": tries}, tries - attempt)
                self.sleep(delay)
        return out_of_tries(result, tries)

    def _keyword(self, task: Task, name: str, variables: Variables) -> Any:
        try:
            written = task.keywords.own.get(name)
            return given(self.templatings.of(task).evaluate(written, variables))
        except TemplateError as error:
            raise of_keyword(name, error) from error

    def _invoke(self, task: Task, args: Result, variables: Variables) -> Result:
        try:
            return self.invoke(task, args, variables)
        except ActionSkipped:
            raise
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
        written = evaluated.pop("_variable_params", {})
        if not isinstance(written, Mapping):
            raise _refusal(
                task,
                f"Finalization of task args for 'ansible.builtin.{task.action}' failed: "
                f"Task args must resolve to a 'dict' not {type_name(written)!r}.",
                hint="write a template that gives a mapping of arguments to their values",
            )
        evaluated = {**written, **evaluated}
        if "_raw_params" in evaluated and not takes_text(task.action):
            raise _refusal(
                task,
                f"Action 'ansible.builtin.{task.action}' does not support raw params.",
                hint="write its arguments as `name: value`, one in a line below the module's name",
            )
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
        if "skipped" in result or result.get("unreachable"):
            return
        own = task.keywords.own
        keyword = "changed_when"
        try:
            if own.get(keyword) not in _NO_CONDITION:
                result["changed"] = self._all(task, own[keyword], variables)
            keyword = "failed_when"
            if own.get(keyword) not in _NO_CONDITION:
                count_as_failed(result, failed=self._all(task, own[keyword], variables))
        except OpsError as error:
            said = {f"{keyword}_result": problem_of(error)}
            result.update({**failure(error), "changed": result["changed"], **said})

    def _all(self, task: Task, written: Any, variables: Variables) -> bool:
        conditions = written if isinstance(written, list) else [written]
        return all(self._holds(task, each, variables) for each in conditions)

    def _holds(self, task: Task, condition: Any, variables: Variables) -> bool:
        try:
            return self.templatings.of(task).condition(condition, variables)
        except TemplateError as error:
            problem = problem_of(error)
            if " condition " in problem:
                # It says itself what is wrong with it.
                raise
            words = f"Error while evaluating conditional: {problem}"
            raise TemplateError(words, hint=error.hint, origin=error.origin) from error

    def _is_done(self, task: Task, result: Result, variables: Variables) -> bool:
        until = task.keywords.own.get("until")
        if until in _NO_CONDITION:
            return not result.get("failed")
        return self._all(task, until, variables)


def problem_of(error: OpsError) -> str:
    """What is wrong, without the place and the lines around it: they are shown by themselves."""
    if isinstance(error, PlacedError):
        return error.problem
    return error.message.removeprefix(f"{getattr(error, 'origin', None)}: ")


def _refusal(task: Task, message: str, hint: str) -> TemplateError:
    return TemplateError(message, hint=hint, origin=task.origin)


def _answer_of(begun: Begun) -> Result:
    sent = begun.sent
    if sent is None:
        return begun.answer or {}
    return sent.finish(without_our_keys(sent.pending.result()))


def unreachable(error: HostUnreachable) -> Result:
    if isinstance(error, InterpreterMissing):
        return {"failed": True, "changed": False, "msg": error.message, "hint": error.hint}
    return {"unreachable": True, "changed": False, "msg": error.message, "hint": error.hint}


def failure(error: OpsError) -> Result:
    """The result of a task that could not even be tried; ``_origin`` is where the fault lies."""
    origin = getattr(error, "origin", None)
    message = problem_of(error)
    result: Result = {
        "failed": True,
        "changed": False,
        "msg": f"Task failed: {message}",
        "exception": NO_TRACEBACK,
        "hint": error.hint,
    }
    if isinstance(origin, Origin):
        result["_origin"] = origin
    return result

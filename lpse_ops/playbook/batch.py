"""One batch of a play's hosts: every task on all of them, side by side.

Runs in one thread, which alone touches the state of hosts; only the tasks themselves run in
several.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from typing import Any

from lpse_ops.errors import OpsError, PlaybookError
from lpse_ops.marked import Text
from lpse_ops.playbook.attempt import failure
from lpse_ops.playbook.events import Display
from lpse_ops.playbook.flags import as_flag, given
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.model import Node, Play, Task
from lpse_ops.playbook.registry import runs_once
from lpse_ops.playbook.results import Include, Result, TaskResult
from lpse_ops.playbook.taskrun import TaskRun
from lpse_ops.playbook.variables import Variables
from lpse_ops.playbook.walk import (
    CONTINUE,
    EndHost,
    EndRole,
    Fail,
    Flush,
    Hooks,
    Insert,
    Reply,
    Walk,
    run_side_by_side,
)
from lpse_ops.templating.engine import Templating

# What a host fails with that any_errors_fatal takes along.
OTHER_FAILED: Result = {"failed": True, "msg": "another host failed"}
_INCLUDES = frozenset({"include_tasks", "include_role"})
# Results of these are variables of their own kinds, not facts.
_ASSIGNS = "set_fact"
_HIDDEN = "(censored due to no_log)"
_INCLUDES_VARIABLES = "include_vars"


@dataclass(frozen=True)
class Services:
    """What a batch needs; ``variables`` gives those of a host for a task."""

    templating: Templating
    runner: TaskRun
    display: Display
    executor: Executor
    variables: Callable[[Task | None, HostState], Variables]
    is_selected: Callable[[Task], bool]
    load_include: Callable[[Task, Include, int], tuple[str, Sequence[Node]]]
    refresh_inventory: Callable[[], None]
    disconnect: Callable[[str], None]
    state_of: Callable[[str], HostState]
    # A host left the run, or came back.
    hosts_changed: Callable[[], None]
    force_handlers: bool = False
    missing_handler_fails: bool = True


class Batch:
    """``run`` takes the hosts through the play; afterwards their states say how they fared."""

    def __init__(
        self, play: Play, hosts: Mapping[str, HostState], services: Services, first: Sequence[Node]
    ) -> None:
        self._play = play
        self._hosts = dict(hosts)
        self._services = services
        self._first = first
        self._includes = 0
        self._stopped = False
        self.play_ended = False
        self.batch_ended = False
        self._walks: dict[str, Walk] = {}

    def run(self) -> None:
        for name, state in self._hosts.items():
            self._walks[name] = Walk(self._play, self._hooks(state), self._first)
        run_side_by_side(self._walks, self._execute)

    @property
    def current(self) -> list[str]:
        """The hosts that are still in the play."""
        return [name for name, state in self._hosts.items() if not state.is_out]

    def _hooks(self, state: HostState) -> Hooks:
        def on_rescue(task: Task, result: Result) -> None:
            if result is not OTHER_FAILED:
                state.recap.rescued += 1
            state.assigned["ansible_failed_task"] = {
                "name": str(task.name or ""),
                "action": task.action,
            }
            state.assigned["ansible_failed_result"] = result

        def is_wanted(task: Task) -> bool:
            role = task.role
            if role is not None and not role.allow_duplicates:
                done = state.roles_done.get(role.key)
                if done is not None and done is not role:
                    return False
            return task.implicit or self._services.is_selected(task)

        force = self._play.keywords.get("force_handlers", self._services.force_handlers)
        return Hooks(is_wanted, on_rescue, as_flag("force_handlers", force))

    # -- one task ----------------------------------------------------------------------------

    def _execute(self, task: Task, names: list[str]) -> dict[str, Reply]:
        if task.action == "meta":
            return {name: self._meta(task, name) for name in names}
        title = self._title(task, names[0])
        self._services.display.task(task, title)
        once = self._is_once(task, names[0])
        results = dict(self._run_on(task, names[:1] if once else names))
        if once:
            results |= dict.fromkeys(names[1:], results[names[0]])
        replies = {
            name: self._conclude(name, results[name], own=not once or name == names[0])
            for name in names
        }
        if task.action in _INCLUDES:
            replies |= self._include(task, results, replies)
        replies = self._spread(task, replies, results)
        if any(isinstance(reply, Fail | EndHost) for reply in replies.values()):
            self._services.hosts_changed()
        return replies

    def _run_on(self, task: Task, names: Sequence[str]) -> Iterator[tuple[str, TaskResult]]:
        """Results as they come; each is shown at once."""
        services = self._services
        if len(names) == 1:
            yield names[0], self._show(self._run_one(task, names[0]))
            return
        limit = self._throttle(task, names[0]) or len(names)
        waiting = list(names)
        running: dict[Future[TaskResult], str] = {}
        while waiting or running:
            while waiting and len(running) < limit:
                name = waiting.pop(0)
                running[services.executor.submit(self._run_one, task, name)] = name
            done = next(as_completed(running))
            yield running.pop(done), self._show(done.result())

    def _run_one(self, task: Task, name: str) -> TaskResult:
        state = self._hosts[name]
        return self._services.runner.run(task, name, self._services.variables(task, state))

    def _show(self, result: TaskResult) -> TaskResult:
        self._services.display.result(result)
        return result

    def _conclude(self, name: str, outcome: TaskResult, *, own: bool) -> Reply:
        """Take a result into the state of a host; ``own`` is False for copies of ``run_once``."""
        state, task, result = self._hosts[name], outcome.task, outcome.result
        self._learn(state, outcome)
        if task.register is not None:
            state.assigned[str(task.register)] = _registered(result)
        for handler in outcome.notified:
            self._notify(name, task, handler)
        status = outcome.status
        if task.role is not None and status != "skipped":
            state.roles_begun.append(task.role)
        if own:
            _count(state, outcome)
        if status == "unreachable" and not outcome.is_ignored:
            state.unreachable = True
            return EndHost()
        if status == "failed" and not outcome.is_ignored:
            if not self._walks[name].is_rescued:
                state.recap.failed += own
                state.failed = True
            return Fail(result)
        return CONTINUE

    def _learn(self, state: HostState, outcome: TaskResult) -> None:
        results = outcome.result.get("results")
        each_result = results if outcome.task.loop is not None and results else [outcome.result]
        target = state
        if outcome.delegated_to and outcome.task.keywords.get("delegate_facts"):
            target = self._services.state_of(outcome.delegated_to)
        for each in each_result:
            facts = each.get("ansible_facts") if isinstance(each, dict) else None
            if not isinstance(facts, dict) or each.get("failed"):
                continue
            if outcome.task.action == _ASSIGNS:
                target.assigned.update(facts)
                if each.get("_ansible_facts_cacheable"):
                    target.learn(facts)
            elif outcome.task.action == _INCLUDES_VARIABLES:
                target.included.update(facts)
            else:
                target.learn(facts)

    def _spread(
        self, task: Task, replies: dict[str, Reply], results: Mapping[str, TaskResult]
    ) -> dict[str, Reply]:
        """Let all hosts of the batch fail where one failure is enough for that."""
        failed = {name for name, reply in replies.items() if isinstance(reply, Fail)}
        lost = {name for name in results if self._hosts[name].unreachable}
        if (failed or lost) and self._is_fatal(task):
            for name, reply in replies.items():
                if not isinstance(reply, Fail | EndHost):
                    if not self._walks[name].is_rescued:
                        self._hosts[name].failed = True
                    replies[name] = Fail(OTHER_FAILED)
            self._fail_others(set(replies))
        if self._too_many_failed():
            self._stopped = self.play_ended = True
            self._services.display.no_hosts_left()
            for walk_name in self.current:
                self._hosts[walk_name].failed = True
            return {name: EndHost() for name in replies}
        return replies

    def _fail_others(self, here: set[str]) -> None:
        """Hosts that are elsewhere in the play fail where they stand."""
        for name, walk in self._walks.items():
            if name not in here and walk.next is not None:
                walk.advance(Fail(OTHER_FAILED))

    def _too_many_failed(self) -> bool:
        written = self._play.keywords.get("max_fail_percentage")
        if written is None or self._stopped:
            return False
        limit = float(str(self._services.templating.evaluate(written, {})).rstrip("%"))
        out = sum(state.is_out for state in self._hosts.values())
        return 100 * out / len(self._hosts) > limit

    # -- handlers, includes, meta ------------------------------------------------------------

    def _notify(self, name: str, task: Task, wanted: str) -> None:
        found = False
        variables = self._services.variables(None, self._hosts[name])
        for handler in self._play.searched_handlers():
            if self._answers_to(handler, wanted, variables):
                self._walks[name].notified.add(handler)
                found = True
        # By name only the first is meant; a topic reaches all that listen.
        if not found:
            message = (
                f"{task.origin}: The requested handler '{wanted}' was not found in either the main "
                "handlers list nor in the listening handlers list"
            )
            if not self._services.missing_handler_fails:
                self._services.display.warning(message)
                return
            raise PlaybookError(
                message, hint="write a handler of this name, or one that listens to it"
            )

    def _answers_to(self, handler: Task, wanted: str, variables: Variables) -> bool:
        topics = [str(each) for each in handler.listen]
        if handler.role is not None:
            names = {handler.role.name, handler.role.short_name}
            topics += [f"{name} : {each}" for each in topics for name in names]
        if wanted in topics:
            return True
        return wanted in self._names_of(handler, variables) and handler is self._named(
            wanted, variables
        )

    def _named(self, wanted: str, variables: Variables) -> Task | None:
        """The first handler that has this name."""
        return next(
            (
                each
                for each in self._play.searched_handlers()
                if wanted in self._names_of(each, variables)
            ),
            None,
        )

    def _names_of(self, handler: Task, variables: Variables) -> list[str]:
        if not handler.name:
            return []
        name = str(handler.name)
        if isinstance(handler.name, Text) and "{{" in name:
            try:
                name = str(self._services.templating.evaluate(handler.name, variables))
            except OpsError:
                return []
        role = handler.role
        if role is None:
            return [name]
        return [name, f"{role.name} : {name}", f"{role.short_name} : {name}"]

    def _include(
        self,
        task: Task,
        results: Mapping[str, TaskResult],
        replies: Mapping[str, Reply],
    ) -> dict[str, Reply]:
        """Hosts that include the same thing get the same tasks."""
        loaded: dict[str, list[Node]] = {}
        inserted: dict[str, Reply] = {}
        for name, outcome in results.items():
            if not isinstance(replies[name], type(CONTINUE)):
                continue
            nodes: list[Node] = []
            for include in outcome.includes:
                key = repr((include.name, include.args, include.variables))
                if key not in loaded:
                    try:
                        loaded[key] = list(self._load(task, include, results))
                    except OpsError as error:
                        inserted[name] = self._include_failed(name, outcome, error)
                        break
                nodes += loaded[key]
            else:
                inserted[name] = Insert(nodes)
        return inserted

    def _load(
        self, task: Task, include: Include, results: Mapping[str, TaskResult]
    ) -> Sequence[Node]:
        self._includes += 1
        shown, nodes = self._services.load_include(task, include, self._includes)
        sharing = [each for each, outcome in results.items() if include in outcome.includes]
        loop_variable = include.variables.get("ansible_loop_var", "")
        label = str(include.variables.get(loop_variable, ""))
        if any(results[each].no_log for each in sharing):
            shown = label = _HIDDEN
        self._services.display.included(shown, label, sharing)
        return nodes

    def _include_failed(self, name: str, outcome: TaskResult, error: OpsError) -> Reply:
        result = failure(error)
        failed = TaskResult(name, outcome.task, result, name=outcome.name, no_log=outcome.no_log)
        self._show(failed)
        return self._conclude(name, failed, own=True)

    def _meta(self, task: Task, name: str) -> Reply:
        state = self._hosts[name]
        what = str(task.args["_raw_params"])
        variables = self._services.variables(task, state)
        try:
            if not task.implicit and self._services.runner.attempts.is_skipped(task, variables):
                return CONTINUE
        except OpsError:
            return CONTINUE
        return self._do_meta(what, task, state)

    def _do_meta(self, what: str, task: Task, state: HostState) -> Reply:
        if what == "flush_handlers":
            return Flush()
        if what == "end_host":
            return EndHost()
        if what in ("end_play", "end_batch"):
            self.batch_ended = True
            self.play_ended = self.play_ended or what == "end_play"
            for name, walk in self._walks.items():
                if name != state.name and walk.next is not None:
                    walk.advance(EndHost())
            return EndHost()
        if what == "end_role":
            return EndRole()
        if what == "role_complete" and task.role is not None:
            if task.role in state.roles_begun:
                state.roles_done[task.role.key] = task.role
        elif what == "clear_facts":
            state.clear_facts()
        elif what == "clear_host_errors":
            for each in self._hosts.values():
                each.failed = each.unreachable = False
            self._services.hosts_changed()
        elif what == "refresh_inventory":
            self._services.refresh_inventory()
        elif what == "reset_connection":
            self._services.disconnect(state.name)
        return CONTINUE

    # -- keywords ----------------------------------------------------------------------------

    def _is_once(self, task: Task, name: str) -> bool:
        if runs_once(task.action):
            return True
        return as_flag("run_once", self._keyword(task, "run_once", name))

    def _is_fatal(self, task: Task) -> bool:
        return as_flag("any_errors_fatal", task.keywords.get("any_errors_fatal"))

    def _throttle(self, task: Task, name: str) -> int:
        return int(self._keyword(task, "throttle", name) or 0)

    def _keyword(self, task: Task, keyword: str, name: str) -> Any:
        written = task.keywords.get(keyword)
        if not isinstance(written, Text):
            return written
        variables = self._services.variables(task, self._hosts[name])
        return given(self._services.templating.evaluate(written, variables))

    def _title(self, task: Task, name: str) -> str:
        label = task.label
        if "{{" not in label:
            return label
        try:
            variables = self._services.variables(task, self._hosts[name])
            return str(self._services.templating.evaluate(Text(label, task.origin), variables))
        except OpsError:
            return label


def _registered(result: Result) -> Result:
    return {name: value for name, value in result.items() if not name.startswith("_")}


def _count(state: HostState, outcome: TaskResult) -> None:
    recap, status = state.recap, outcome.status
    if status == "unreachable":
        recap.unreachable += 1
        recap.ignored += outcome.is_ignored
        return
    if status == "failed":
        if outcome.is_ignored:
            recap.ok += 1
            recap.ignored += 1
            recap.changed += bool(outcome.result.get("changed"))
        return
    if status == "skipped":
        recap.skipped += 1
        return
    # As in Ansible, an include counts once for each file that it brings.
    recap.ok += len(outcome.includes) or 1
    recap.changed += status == "changed"

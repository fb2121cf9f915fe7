"""One batch of a play's hosts under strategy ``linear``: every task on all of them, side by side.

Runs in one thread, which alone touches the state of hosts; only the tasks themselves run in
several.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from queue import SimpleQueue

from lpse_ops.playbook.conclusions import Conclusions
from lpse_ops.playbook.inclusion import INCLUDES, Inclusion
from lpse_ops.playbook.leads import Leads
from lpse_ops.playbook.metatasks import MetaTasks
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.results import TaskResult
from lpse_ops.playbook.stage import OTHER_FAILED, Stage
from lpse_ops.playbook.taskwords import TaskWords
from lpse_ops.playbook.walk import CONTINUE, EndHost, Fail, Reply, run_side_by_side


class Batch:
    """``run`` takes the hosts through the play; afterwards their states say how they fared."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._services = stage.services
        self._words = TaskWords(stage.services)
        self._conclusions = Conclusions(stage)
        self._inclusion = Inclusion(stage.services, self._conclusions)
        self._meta = MetaTasks(stage)
        self._leads = Leads(stage, self._conclusions)
        self._stopped = False

    def run(self) -> None:
        run_side_by_side(self._stage.walks, self._execute)

    def _execute(self, task: Task, names: list[str]) -> dict[str, Reply]:
        if task.action == "meta":
            return self._do_meta(task, names)
        state = self._stage.hosts[names[0]]
        title = self._words.title(task, state)
        if self._services.step is not None and not self._services.step.wants(title):
            return dict.fromkeys(names, CONTINUE)
        self._services.display.task(task, title)
        once = self._words.is_once(task, state)
        doing = names[:1] if once else names
        self._services.display.at_work(task, title, doing)
        results = dict(self._run_on(task, doing))
        if once:
            results |= dict.fromkeys(names[1:], results[names[0]])
        replies = {
            name: self._conclusions.conclude(name, results[name], own=not once or name == names[0])
            for name in names
        }
        if task.action in INCLUDES:
            replies |= self._inclusion.bring(task, results, replies)
        replies = self._spread(task, replies, results)
        if any(isinstance(reply, Fail | EndHost) for reply in replies.values()):
            self._services.hosts_changed()
        return replies

    def _do_meta(self, task: Task, names: list[str]) -> dict[str, Reply]:
        doing = names[:1] if self._meta.is_once(task) else names
        done = {name: self._meta.do(task, name) for name in doing}
        replies: dict[str, Reply] = {name: done.get(name, CONTINUE) for name in names}
        if self._stage.batch_ended:
            for walk in self._stage.walks.values():
                walk.advance(EndHost())
        return replies

    def _run_on(self, task: Task, names: Sequence[str]) -> Iterator[tuple[str, TaskResult]]:
        """Results as they come; each is shown at once."""
        services = self._services
        limit = self._words.throttle(task, self._stage.hosts[names[0]]) or len(names)
        if len(names) == 1:
            yield names[0], self._show(self._run_one(task, names[0]))
            return
        waiting = list(names)
        running: dict[Future[TaskResult], str] = {}
        ended: SimpleQueue[Future[TaskResult]] = SimpleQueue()
        while waiting or running:
            while waiting and len(running) < limit:
                name = waiting.pop(0)
                begun = services.executor.submit(self._run_one, task, name)
                running[begun] = name
                begun.add_done_callback(ended.put)
            done = ended.get()
            yield running.pop(done), self._show(done.result())

    def _run_one(self, task: Task, name: str) -> TaskResult:
        state, step = self._stage.hosts[name], self._stage.walks[name].next
        if step is not None and self._stage.is_alone(name):
            return self._leads.of(name).run(step)
        return self._services.runner.run(task, name, self._services.variables(task, state))

    def _show(self, result: TaskResult) -> TaskResult:
        self._services.display.result(result)
        return result

    def _spread(
        self, task: Task, replies: dict[str, Reply], results: Mapping[str, TaskResult]
    ) -> dict[str, Reply]:
        """Let all hosts of the batch fail where one failure is enough for that."""
        hosts, walks = self._stage.hosts, self._stage.walks
        failed = {name for name, reply in replies.items() if isinstance(reply, Fail)}
        lost = {name for name in results if hosts[name].unreachable}
        if (failed or lost) and self._words.is_fatal(task):
            for name, reply in replies.items():
                if not isinstance(reply, Fail | EndHost):
                    if not walks[name].is_rescued:
                        hosts[name].failed = True
                    replies[name] = Fail(OTHER_FAILED)
            self._stage.fail_others(set(replies))
        if self._too_many_failed():
            self._stopped = self._stage.play_ended = True
            self._services.display.no_hosts_left()
            for walk_name in self._stage.current:
                hosts[walk_name].failed = True
            return {name: EndHost() for name in replies}
        return replies

    def _too_many_failed(self) -> bool:
        limit = self._services.most_failed
        if limit is None or self._stopped:
            return False
        hosts = self._stage.hosts
        out = sum(state.is_out for state in hosts.values())
        return 100 * out / len(hosts) > limit

"""One batch of a play's hosts under the strategies ``free`` and ``host_pinned``.

Each host walks on by itself, as fast as it can.  One thread alone touches the state of hosts; the
tasks, and what is sent ahead of them, run in one thread a host.
"""

from concurrent.futures import FIRST_COMPLETED, Future, wait

from lpse_ops.playbook.conclusions import Conclusions
from lpse_ops.playbook.inclusion import INCLUDES, Inclusion
from lpse_ops.playbook.leads import Leads
from lpse_ops.playbook.metatasks import MetaTasks
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.problems import problem_at
from lpse_ops.playbook.registry import runs_once
from lpse_ops.playbook.results import TaskResult
from lpse_ops.playbook.stage import Stage
from lpse_ops.playbook.taskwords import TaskWords
from lpse_ops.playbook.walk import CONTINUE, EndHost, Fail, Reply, Step

_NOT_ONCE = (
    "Using run_once with the free strategy is not currently supported. This task will still be "
    "executed for every host in the inventory list."
)
_NOT_FATAL = (
    "Using any_errors_fatal with the free strategy is not supported, as tasks are executed "
    "independently on each host"
)
_NO_PERCENTAGE = (
    "Using max_fail_percentage with the free strategy is not supported, as tasks are executed "
    "independently on each host"
)


class FreeBatch:
    """``run`` takes the hosts through the play; afterwards their states say how they fared.

    With ``is_pinned`` no more than ``slots`` hosts are in the play at once: the next one begins
    when one has ended.  Otherwise they take turns.
    """

    def __init__(self, stage: Stage, *, is_pinned: bool, slots: int) -> None:
        self._stage = stage
        self._services = stage.services
        self._is_pinned = is_pinned
        self._slots = slots
        self._words = TaskWords(stage.services)
        self._conclusions = Conclusions(stage)
        self._inclusion = Inclusion(stage.services, self._conclusions)
        self._meta = MetaTasks(stage)
        self._leads = Leads(stage, self._conclusions)
        # Hosts whose next step can be looked at, and those that are at it.
        self._waiting = list(stage.walks)
        self._running: dict[Future[TaskResult], tuple[str, Step]] = {}
        self._begun: set[str] = set()

    def run(self) -> None:
        if self._stage.play.keywords.get("max_fail_percentage") is not None:
            self._services.display.warning(_NO_PERCENTAGE)
        try:
            self._start()
            while self._running:
                done, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in done:
                    name, step = self._running.pop(future)
                    self._conclude(name, step.task, future.result())
                    self._waiting.append(name)
                self._start()
        except BaseException:
            for name in self._begun:
                self._leads.of(name).stop()
            raise

    def _start(self) -> None:
        """Let every host that may do so take its next step."""
        for name in list(self._waiting):
            if self._is_pinned and name not in self._begun and len(self._begun) >= self._slots:
                continue
            step = self._next_step(name)
            is_free = step is not None and not self._is_throttled(name, step.task)
            while step is not None and is_free and not self._is_asked_for(name, step.task):
                self._stage.walks[name].advance(CONTINUE)
                step = self._next_step(name)
            if step is None:
                self._waiting.remove(name)
                self._begun.discard(name)
            elif is_free:
                self._waiting.remove(name)
                self._begun.add(name)
                self._judge(step.task, name)
                title = self._words.title(step.task, self._stage.hosts[name])
                self._services.display.at_work(step.task, title, [name])
                future = self._services.executor.submit(self._leads.of(name).run, step)
                self._running[future] = name, step
        if self._waiting and not self._running:
            self._start()

    def _next_step(self, name: str) -> Step | None:
        """The next task; ``meta`` tasks in front of it are done here."""
        walk = self._stage.walks[name]
        while walk.next is not None:
            # What was sent already is told before the play ends.
            if self._stage.batch_ended and self._leads.of(name).is_empty:
                walk.advance(EndHost())
            elif walk.next.task.action == "meta":
                walk.advance(self._meta.do(walk.next.task, name))
            else:
                break
        return walk.next

    def _is_asked_for(self, name: str, task: Task) -> bool:
        """Whether the person who says it of each task wants this one."""
        step = self._services.step
        if step is None:
            return True
        return step.wants(self._words.title(task, self._stage.hosts[name]), name)

    def _judge(self, task: Task, name: str) -> None:
        """Tell of what a task asks for that there is not when hosts do not wait for each other."""
        if runs_once(task.action):
            raise problem_at(
                task.origin,
                f"The {task.action!r} module bypasses the host loop, which is currently not "
                "supported in the free strategy and would instead execute for every host in the "
                "inventory list.",
                hint="write strategy: linear",
            )
        if self._words.is_once(task, self._stage.hosts[name]):
            self._services.display.warning(_NOT_ONCE)
        if self._words.is_fatal(task):
            self._services.display.warning(_NOT_FATAL)

    def _is_throttled(self, name: str, task: Task) -> bool:
        limit = self._words.throttle(task, self._stage.hosts[name])
        same = sum(step.task is task for _, step in self._running.values())
        return 0 < limit <= same

    def _conclude(self, name: str, task: Task, outcome: TaskResult) -> None:
        self._services.display.result(outcome)
        reply: Reply = self._conclusions.conclude(name, outcome)
        if task.action in INCLUDES:
            brought = self._inclusion.bring(task, {name: outcome}, {name: reply})
            reply = brought.get(name, reply)
        if isinstance(reply, Fail | EndHost):
            self._services.hosts_changed()
        self._stage.walks[name].advance(reply)

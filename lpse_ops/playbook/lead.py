"""One host whose tasks are sent before those in front of them are answered.

Only what needs no answer goes ahead: everything of it is evaluated with an ``Alarm``.  A failure in
front keeps the host from running it (``Line.needs``).  Results come out in order, as if each task
had been sent after the one before; nothing is ever sent twice.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from lpse_ops.errors import HostUnreachable
from lpse_ops.playbook.aheadrules import lets_others_pass, may_be_sent
from lpse_ops.playbook.line import Line, Sent
from lpse_ops.playbook.model import Role, Task
from lpse_ops.playbook.results import TaskResult
from lpse_ops.playbook.started import Started
from lpse_ops.playbook.taskrun import TaskRun
from lpse_ops.playbook.unknowns import Alarm, AnswerNeeded, FileWatch, Unknown, set_by
from lpse_ops.playbook.variables import Variables
from lpse_ops.playbook.walk import CONTINUE, Step, Walk
from lpse_ops.remote.pending import Pending

_MOST_BYTES = 64 * 1024


@dataclass(eq=False)
class _Entry:
    """A task that was begun; ``behind`` is what the next one needs, None if there must be none."""

    step: Step
    started: Started
    alarm: Alarm | None
    unknown: Unknown
    behind: tuple[Pending, ...] | None

    def __post_init__(self) -> None:
        # Asked for again with each task that is sent behind.
        self.sent = self.started.sent
        self.size_bytes = sum(each.size_bytes for each in self.sent)
        self.may_notify = bool(self.started.notifies)


class Lead:
    """Runs the steps of one walk; not for several threads at once."""

    def __init__(
        self,
        host: str,
        walk: Walk,
        runner: TaskRun,
        variables: Callable[[Task], Variables],
        knows_handler: Callable[[str], bool],
        depth: int,
    ) -> None:
        """``depth`` tasks may be on their way; with 1 nothing is sent ahead."""
        self._host = host
        self._walk = walk
        self._runner = runner
        self._variables = variables
        self._knows_handler = knows_handler
        self._depth = depth
        self._files = FileWatch()
        # The task that is run now, and those that were sent behind it.
        self._line: deque[_Entry] = deque()
        # Were run although a task in front of them failed: a host that does as it likes.
        self._stray: list[_Entry] = []
        self._scout: Walk | None = None
        self._passed: list[Role] = []
        self._blocked: tuple[Task, str] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on its way."""
        return not self._line

    def run(self, step: Step) -> TaskResult:
        """Run the step that the walk is at, and send what may be sent behind it."""
        try:
            entry = self._take(step) or self._begin(step)
            if entry is not None:
                self._send_more()
                if entry.alarm is not None and not _was_run(entry):
                    # The host alone thought that something in front of it had failed.
                    self._drop()
                    entry = None
            if entry is None:
                return self._runner.run(step.task, self._host, self._variables(step.task))
            outcome = self._end(entry)
        except BaseException:
            self._cancel()
            raise
        self._line.popleft()
        if outcome.status in ("failed", "unreachable") and not outcome.is_ignored:
            self._give_up(outcome)
        elif entry.may_notify:
            self._scout = None
        return outcome

    def stop(self) -> None:
        """Take back what was sent ahead; may be called while another thread runs a step."""
        for entry in reversed(list(self._line)[1:]):
            for sent in reversed(entry.sent):
                sent.pending.cancel()

    # -- the task that is run now ------------------------------------------------------------

    def _take(self, step: Step) -> _Entry | None:
        """What was sent of a step already, as the first in the line."""
        for entry in self._stray:
            if _is_same(entry.step, step):
                self._stray.remove(entry)
                self._line.appendleft(entry)
                return entry
        if self._line and not _is_same(self._line[0].step, step):
            self._drop()
        return self._line[0] if self._line else None

    def _begin(self, step: Step) -> _Entry | None:
        self._scout, self._blocked = None, None
        if self._depth <= 1 or not may_be_sent(step.task):
            return None
        started = self._runner.begin(step.task, self._host, self._variables(step.task), Line())
        entry = _Entry(step, started, None, set_by(step.task), None)
        entry.behind = self._needs_behind(entry, ())
        self._line.append(entry)
        return entry

    def _end(self, entry: _Entry) -> TaskResult:
        if entry.alarm is not None:
            entry.alarm.turn_off(partial(self._variables, entry.step.task))
        return self._runner.end(entry.started)

    # -- what goes ahead ---------------------------------------------------------------------

    def _send_more(self) -> None:
        while len(self._line) < self._depth and self._size_bytes() < _MOST_BYTES:
            last = self._line[-1]
            step = None if last.behind is None else self._following()
            if step is None or not self._send_ahead(step, last.behind or ()):
                return

    def _send_ahead(self, step: Step, needs: tuple[Pending, ...]) -> bool:
        task = step.task
        unknown = self._unknown()
        if self._blocked and self._blocked[0] is task and unknown.has(self._blocked[1]):
            return False
        after = self._last_sent()
        if after is None or not self._may_go_ahead(task):
            return False
        alarm = Alarm(self._variables(task), unknown, self._files)
        line = Line(after, needs, is_ahead=True)
        try:
            self._files.refuse_task(task)
            started = self._runner.begin(task, self._host, Variables([alarm]), line)
        except AnswerNeeded as needed:
            self._blocked = task, needed.name
            return False
        entry = _Entry(step, started, alarm, set_by(task), None)
        entry.behind = self._needs_behind(entry, needs)
        self._line.append(entry)
        if self._scout is not None:
            self._scout.advance(CONTINUE)
        return True

    def _may_go_ahead(self, task: Task) -> bool:
        if not may_be_sent(task):
            return False
        # Whether a role is run again is not known before its first use has ended.
        role = task.role
        return role is None or not any(
            each.key == role.key and each is not role for each in self._passed
        )

    def _needs_behind(
        self, entry: _Entry, needs: tuple[Pending, ...]
    ) -> tuple[Pending, ...] | None:
        """What must go well before the next task is run; None if nothing may be sent behind."""
        started = entry.started
        if started.is_over or started.is_lost or not lets_others_pass(entry.step.task):
            return None
        if not all(map(self._knows_handler, started.notifies)):
            return None
        if started.ignores_errors:
            return needs
        if started.has_failed:
            return None
        return tuple(each.pending for each in started.sent) or needs

    def _following(self) -> Step | None:
        """The step behind all that is on its way, if all of that goes well."""
        if self._scout is None:
            self._passed = []
            self._scout = self._walk.scout(self._passes_flush)
            for each in self._line:
                self._pass_ends_of_roles(self._scout)
                if self._scout.next is None or not _is_same(self._scout.next, each.step):
                    return None
                self._scout.advance(CONTINUE)
        self._pass_ends_of_roles(self._scout)
        return self._scout.next

    def _pass_ends_of_roles(self, scout: Walk) -> None:
        while scout.next is not None and _ends_role(scout.next.task):
            role = scout.next.task.role
            if role is not None:
                self._passed.append(role)
            scout.advance(CONTINUE)

    def _passes_flush(self) -> bool:
        return not any(each.may_notify for each in self._line)

    def _unknown(self) -> Unknown:
        found = Unknown()
        for each in self._line:
            found |= each.unknown
        return found

    def _all_sent(self) -> Iterator[Sent]:
        for each in self._line:
            yield from each.sent

    def _last_sent(self) -> Sent | None:
        return next((each.sent[-1] for each in reversed(self._line) if each.sent), None)

    def _size_bytes(self) -> int:
        return sum(each.size_bytes for each in self._line)

    # -- when it comes otherwise -------------------------------------------------------------

    def _give_up(self, outcome: TaskResult) -> None:
        """The task failed: what was sent behind it is not run, or nobody knows any more."""
        behind = [each.step.task for each in self._line if each.sent]
        self._drop()
        if outcome.status == "unreachable" and behind:
            places = ", ".join(str(each.origin) for each in behind)
            said = str(outcome.result.get("msg", ""))
            outcome.result["msg"] = f"{said}; so may what was sent behind it: {places}"

    def _drop(self) -> None:
        """Wait until nothing is on its way; what was run nevertheless is kept for its turn."""
        self._scout = self._blocked = None
        while self._line:
            entry = self._line.popleft()
            if entry.sent and _was_run(entry) and not _is_lost(entry):
                self._stray.append(entry)

    def _cancel(self) -> None:
        """The run is over: the last is taken back first, so that none takes another's place."""
        for sent in reversed(list(self._all_sent())):
            sent.pending.cancel()
        self._line.clear()


def _is_same(one: Step, other: Step) -> bool:
    return one.task is other.task and one.key == other.key


def _ends_role(task: Task) -> bool:
    return task.action == "meta" and task.args["_raw_params"] == "role_complete"


def _was_run(entry: _Entry) -> bool:
    """Whether the host began it, or nobody knows; waits for the answer."""
    try:
        return all(each.pending.was_run for each in entry.sent[:1])
    except HostUnreachable:
        return True


def _is_lost(entry: _Entry) -> bool:
    try:
        entry.sent[-1].pending.result()
    except HostUnreachable:
        return True
    return False

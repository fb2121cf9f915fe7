"""The items of a task, sent to its host one behind the other."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lpse_ops.errors import HostUnreachable, OpsError
from lpse_ops.playbook.attempt import Attempts, Begun
from lpse_ops.playbook.line import Line
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.results import Result
from lpse_ops.playbook.said import Said
from lpse_ops.playbook.unknowns import Alarm, AnswerNeeded, FileWatch, Unknown
from lpse_ops.playbook.variables import Variables


@dataclass(frozen=True)
class ItemLine:
    """``say`` evaluates a task's keywords, ``refused`` gives the result when they make no sense."""

    attempts: Attempts
    say: Callable[[Task, Variables], Said]
    refused: Callable[[Task, Variables, OpsError], Result]

    def begin_all(
        self, task: Task, seen: Sequence[Variables], line: Line
    ) -> list[tuple[Said, Begun]]:
        """Send items one behind the other, up to one that finds the host lost.

        Ahead of other tasks all are evaluated before anything is sent, so that ``AnswerNeeded``
        leaves no trace.
        """
        ahead = [self._prepare(task, each, line) for each in seen] if line.is_ahead else []
        self.attempts.refuse_detours([each for _, each in ahead], line)
        begun: list[tuple[Said, Begun]] = []
        files = FileWatch()
        for number, each in enumerate(seen):
            said, one = ahead[number] if ahead else self._prepare_behind(task, each, line, files)
            self.attempts.send(one, line)
            line = replace(line, after=one.sent or line.after)
            begun.append((said, one))
            if (one.result or {}).get("unreachable"):
                break
        return begun

    def _prepare_behind(
        self, task: Task, variables: Variables, line: Line, files: FileWatch
    ) -> tuple[Said, Begun]:
        """An item that looks at files on this machine waits for those in front of it."""
        if line.after is None or not line.after.is_here:
            return self._prepare(task, variables, line)
        alarm = Alarm(variables, Unknown(only_files=True), files)
        try:
            files.refuse_task(task)
            prepared = self._prepare(task, Variables([alarm]), line)
        except AnswerNeeded:
            # Whether the host is lost will be seen when this one is sent.
            with contextlib.suppress(HostUnreachable):
                line.after.pending.result()
            return self._prepare(task, variables, line)
        alarm.turn_off(lambda: variables)
        return prepared

    def _prepare(self, task: Task, variables: Variables, line: Line) -> tuple[Said, Begun]:
        said = self.say(task, variables)
        if said.error is None:
            return said, self.attempts.prepare(task, variables, line)
        if line.is_ahead:
            raise AnswerNeeded
        return said, Begun(variables, self.refused(task, variables, said.error))

"""The way of one host through a play: which task comes next, given how the last one ended.

Only order: blocks, rescue and always, includes, handlers.  It runs nothing and knows no variables.
A walk is driven by ``advance(reply)``; tasks that several hosts share have equal keys, and a
smaller key comes earlier in the play, so that hosts can be kept side by side.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lpse_ops.playbook.model import Block, Node, Play, Position, Role, Task, every_task

# Behind every task of a section.
_LAST = 1 << 30


class Step(NamedTuple):
    """A task that is next, and where in the play that is."""

    key: Position
    task: Task


@dataclass(frozen=True)
class Continue:
    """The task did what it should, or was skipped, or its failure is ignored."""


@dataclass(frozen=True)
class Fail:
    """The task failed; ``result`` is what a rescue may look at."""

    result: dict[str, Any]


@dataclass(frozen=True)
class Insert:
    """The task was an include: these nodes come next."""

    nodes: Sequence[Node]


@dataclass(frozen=True)
class Flush:
    """``meta: flush_handlers``."""


@dataclass(frozen=True)
class EndRole:
    """``meta: end_role``."""


@dataclass(frozen=True)
class EndHost:
    """``meta: end_host`` or ``end_play``: nothing more for this host, handlers neither."""


Reply = Continue | Fail | Insert | Flush | EndRole | EndHost
CONTINUE = Continue()
_Steps = Generator[Step, Reply, None]


class _TaskFailed(Exception):
    def __init__(self, task: Task, result: dict[str, Any]) -> None:
        super().__init__(task.label)
        self.task = task
        self.result = result


class _Ended(Exception):
    """The host is through with the play."""


@dataclass
class Hooks:
    """What a walk asks for, and what it tells.

    ``is_wanted`` leaves out what tags do not select and roles that were done before;
    ``on_rescue`` is told the failed task and its result when a rescue begins.
    """

    is_wanted: Callable[[Task], bool]
    on_rescue: Callable[[Task, dict[str, Any]], None]
    force_handlers: bool = False


@dataclass
class Notified:
    """Handlers that a host was asked to run, until they run."""

    _waiting: list[Task] = field(default_factory=list)

    def add(self, handler: Task) -> bool:
        """False if it was waiting already."""
        if any(each is handler for each in self._waiting):
            return False
        self._waiting.append(handler)
        return True

    def take(self, handler: Task) -> bool:
        """Whether it is waiting; if so it no longer is."""
        before = len(self._waiting)
        self._waiting = [each for each in self._waiting if each is not handler]
        return len(self._waiting) < before


class Walk:
    """One host in one play.  ``next`` is the step to take, None at the end."""

    def __init__(self, play: Play, hooks: Hooks, first: Sequence[Node] = ()) -> None:
        self._play = play
        self._hooks = hooks
        self._first = first
        self._rescuers = 0
        self._ended_roles: list[Role] = []
        self.notified = Notified()
        self.failed = False
        self.next: Step | None = None
        self._steps = self._play_steps()
        self._forward(lambda: next(self._steps))

    def advance(self, reply: Reply) -> None:
        """Say how ``next`` ended."""
        self._forward(lambda: self._steps.send(reply))

    @property
    def is_rescued(self) -> bool:
        """Whether something rescues the host if ``next`` fails."""
        return self._rescuers > 0

    def _forward(self, step: Callable[[], Step]) -> None:
        try:
            self.next = step()
        except StopIteration:
            self.next = None

    # -- control flow ------------------------------------------------------------------------

    def _play_steps(self) -> _Steps:
        try:
            yield from self._nodes(self._first)
            for number, section in enumerate(self._play.sections()):
                yield from self._nodes(section)
                yield from self._flush((2 * number, _LAST))
        except _TaskFailed:
            self.failed = True
            if self._hooks.force_handlers:
                yield from self._forced_handlers()
        except _Ended:
            return

    def _forced_handlers(self) -> _Steps:
        try:
            yield from self._flush((_LAST, _LAST))
        except (_TaskFailed, _Ended):
            return

    def _nodes(self, nodes: Sequence[Node], base: Position = ()) -> _Steps:
        for node in nodes:
            if isinstance(node, Block):
                yield from self._block(node, base)
            elif self._is_wanted(node):
                yield from self._task(node, base)

    def _is_wanted(self, task: Task) -> bool:
        if any(task.role is each for each in self._ended_roles):
            return False
        return task.is_handler or self._hooks.is_wanted(task)

    def _task(self, task: Task, base: Position) -> _Steps:
        key = base + task.position
        reply = yield Step(key, task)
        if isinstance(reply, Fail):
            raise _TaskFailed(task, reply.result)
        if isinstance(reply, Insert):
            yield from self._nodes(reply.nodes, base)
        elif isinstance(reply, Flush):
            yield from self._flush(key)
        elif isinstance(reply, EndRole) and task.role is not None:
            self._ended_roles.append(task.role)
        elif isinstance(reply, EndHost):
            raise _Ended

    def _block(self, block: Block, base: Position) -> _Steps:
        failure: _TaskFailed | None = None
        self._rescuers += bool(block.rescue)
        try:
            yield from self._nodes(block.block, base)
        except _TaskFailed as error:
            failure = error
        finally:
            self._rescuers -= bool(block.rescue)
        if failure is not None and block.rescue:
            self._hooks.on_rescue(failure.task, failure.result)
            try:
                yield from self._nodes(block.rescue, base)
            except _TaskFailed as error:
                failure = error
            else:
                failure = None
        yield from self._nodes(block.always, base)
        if failure is not None:
            raise failure

    def _flush(self, base: Position) -> _Steps:
        """Every handler that waits, in the order of their definition, each at most once.

        One that is notified by a later one waits for the next flush.
        """
        for handlers in self._play.handlers:
            for handler in every_task([handlers]):
                if self.notified.take(handler):
                    yield from self._task(handler, base)


def run_side_by_side(
    walks: Mapping[str, Walk], execute: Callable[[Task, list[str]], Mapping[str, Reply]]
) -> None:
    """Strategy ``linear``: each task on all hosts that have it next, before any host goes on.

    ``execute`` answers for every host it is given.
    """
    while True:
        following = {name: walk.next for name, walk in walks.items() if walk.next is not None}
        if not following:
            return
        first = min(following.values(), key=lambda step: step.key)
        names = [
            name
            for name, step in following.items()
            if step.key == first.key and step.task is first.task
        ]
        for name, reply in execute(first.task, names).items():
            walks[name].advance(reply)

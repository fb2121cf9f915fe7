"""The way of one host through a play: which task comes next, given how the last one ended.

Only order: blocks, rescue and always, includes, handlers.  It runs nothing and knows no variables.
A walk is driven by ``advance(reply)``; tasks that several hosts share have equal keys, and a
smaller key comes earlier in the play, so that hosts can be kept side by side.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

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

    def __bool__(self) -> bool:
        return bool(self._waiting)


class _Failure(NamedTuple):
    task: Task
    result: dict[str, Any]


@dataclass
class _Nodes:
    """Nodes one after the other, from number ``at`` on."""

    nodes: Sequence[Node]
    base: Position = ()
    at: int = 0


@dataclass
class _InBlock:
    """A block whose part ``part`` lies above; ``failure`` goes on when ``always`` is through."""

    block: Block
    base: Position
    part: Literal["block", "rescue", "always"] = "block"
    failure: _Failure | None = None


@dataclass
class _Flushing:
    """Every handler that waits, in the order of their definition, each at most once.

    One that is notified by a later one waits for the next flush.
    """

    base: Position
    at: int = 0


_Level = _Nodes | _InBlock | _Flushing


class Walk:
    """One host in one play.  ``next`` is the step to take, None at the end."""

    def __init__(self, play: Play, hooks: Hooks, first: Sequence[Node] = ()) -> None:
        self._play = play
        self._hooks = hooks
        self._ended_roles: list[Role] = []
        self._passes_flush: Callable[[], bool] | None = None
        self.notified = Notified()
        self.failed = False
        self.next: Step | None = None
        # The innermost is the last.
        self._levels: list[_Level] = [_Nodes(first)]
        for number, section in enumerate(play.sections()):
            self._levels += [_Nodes(section), _Flushing((2 * number, _LAST))]
        self._levels.reverse()
        self._forward()

    def advance(self, reply: Reply) -> None:
        """Say how ``next`` ended; at the end of the walk nothing more happens."""
        if self.next is None:
            return
        key, task = self.next
        if isinstance(reply, Fail):
            self._fail(_Failure(task, reply.result))
        elif isinstance(reply, Insert):
            self._levels.append(_Nodes(reply.nodes, self._levels[-1].base))
        elif isinstance(reply, Flush):
            self._levels.append(_Flushing(key))
        elif isinstance(reply, EndRole) and task.role is not None:
            self._ended_roles.append(task.role)
        elif isinstance(reply, EndHost):
            self._levels.clear()
        self._forward()

    @property
    def is_rescued(self) -> bool:
        """Whether something rescues the host if ``next`` fails."""
        return any(
            isinstance(each, _InBlock) and each.part == "block" and each.block.rescue
            for each in self._levels
        )

    def forgive(self) -> None:
        """Forget the failures that go on behind an ``always`` part: ``meta: clear_host_errors``."""
        for level in self._levels:
            if isinstance(level, _InBlock):
                level.failure = None

    def scout(self, passes_flush: Callable[[], bool]) -> "Walk":
        """A walk from here on that leaves this one alone, to see what comes if all goes well.

        It tells nobody of a rescue, and ends where handlers may run unless ``passes_flush``.
        """
        scout = copy.copy(self)
        scout._hooks = replace(self._hooks, on_rescue=_tell_nobody)
        scout._passes_flush = passes_flush
        scout._ended_roles = list(self._ended_roles)
        scout._levels = [replace(each) for each in self._levels]
        scout.notified = copy.copy(self.notified)
        return scout

    # -- control flow ------------------------------------------------------------------------

    def _forward(self) -> None:
        self.next = None
        while self._levels and self.next is None:
            level = self._levels[-1]
            if isinstance(level, _Nodes):
                self._look_at_node(level)
            elif isinstance(level, _InBlock):
                self._end_part(level)
            elif self._passes_flush is not None and not self._passes_flush():
                self._levels.clear()
            else:
                self._look_for_handler(level)

    def _look_at_node(self, level: _Nodes) -> None:
        if level.at >= len(level.nodes):
            self._levels.pop()
            return
        node = level.nodes[level.at]
        level.at += 1
        if isinstance(node, Block):
            self._levels += [_InBlock(node, level.base), _Nodes(node.block, level.base)]
        elif self._is_wanted(node):
            self.next = Step(level.base + node.position, node)

    def _is_wanted(self, task: Task) -> bool:
        if any(task.role is each for each in self._ended_roles):
            return False
        return task.is_handler or self._hooks.is_wanted(task)

    def _look_for_handler(self, level: _Flushing) -> None:
        # Looked at anew each time: an include may bring handlers meanwhile.
        handlers = list(every_task(self._play.handlers)) if self.notified else []
        for number in range(level.at, len(handlers)):
            if self.notified.take(handlers[number]):
                level.at = number + 1
                self.next = Step(level.base + handlers[number].position, handlers[number])
                return
        self._levels.pop()

    def _end_part(self, level: _InBlock) -> None:
        """The part of a block is through; ``always`` follows on both others."""
        if level.part != "always":
            level.part = "always"
            self._levels.append(_Nodes(level.block.always, level.base))
            return
        self._levels.pop()
        if level.failure is not None:
            self._fail(level.failure)

    def _fail(self, failure: _Failure) -> None:
        """Go out of everything up to the block that deals with a failure."""
        while self._levels:
            level = self._levels.pop()
            if isinstance(level, _InBlock) and level.part != "always":
                self._deal_with(failure, level)
                return
        if self._hooks.force_handlers and not self.failed:
            self._levels.append(_Flushing((_LAST, _LAST)))
        self.failed = True

    def _deal_with(self, failure: _Failure, level: _InBlock) -> None:
        self._levels.append(level)
        if level.part == "block" and level.block.rescue:
            self._hooks.on_rescue(failure.task, failure.result)
            level.part = "rescue"
            self._levels.append(_Nodes(level.block.rescue, level.base))
        else:
            level.part, level.failure = "always", failure
            self._levels.append(_Nodes(level.block.always, level.base))


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


def _tell_nobody(_task: Task, _result: dict[str, Any]) -> None:
    """A scout never fails."""

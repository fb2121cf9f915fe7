"""The way of hosts through a play, without running anything."""

from collections.abc import Callable

import pytest

from lpse_ops.marked import Map, Text
from lpse_ops.playbook.model import Block, Keywords, Node, Play, Task
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

PLAIN = Keywords(Map())
FAIL = Fail({"msg": "no"})


class Maker:
    """Makes nodes with positions in the order in which they are made."""

    def __init__(self) -> None:
        self._number = 0

    def task(self, name: str, *, section: int = 2, is_handler: bool = False) -> Task:
        self._number += 1
        return Task(
            PLAIN, Text(name), "debug", "debug", Map(), None, (section, self._number),
            is_handler=is_handler,
        )  # fmt: skip

    def block(self, block: list[Node], rescue: list[Node] = (), always: list[Node] = ()) -> Block:
        return Block(PLAIN, None, None, (2,), None, block, list(rescue), list(always))

    def handler(self, name: str) -> Task:
        return self.task(name, section=4, is_handler=True)


def play_of(tasks: list[Node], handlers: list[Node] = (), **sections: list[Node]) -> Play:
    play = Play("p", "all", PLAIN, None, None, tasks=tasks, **sections)  # type: ignore[arg-type]
    if handlers:
        play.handlers.append(Block(PLAIN, None, None, (4,), None, list(handlers)))
    return play


class Taken:
    """Follows a walk; ``replies`` by the names of tasks, else all is well."""

    def __init__(
        self, play: Play, replies: dict[str, Reply] | None = None, **hooks: object
    ) -> None:
        self.rescued: list[str] = []
        given = {
            "is_wanted": lambda _task: True,
            "on_rescue": lambda task, _result: self.rescued.append(str(task.name)),
            **hooks,
        }
        self.walk = Walk(play, Hooks(**given))  # type: ignore[arg-type]
        self.names: list[str] = []
        while (step := self.walk.next) is not None:
            name = str(step.task.name)
            self.names.append(name)
            reply = (replies or {}).get(name, CONTINUE)
            self.walk.advance(reply(self.walk) if callable(reply) else reply)


@pytest.fixture
def make() -> Maker:
    return Maker()


def test_sections_come_in_order(make: Maker):
    pre, role, task, post = (make.task(each, section=n) for n, each in enumerate("abcd"))
    play = play_of([task], pre_tasks=[pre], roles_tasks=[role], post_tasks=[post])
    assert Taken(play).names == ["a", "b", "c", "d"]


def test_a_failure_ends_the_host(make: Maker):
    taken = Taken(play_of([make.task("a"), make.task("b")]), {"a": FAIL})
    assert (taken.names, taken.walk.failed) == (["a"], True)


def test_rescue_and_always(make: Maker):
    block = make.block([make.task("a"), make.task("b")], [make.task("r")], [make.task("z")])
    taken = Taken(play_of([block, make.task("on")]), {"a": FAIL})
    assert taken.names == ["a", "r", "z", "on"]
    assert (taken.rescued, taken.walk.failed) == (["a"], False)
    assert Taken(play_of([block])).names == ["a", "b", "z"]


def test_always_runs_after_a_rescue_that_fails(make: Maker):
    block = make.block([make.task("a")], [make.task("r")], [make.task("z")])
    taken = Taken(play_of([block, make.task("never")]), {"a": FAIL, "r": FAIL})
    assert (taken.names, taken.walk.failed) == (["a", "r", "z"], True)


def test_an_outer_block_rescues_what_an_inner_one_lets_pass(make: Maker):
    inner = make.block([make.task("a")], always=[make.task("z")])
    outer = make.block([inner, make.task("never")], [make.task("r")])
    taken = Taken(play_of([outer, make.task("on")]), {"a": FAIL})
    assert taken.names == ["a", "z", "r", "on"]


def test_whether_a_failure_is_rescued_is_known_before(make: Maker):
    seen: dict[str, bool] = {}

    def note(name: str) -> Callable[[Walk], Reply]:
        def reply(walk: Walk) -> Reply:
            seen[name] = walk.is_rescued
            return CONTINUE

        return reply

    block = make.block([make.task("in")], [make.task("r")], [make.task("always")])
    names = ("before", "in", "always")
    Taken(play_of([make.task("before"), block]), {name: note(name) for name in names})  # type: ignore[arg-type]
    assert seen == {"before": False, "in": True, "always": False}


def test_an_include_comes_before_what_follows(make: Maker):
    first, last = make.task("include"), make.task("last")
    inserted = Insert([make.task("x"), make.block([make.task("y")])])
    assert Taken(play_of([first, last]), {"include": inserted}).names == [
        "include",
        "x",
        "y",
        "last",
    ]


def test_handlers_run_once_in_the_order_of_their_definition(make: Maker):
    one, two = make.handler("one"), make.handler("two")

    def notify(walk: Walk) -> Reply:
        assert walk.notified.add(two)
        assert walk.notified.add(one)
        assert not walk.notified.add(two)
        return CONTINUE

    play = play_of([make.task("a")], [one, two], post_tasks=[make.task("post", section=3)])
    assert Taken(play, {"a": notify}).names == ["a", "one", "two", "post"]  # type: ignore[dict-item]


def test_a_handler_may_notify_later_ones_at_once_and_earlier_ones_for_later(make: Maker):
    one, two, three = (make.handler(each) for each in ("one", "two", "three"))

    def first(walk: Walk) -> Reply:
        walk.notified.add(two)
        return CONTINUE

    def second(walk: Walk) -> Reply:
        walk.notified.add(one)
        walk.notified.add(three)
        return CONTINUE

    play = play_of([make.task("a")], [one, two, three], post_tasks=[make.task("post", section=3)])
    taken = Taken(play, {"a": first, "two": second})  # type: ignore[dict-item]
    assert taken.names == ["a", "two", "three", "post", "one"]


def test_flushing_where_a_task_says_so(make: Maker):
    handler = make.handler("h")

    def notify(walk: Walk) -> Reply:
        walk.notified.add(handler)
        return CONTINUE

    play = play_of([make.task("a"), make.task("flush"), make.task("b")], [handler])
    assert Taken(play, {"a": notify, "flush": Flush()}).names == ["a", "flush", "h", "b"]  # type: ignore[dict-item]


@pytest.mark.parametrize(("force", "names"), [(True, ["a", "b", "h"]), (False, ["a", "b"])])
def test_handlers_after_a_failure(make: Maker, force: bool, names: list[str]):
    handler = make.handler("h")

    def notify(walk: Walk) -> Reply:
        walk.notified.add(handler)
        return CONTINUE

    play = play_of([make.task("a"), make.task("b")], [handler])
    taken = Taken(play, {"a": notify, "b": FAIL}, force_handlers=force)  # type: ignore[dict-item]
    assert (taken.names, taken.walk.failed) == (names, True)


def test_a_host_that_ends_runs_nothing_more(make: Maker):
    block = make.block([make.task("a")], [make.task("r")], [make.task("z")])
    taken = Taken(play_of([block, make.task("b")]), {"a": EndHost()})
    assert (taken.names, taken.walk.failed) == (["a"], False)


def test_what_is_not_wanted_is_passed_over(make: Maker):
    taken = Taken(
        play_of([make.task("a"), make.task("b")]), is_wanted=lambda task: task.name != "a"
    )
    assert taken.names == ["b"]


def test_the_end_of_a_role_without_a_role_ends_nothing(make: Maker):
    assert Taken(play_of([make.task("a"), make.task("b")]), {"a": EndRole()}).names == ["a", "b"]


def test_hosts_stay_side_by_side(make: Maker):
    """Who is in a rescue holds the others back until they meet again."""
    block = make.block([make.task("a"), make.task("b")], [make.task("r")])
    play = play_of([block, make.task("c")])
    hooks = Hooks(lambda _task: True, lambda _task, _result: None)
    order: list[tuple[str, list[str]]] = []

    def execute(task: Task, names: list[str]) -> dict[str, Reply]:
        order.append((str(task.name), names))
        return {
            name: FAIL if (str(task.name), name) == ("a", "one") else CONTINUE for name in names
        }

    run_side_by_side({"one": Walk(play, hooks), "two": Walk(play, hooks)}, execute)
    assert order == [("a", ["one", "two"]), ("b", ["two"]), ("r", ["one"]), ("c", ["one", "two"])]

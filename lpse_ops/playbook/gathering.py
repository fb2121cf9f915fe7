"""The task that gathers facts before all others of a play."""

from collections.abc import Callable
from typing import Any

from lpse_ops.marked import Map, Text
from lpse_ops.playbook.flags import as_flag
from lpse_ops.playbook.model import Keywords, Play, Task
from lpse_ops.playbook.options import RunOptions

_NAME = "Gathering Facts"


def gathering_of(play: Play, options: RunOptions, evaluate: Callable[[Any], Any]) -> list[Task]:
    """Facts are gathered first, unless the play or the settings say otherwise."""
    keywords = play.keywords
    wanted = evaluate(keywords.get("gather_facts"))
    if wanted is None:
        wanted = options.gathering != "explicit"
    if not as_flag("gather_facts", wanted):
        return []
    subset = keywords.get("gather_subset") or list(options.gather_subset)
    args = Map({Text("gather_subset"): subset})
    args[Text("gather_timeout")] = keywords.get("gather_timeout") or options.gather_timeout
    if keywords.get("fact_path"):
        args[Text("fact_path")] = keywords.get("fact_path")
    return [
        Task(
            keywords=Keywords(Map(), keywords, "task"),
            name=Text(_NAME, play.origin),
            action="setup",
            written_action="ansible.builtin.setup",
            args=args,
            origin=play.origin,
            position=(-1,),
            implicit=True,
        )
    ]

"""``--list-tasks``, ``--list-tags``, ``--list-hosts`` and ``--syntax-check``, as Ansible prints."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from lpse_ops.marked import plain
from lpse_ops.playbook.keywords import values_of
from lpse_ops.playbook.model import Block, Node, Play, Playbook, Task
from lpse_ops.playbook.tags import kept, selected, tags_of


@dataclass(frozen=True)
class Listing:
    """What is asked for: any of the three, and the tags of the command line."""

    hosts: bool = False
    tasks: bool = False
    tags: bool = False
    only: Collection[str] = field(default_factory=lambda: frozenset({"all"}))
    skip: Collection[str] = frozenset()


@dataclass(frozen=True)
class Surroundings:
    """How a listing learns what no file says.

    ``hosts_of`` gives the names that a play's patterns match; ``evaluate`` resolves a template of
    a play (its name, patterns or tags) with what is known before any host is.
    """

    hosts_of: Callable[[list[Any]], Sequence[str]]
    evaluate: Callable[[Any, Play], Any]


def render_syntax_check(names: Sequence[str]) -> str:
    """What a playbook without faults prints."""
    return "".join(f"\nplaybook: {name}\n" for name in names)


def render_listing(
    playbooks: Sequence[tuple[str, Playbook]], listing: Listing, around: Surroundings
) -> str:
    """The whole text for playbooks and the names they were asked for by."""
    parts = []
    for name, playbook in playbooks:
        parts.append(f"\nplaybook: {name}\n")
        for number, play in enumerate(playbook.plays, 1):
            parts.append(_render_play(number, play, listing, around))
    return "".join(parts)


def _render_play(number: int, play: Play, listing: Listing, around: Surroundings) -> str:
    patterns = _patterns(play, around)
    own_tags = sorted(_written_tags(play))
    title = f"\n  play #{number} ({','.join(patterns)}): {_play_name(play, patterns, around)}"
    lines = [f"{title}\tTAGS: [{','.join(own_tags)}]"]
    if listing.hosts:
        hosts = around.hosts_of(list(patterns))
        lines.append(f"    pattern: {patterns}\n    hosts ({len(hosts)}):")
        lines.extend(f"      {host}" for host in hosts)
    if listing.tasks or listing.tags:
        lines.extend(_render_tasks(play, listing, around))
    return "\n".join(lines) + "\n"


def _patterns(play: Play, around: Surroundings) -> list[str]:
    value = around.evaluate(play.hosts, play)
    return [str(each) for each in values_of(plain(value))]


def _play_name(play: Play, patterns: list[str], around: Surroundings) -> str:
    return str(around.evaluate(play.name, play)) if play.name else ",".join(patterns)


def _render_tasks(play: Play, listing: Listing, around: Surroundings) -> list[str]:
    # A list of all tags shows those too that only run when they are asked for.
    is_narrowed = listing.skip or set(listing.only) != {"all"}
    only = {"all", "never"} if listing.tags and not is_narrowed else listing.only

    def tags_of_task(task: Task) -> frozenset[str]:
        return tags_of(task.keywords, lambda tag: around.evaluate(tag, play))

    def is_selected(task: Task) -> bool:
        return selected(tags_of_task(task), only, listing.skip)

    tasks = [task for part in play.sections() for task in _listed(kept(part, is_selected))]
    lines = ["    tasks:"] if listing.tasks else []
    if listing.tasks:
        for task in tasks:
            name = task.label if task.name else task.written_action
            tags = sorted(tags_of_task(task) | _written_tags(play))
            lines.append(f"      {name}\tTAGS: [{', '.join(tags)}]")
    if listing.tags:
        every = _written_tags(play).union(*map(tags_of_task, tasks))
        lines.append(f"      TASK TAGS: [{', '.join(sorted(every))}]")
    return lines


def _written_tags(play: Play) -> frozenset[str]:
    """The tags of the play itself; Ansible lists them with their templates unresolved."""
    return tags_of(play.keywords, lambda tag: tag)


def _listed(nodes: list[Node]) -> list[Task]:
    """Tasks of the listing: neither our own nor those of ``rescue`` and ``always``."""
    found: list[Task] = []
    for node in nodes:
        if isinstance(node, Block):
            found.extend(_listed(node.block))
        elif not node.implicit:
            found.append(node)
    return found

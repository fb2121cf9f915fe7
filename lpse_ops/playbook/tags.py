"""Which tasks ``--tags`` and ``--skip-tags`` leave: as Ansible chooses."""

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

from lpse_ops.marked import Text
from lpse_ops.playbook.actions_table import is_template
from lpse_ops.playbook.keywords import values_of
from lpse_ops.playbook.model import Block, Keywords, Node, Task

UNTAGGED = frozenset({"untagged"})


def tag_values(value: Any) -> list[Any]:
    """Tags as a list; a text that is no template may hold several, with commas between."""
    if isinstance(value, Text) and not is_template(value):
        return [Text(each.strip(), value.origin) for each in value.split(",")]
    return list(values_of(value))


def tags_of(keywords: Keywords, evaluate: Callable[[Any], Any]) -> frozenset[str]:
    """All tags that hold at a place, those around it too; ``evaluate`` resolves templates."""
    found: set[str] = set()
    for written in keywords.chain("tags"):
        for tag in tag_values(written):
            value = evaluate(tag) if is_template(tag) else tag
            found |= {str(each) for each in values_of(value)}
    return frozenset(found)


def selected(tags: Collection[str], only: Collection[str], skip: Collection[str]) -> bool:
    """Whether a task with ``tags`` runs; ``only`` is usually {"all"}.

    ``always`` runs unless skipped by that name or its others; ``never`` only when asked for.
    """
    own = frozenset(tags) or UNTAGGED
    return _is_asked(own, only) and not _is_skipped(own, skip)


def _is_asked(own: frozenset[str], only: Collection[str]) -> bool:
    if not only or "always" in own or not own.isdisjoint(only):
        return True
    if "never" in own:
        return False
    return "all" in only or ("tagged" in only and own != UNTAGGED)


def _is_skipped(own: frozenset[str], skip: Collection[str]) -> bool:
    if "all" in skip:
        return "always" not in own or "always" in skip
    return not own.isdisjoint(skip) or ("tagged" in skip and own != UNTAGGED)


def kept(nodes: list[Node], keep: Callable[[Task], bool]) -> list[Node]:
    """The nodes with only the tasks that ``keep`` wants; blocks without any are gone."""
    left: list[Node] = []
    for node in nodes:
        if isinstance(node, Task):
            left.extend([node] if keep(node) else [])
            continue
        parts = [kept(part, keep) for part in (node.block, node.rescue, node.always)]
        if any(parts):
            left.append(_with_parts(node, parts))
    return left


def _with_parts(node: Block, parts: list[list[Node]]) -> Block:
    block, rescue, always = parts
    return dataclasses.replace(node, block=block, rescue=rescue, always=always)

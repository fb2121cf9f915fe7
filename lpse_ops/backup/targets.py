"""The configured paths as a tree of path components, so that shared parents are stored once."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Target:
    """``is_wanted``: everything below is stored; otherwise only the listed children are."""

    is_wanted: bool = False
    children: dict[bytes, "Target"] = field(default_factory=dict)


def plan_targets(paths: Iterable[bytes]) -> Target:
    """Merge absolute paths; one that lies below another adds nothing."""
    root = Target()
    for path in sorted(paths):
        _add(root, [part for part in os.path.normpath(path).split(b"/") if part])
    return root


def _add(target: Target, parts: list[bytes]) -> None:
    for part in parts:
        if target.is_wanted:
            return
        target = target.children.setdefault(part, Target())
    target.is_wanted = True
    target.children.clear()

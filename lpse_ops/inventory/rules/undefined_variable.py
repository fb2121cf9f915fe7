"""A playbook or a role uses a variable that nothing defines.

The run stops at that task, on the first host that comes to it, with half of the work done.  Define
the variable in `group_vars/` or `host_vars/`, give the role a default, or write `default(...)`.
Only asked when playbooks are given.  What is passed with `-e` may stand in the ignore file.
"""

from collections.abc import Iterator

from lpse_ops.inventory.seen import Fault, Seen
from lpse_ops.inventory.templatesof import Templates
from lpse_ops.marked import Origin, Text

SEVERITY = "error"
# Facts, and how a host is reached.
_AMBIENT = ("ansible_", "getent_")


def check(seen: Seen) -> Iterator[Fault]:
    if not seen.is_complete or not (seen.used or seen.defined):
        return
    known = seen.defined | {cell.name for cell in seen.cells}
    for name, origin in seen.used.items():
        if name not in known:
            yield _fault(name, origin, "")
    yield from _in_values(seen, known)


def _in_values(seen: Seen, known: frozenset[str]) -> Iterator[Fault]:
    """The same in values of the inventory, if they are used; a host's address always is."""
    templates = Templates()
    used = set(seen.used)
    told: set[tuple[str, Origin]] = set()
    cells: dict[str, list[tuple[str, Text]]] = {}
    for cell in seen.cells:
        texts = templates.texts_in(cell.value)
        cells.setdefault(cell.name, []).extend((cell.owner, text) for text in texts)
    left = [name for name in cells if name in used or name.startswith(_AMBIENT)]
    while left:
        for owner, text in cells.pop(left.pop(), ()):
            for name in templates.needed(text):
                if name in cells:
                    left.append(name)
                place = templates.place(text, name)
                if name in known or name.startswith(_AMBIENT) or (name, place) in told:
                    continue
                told.add((name, place))
                yield _fault(name, place, owner)


def _fault(name: str, origin: Origin, subject: str) -> Fault:
    hint = f"write {name} in group_vars or host_vars, or use {name} | default(...) here"
    return Fault(origin, f"{name} is used here and defined nowhere", hint, subject)
